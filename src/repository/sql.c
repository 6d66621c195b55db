/* SPDX-License-Identifier: Apache-2.0 */
#include "sql.h"

/* run.state is enum repo_state, result.status enum status, whose values are those of the wire: 0 and 2 never
 * ended, 6 is fail. Times are nanoseconds since 1970, durations nanoseconds, NULL when unknown.
 *
 * counter: "run" is the id of the next run, "sequence" the last place of an end that was given away. run:
 * sequence is NULL until its end. test: hash is FNV-1a of the name in 32 bits; an index over it costs a tenth
 * of one over the names. tagset: the sorted tags of a result without its worker's, each ended by a NUL.
 * result: its packets lie in the run's stream from offset on, within size bytes. attempt counts from 1 within
 * the run. failing: the last result of each failing test, by place. duration: the last known of each test.
 * failing and duration are what folding the runs in the order of sequence makes of them.
 *
 * REFERENCES is there to be read: the check of each would cost a quarter of the time of storing a run. */
const char sql_schema[] = "CREATE TABLE counter ("
			  "	name TEXT PRIMARY KEY,"
			  "	value INTEGER NOT NULL"
			  ") STRICT, WITHOUT ROWID;"
			  "INSERT INTO counter (name, value) VALUES ('run', 0), ('sequence', 0);"
			  "CREATE TABLE run ("
			  "	id INTEGER PRIMARY KEY,"
			  "	uid TEXT NOT NULL UNIQUE,"
			  "	state INTEGER NOT NULL,"
			  "	partial INTEGER NOT NULL,"
			  "	uxsuccess_passes INTEGER NOT NULL,"
			  "	sequence INTEGER,"
			  "	exit_status INTEGER,"
			  "	start INTEGER,"
			  "	stop INTEGER,"
			  "	tests INTEGER NOT NULL,"
			  "	failures INTEGER NOT NULL,"
			  "	skips INTEGER NOT NULL"
			  ") STRICT;"
			  "CREATE INDEX run_running ON run (id) WHERE state = 0;"
			  "CREATE TABLE run_meta ("
			  "	run INTEGER NOT NULL REFERENCES run,"
			  "	key TEXT NOT NULL,"
			  "	value TEXT NOT NULL,"
			  "	PRIMARY KEY (run, key)"
			  ") STRICT, WITHOUT ROWID;"
			  "CREATE TABLE test ("
			  "	id INTEGER PRIMARY KEY,"
			  "	hash INTEGER NOT NULL,"
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
			  "CREATE INDEX result_test ON result (test, run);"
			  "CREATE TABLE failing ("
			  "	place INTEGER PRIMARY KEY,"
			  "	test INTEGER NOT NULL UNIQUE,"
			  "	run INTEGER NOT NULL,"
			  "	attempt INTEGER NOT NULL,"
			  "	FOREIGN KEY (run, test, attempt) REFERENCES result"
			  ") STRICT;"
			  "CREATE TABLE duration ("
			  "	test INTEGER PRIMARY KEY REFERENCES test,"
			  "	duration INTEGER NOT NULL"
			  ") STRICT;";

#define FOUR(row) row ", " row ", " row ", " row
#define SIXTEEN(row) FOUR(row) ", " FOUR(row) ", " FOUR(row) ", " FOUR(row)

const char sql_counter_get[] = "SELECT value FROM counter WHERE name = $1";

const char sql_counter_raise[] = "UPDATE counter SET value = $1 WHERE name = $2 AND value < $1";

const char sql_run_insert[] =
    "INSERT INTO run (id, uid, state, partial, uxsuccess_passes, tests, failures, skips)"
    " VALUES ($1, $2, 0, 0, $3, 0, 0, 0)";

const char sql_run_update[] =
    "UPDATE run SET state = $1, partial = $2, uxsuccess_passes = $3, sequence = $4, exit_status = $5,"
    " start = $6, stop = $7, tests = $8, failures = $9, skips = $10 WHERE id = $11";

#define RUN_COLUMNS \
	"id, uid, state, partial, uxsuccess_passes, sequence, exit_status, start, stop, tests, failures, " \
	"skips"

const char sql_run_get[] = "SELECT " RUN_COLUMNS " FROM run WHERE id = $1";

const char sql_runs[] = "SELECT " RUN_COLUMNS " FROM run ORDER BY id";

#define RUNS_WHERE \
	"SELECT " RUN_COLUMNS " FROM run WHERE id < $1 AND ($2 IS NULL OR start >= $2)" \
	" AND ($3 IS NULL OR start < $3) AND ($4 = 0 OR ((1 << state) & $4) <> 0)" \
	" AND ($5 IS NULL OR EXISTS (SELECT 1 FROM run_meta AS m WHERE m.run = run.id AND m.key = $5" \
	"  AND ($6 IS NULL OR m.value = $6)))"

const char sql_runs_oldest_first[] = RUNS_WHERE " ORDER BY id LIMIT $7";

const char sql_runs_newest_first[] = RUNS_WHERE " ORDER BY id DESC LIMIT $7";

const char sql_run_running[] = "SELECT min(id) FROM run WHERE state = 0 AND id > $1";

const char sql_run_latest[] = "SELECT id FROM run WHERE state <> 0 ORDER BY id DESC LIMIT 1";

