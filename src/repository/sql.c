/* SPDX-License-Identifier: Apache-2.0 */
#include "sql.h"

/* run.state is enum repo_state, result.status enum status, whose values are those of the wire: 0 and 2 never
 * ended, 6 is fail. Times are nanoseconds since 1970, durations nanoseconds, NULL when unknown.
 *
 * test: hash is FNV-1a of the name in 32 bits; an index over it costs a tenth of one over the names. duration
 * is the last known. tagset: the sorted tags of a result without its worker's, each ended by a NUL. result:
 * its packets lie in the run's stream from offset on, within size bytes. attempt counts from 1 within the
 * run. failing: the last result of each failing test, by place.
 *
 * REFERENCES is there to be read: the check of each would cost a quarter of the time of storing a run. */
const char sql_schema[] = "CREATE TABLE run ("
			  "	id INTEGER PRIMARY KEY,"
			  "	state INTEGER NOT NULL,"
			  "	partial INTEGER NOT NULL,"
			  "	uxsuccess_passes INTEGER NOT NULL,"
			  "	command TEXT,"
			  "	exit_status INTEGER,"
			  "	start INTEGER,"
			  "	stop INTEGER,"
			  "	tests INTEGER NOT NULL,"
			  "	failures INTEGER NOT NULL,"
			  "	skips INTEGER NOT NULL"
			  ") STRICT;"
			  "CREATE INDEX run_running ON run (id) WHERE state = 0;"
			  "CREATE TABLE test ("
			  "	id INTEGER PRIMARY KEY,"
			  "	hash INTEGER NOT NULL,"
			  "	duration INTEGER,"
			  "	name TEXT NOT NULL"
			  ") STRICT;"
			  "CREATE INDEX test_hash ON test (hash);"
			  "CREATE TABLE tagset ("
			  "	id INTEGER PRIMARY KEY,"
			  "	tags BLOB NOT NULL UNIQUE"
			  ") STRICT;"
			  "CREATE TABLE result ("
			  "	run INTEGER NOT NULL REFERENCES run,"
			  "	test INTEGER NOT NULL REFERENCES test,"
			  "	attempt INTEGER NOT NULL,"
			  "	status INTEGER NOT NULL,"
			  "	start INTEGER,"
			  "	duration INTEGER,"
			  "	worker INTEGER,"
			  "	tagset INTEGER REFERENCES tagset,"
			  "	offset INTEGER NOT NULL,"
			  "	size INTEGER NOT NULL,"
			  "	PRIMARY KEY (run, test, attempt)"
			  ") STRICT, WITHOUT ROWID;"
			  "CREATE TABLE failing ("
			  "	place INTEGER PRIMARY KEY,"
			  "	test INTEGER NOT NULL UNIQUE,"
			  "	run INTEGER NOT NULL,"
			  "	attempt INTEGER NOT NULL,"
			  "	FOREIGN KEY (run, test, attempt) REFERENCES result"
			  ") STRICT;";

const char sql_run_next[] = "SELECT coalesce(max(id) + 1, 0) FROM run";

const char sql_run_insert[] =
    "INSERT INTO run (id, state, partial, uxsuccess_passes, command, tests, failures, skips)"
    " VALUES (?1, 0, 0, ?2, ?3, 0, 0, 0)";

const char sql_run_update[] =
    "UPDATE run SET state = ?2, partial = ?3, exit_status = ?4, start = ?5, stop = ?6,"
    " tests = ?7, failures = ?8, skips = ?9 WHERE id = ?1";

#define RUN_COLUMNS "id, state, partial, exit_status, start, stop, tests, failures, skips, uxsuccess_passes"

const char sql_run_get[] = "SELECT " RUN_COLUMNS " FROM run WHERE id = ?1";

const char sql_runs[] = "SELECT " RUN_COLUMNS " FROM run ORDER BY id";

const char sql_run_running[] = "SELECT min(id) FROM run WHERE state = 0 AND id > ?1";

const char sql_run_latest[] = "SELECT id FROM run WHERE state <> 0 ORDER BY id DESC LIMIT 1";

const char sql_test_find[] = "SELECT id FROM test WHERE hash = ?1 AND name = ?2";

const char sql_test_insert[] = "INSERT INTO test (hash, name, duration) VALUES (?1, ?2, ?3)";

const char sql_test_count[] = "SELECT max(id) FROM test";

const char sql_test_duration[] = "SELECT duration FROM test WHERE hash = ?1 AND name = ?2";

const char sql_test_durations[] = "SELECT name, duration FROM test WHERE duration IS NOT NULL";

const char sql_test_set_duration[] = "UPDATE test SET duration = ?2 WHERE id = ?1";

const char sql_tagset_find[] = "SELECT id FROM tagset WHERE tags = ?1";

const char sql_tagset_insert[] = "INSERT INTO tagset (tags) VALUES (?1)";

#define RESULT_COLUMNS "run, test, attempt, status, start, duration, worker, tagset, offset, size"

/* Nothing is inserted when there is a first attempt already. */
const char sql_result_first[] = "INSERT OR IGNORE INTO result (" RESULT_COLUMNS ")"
				" VALUES (?1, ?2, 1, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

const char sql_result_further[] =
    "INSERT INTO result (" RESULT_COLUMNS ")"
    " VALUES (?1, ?2, (SELECT max(attempt) + 1 FROM result WHERE run = ?1 AND test = ?2),"
    " ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

const char sql_results_delete[] = "DELETE FROM result WHERE run = ?1";

const char sql_failing_clear[] = "DELETE FROM failing";

/* All results, in order of completion, of the tests of a run that fail now or failed in it. ?2: an unexpected
 * success passes; ?3: tests that never ended count. Both lists of tests and the sorting are complete before
 * the first row is given. */
const char sql_failing_changes[] =
    "SELECT test, attempt, status FROM result WHERE run = ?1 AND (?3 OR status NOT IN (0, 2)) AND"
    " (test IN (SELECT test FROM failing) OR test IN (SELECT test FROM result"
    "  WHERE run = ?1 AND (status IN (0, 2, 6) OR (status = 4 AND NOT ?2))))"
    " ORDER BY status IN (0, 2), CASE WHEN status IN (0, 2) THEN -offset ELSE offset + size END";

const char sql_failing_set[] =
    "INSERT INTO failing (test, run, attempt) VALUES (?1, ?2, ?3)"
    " ON CONFLICT (test) DO UPDATE SET run = excluded.run, attempt = excluded.attempt";

const char sql_failing_remove[] = "DELETE FROM failing WHERE test = ?1";

const char sql_failing[] =
    "SELECT r.run, r.offset, r.size, t.name, r.status, r.start, r.duration FROM failing AS f"
    " JOIN result AS r USING (run, test, attempt) JOIN test AS t ON t.id = f.test ORDER BY f.place";

const char sql_failing_names[] =
    "SELECT t.name FROM failing AS f JOIN test AS t ON t.id = f.test ORDER BY f.place";