const char sql_run_of_uid[] = "SELECT id FROM run WHERE uid = $1";

const char sql_meta_set[] = "INSERT INTO run_meta (run, key, value) VALUES ($1, $2, $3)"
			    " ON CONFLICT (run, key) DO UPDATE SET value = excluded.value";

const char sql_meta[] = "SELECT key, value FROM run_meta WHERE run = $1 ORDER BY key";

const char sql_meta_delete[] = "DELETE FROM run_meta WHERE run = $1";

const char sql_test_find[] = "SELECT id FROM test WHERE hash = $1 AND name = $2";

const char sql_test_next[] = "SELECT coalesce(max(id) + 1, 1) FROM test";

/* Without FAIL, SQLite would have to be able to undo a statement alone, which takes as long as doing it. */
#define TESTS "INSERT OR FAIL INTO test (id, hash, name) VALUES "
#define TEST "(?, ?, ?)"

const char sql_test_insert[] = TESTS TEST;

const char sql_tests_insert[] = TESTS SIXTEEN(TEST);

const char sql_tests[] =
    "SELECT name FROM test WHERE EXISTS (SELECT 1 FROM result WHERE test = test.id) ORDER BY name";

const char sql_tagset_find[] = "SELECT id FROM tagset WHERE tags = $1";

const char sql_tagset_insert[] = "INSERT INTO tagset (tags) VALUES ($1) RETURNING id";

const char sql_run_has_results[] = "SELECT 1 FROM result WHERE run = $1 LIMIT 1";

const char sql_attempts[] = "SELECT max(attempt) FROM result WHERE run = $1 AND test = $2";

#define RESULTS \
	"INSERT OR FAIL INTO result (run, test, attempt, status, start, duration, worker, tagset, offset," \
	" size) VALUES "
#define RESULT "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

const char sql_result_insert[] = RESULTS RESULT;

const char sql_results_insert[] = RESULTS SIXTEEN(RESULT);

const char sql_results_delete[] = "DELETE FROM result WHERE run = $1";

#define ROW_COLUMNS "r.run, r.attempt, r.status, r.start, r.duration, r.worker, r.offset, r.size, g.tags"

const char sql_rows[] =
    "SELECT " ROW_COLUMNS ", t.name FROM result AS r JOIN test AS t ON t.id = r.test"
    " LEFT JOIN tagset AS g ON g.id = r.tagset WHERE r.run = $1 ORDER BY t.name, r.attempt";

/* The results of a running run are known in part, so they wait. */
#define ENDED "run NOT IN (SELECT id FROM run WHERE state = 0)"

const char sql_history[] = "SELECT " ROW_COLUMNS " FROM result AS r LEFT JOIN tagset AS g ON g.id = r.tagset"
			   " WHERE r.test = $1 AND r." ENDED " AND r.run >= coalesce((SELECT min(run) FROM"
			   "  (SELECT DISTINCT run FROM result WHERE test = $1 AND " ENDED
			   "   ORDER BY run DESC LIMIT $2) AS latest), 0) ORDER BY r.run DESC, r.attempt";

const char sql_failing_clear[] = "DELETE FROM failing";

/* All results, in order of completion, of the tests of a run that fail now or failed in it. $2: an unexpected
 * success passes; $3: tests that never ended count. Both lists of tests and the sorting are complete before
 * the first row is given. */
const char sql_failing_changes[] =
    "SELECT test, attempt, status FROM result WHERE run = $1 AND (test IN (SELECT test FROM failing)"
    " OR test IN (SELECT test FROM result WHERE run = $1 AND (status IN (0, 2, 6) OR (status = 4 AND $2 = 0))))"
    " AND ($3 <> 0 OR status NOT IN (0, 2))"
    " ORDER BY status IN (0, 2), CASE WHEN status IN (0, 2) THEN -offset ELSE offset + size END";

const char sql_failing_set[] =
    "INSERT INTO failing (test, run, attempt) VALUES ($1, $2, $3)"
    " ON CONFLICT (test) DO UPDATE SET run = excluded.run, attempt = excluded.attempt";

const char sql_failing_remove[] = "DELETE FROM failing WHERE test = $1";

const char sql_failing[] =
    "SELECT r.run, r.offset, r.size, t.name, r.status, r.start, r.duration FROM failing AS f"
    " JOIN result AS r ON r.run = f.run AND r.test = f.test AND r.attempt = f.attempt"
    " JOIN test AS t ON t.id = f.test ORDER BY f.place";

const char sql_failing_names[] =
    "SELECT t.name FROM failing AS f JOIN test AS t ON t.id = f.test ORDER BY f.place";

/* In the order of the key, so that the last attempt has the last word. */
const char sql_durations_set[] =
    "INSERT OR FAIL INTO duration (test, duration) SELECT test, duration FROM result"
    " WHERE run = $1 AND duration IS NOT NULL ORDER BY test, attempt"
    " ON CONFLICT (test) DO UPDATE SET duration = excluded.duration";

const char sql_duration_count[] = "SELECT max(test) FROM duration";

const char sql_duration[] = "SELECT d.duration FROM test AS t JOIN duration AS d ON d.test = t.id"
			    " WHERE t.hash = $1 AND t.name = $2";

const char sql_durations[] = "SELECT t.name, d.duration FROM duration AS d JOIN test AS t ON t.id = d.test";
