/* SPDX-License-Identifier: Apache-2.0 */
#include "sql.h"

#include "repository.h"

/* run.state is enum repo_state, result.status enum status, whose values are those of the wire: 0 and 2 never
 * ended, 6 is fail. Times are nanoseconds since 1970, durations nanoseconds, NULL when unknown.
 *
 * counter: "run" is the id of the next run, "sequence" the greatest place of an end; "stale", "checkpoint" and
 * "file" belong to the fold (fold.c). run: sequence is NULL until its end. test: hash is FNV-1a of the name in 32
 * bits; an index over it costs a tenth of one over the names. tagset: the sorted tags of a result without its
 * worker's, each ended by a NUL. result: its packets lie in the run's stream from position on, within size bytes.
 * setting: "profiles" is the set of the tags that name profiles. profile: each that a tagset is of, the empty one
 * being 0; the results without tags are of that too.
 * attempt counts from 1 within the run; a run below 0 is the checkpoint's stream (streams.h). failing: the last
 * result of each failing test in a profile, by place. duration: the last known of each, and the sequence of its run.
 * failing and duration are what folding the runs in the order of sequence makes of them.
 *
 * REFERENCES is there to be read: the check of each would cost a quarter of the time of storing a run. */
const char sql_schema[] = "CREATE TABLE counter ("
			  "	name TEXT PRIMARY KEY,"
			  "	value INTEGER NOT NULL"
			  ") STRICT, WITHOUT ROWID;"
			  "INSERT INTO counter (name, value) VALUES"
			  " ('run', 0), ('sequence', 0), ('stale', 0), ('checkpoint', 0), ('file', 0);"
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
			  "CREATE INDEX run_sequence ON run (sequence);"
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
			  "CREATE TABLE setting ("
			  "	name TEXT PRIMARY KEY,"
			  "	value BLOB NOT NULL"
			  ") STRICT, WITHOUT ROWID;"
			  "INSERT INTO setting (name, value) VALUES ('profiles', x'');"
			  "CREATE TABLE profile ("
			  "	id INTEGER PRIMARY KEY,"
			  "	tags BLOB NOT NULL UNIQUE"
			  ") STRICT;"
			  "INSERT INTO profile (id, tags) VALUES (0, x'');"
			  "CREATE TABLE tagset ("
			  "	id INTEGER PRIMARY KEY,"
			  "	tags BLOB NOT NULL UNIQUE,"
			  "	profile INTEGER NOT NULL REFERENCES profile"
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
			  "	position INTEGER NOT NULL,"
			  "	size INTEGER NOT NULL,"
			  "	PRIMARY KEY (run, test, attempt)"
			  ") STRICT, WITHOUT ROWID;"
			  "CREATE INDEX result_test ON result (test, run);"
			  "CREATE TABLE failing ("
			  "	place INTEGER PRIMARY KEY,"
			  "	test INTEGER NOT NULL,"
			  "	profile INTEGER NOT NULL REFERENCES profile,"
			  "	run INTEGER NOT NULL,"
			  "	attempt INTEGER NOT NULL,"
			  "	UNIQUE (test, profile)"
			  ") STRICT;"
			  "CREATE TABLE duration ("
			  "	test INTEGER NOT NULL REFERENCES test,"
			  "	profile INTEGER NOT NULL REFERENCES profile,"
			  "	duration INTEGER NOT NULL,"
			  "	sequence INTEGER NOT NULL,"
			  "	PRIMARY KEY (test, profile)"
			  ") STRICT, WITHOUT ROWID;";

/* Streams where they are in the database as well, in pieces: start is the place of the first byte. */
const char sql_schema_streams[] = "CREATE TABLE stream_chunk ("
				  "	run INTEGER NOT NULL,"
				  "	start INTEGER NOT NULL,"
				  "	bytes BLOB NOT NULL,"
				  "	PRIMARY KEY (run, start)"
				  ") STRICT;";

/* The same in PostgreSQL. Keys are bytes, for their order. */
static const char migration_1[] = "CREATE TABLE testr_schema ("
				  "	version bigint PRIMARY KEY"
				  ");"
				  "CREATE TABLE counter ("
				  "	name text PRIMARY KEY,"
				  "	value bigint NOT NULL"
				  ");"
				  "INSERT INTO counter (name, value) VALUES ('run', 0), ('sequence', 0);"
				  "CREATE TABLE run ("
				  "	id bigint PRIMARY KEY,"
				  "	uid text NOT NULL UNIQUE,"
				  "	state smallint NOT NULL,"
				  "	partial smallint NOT NULL,"
				  "	uxsuccess_passes smallint NOT NULL,"
				  "	sequence bigint,"
				  "	exit_status integer,"
				  "	start bigint,"
				  "	stop bigint,"
				  "	tests bigint NOT NULL,"
				  "	failures bigint NOT NULL,"
				  "	skips bigint NOT NULL"
				  ");"
				  "CREATE INDEX run_running ON run (id) WHERE state = 0;"
				  "CREATE TABLE run_meta ("
				  "	run bigint NOT NULL,"
				  "	key bytea NOT NULL,"
				  "	value bytea NOT NULL,"
				  "	PRIMARY KEY (run, key)"
				  ");"
				  "CREATE TABLE test ("
				  "	id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,"
				  "	hash bigint NOT NULL,"
				  "	name bytea NOT NULL"
				  ");"
				  "CREATE INDEX test_hash ON test (hash);"
				  "CREATE TABLE tagset ("
				  "	id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,"
				  "	tags bytea NOT NULL"
				  ");"
				  "CREATE INDEX tagset_hash ON tagset (md5(tags));"
				  "CREATE TABLE result ("
				  "	run bigint NOT NULL,"
				  "	test bigint NOT NULL,"
				  "	start bigint,"
				  "	duration bigint,"
				  "	tagset bigint,"
				  "	position bigint NOT NULL,"
				  "	size bigint NOT NULL,"
				  "	attempt integer NOT NULL,"
				  "	worker integer,"
				  "	status smallint NOT NULL,"
				  "	PRIMARY KEY (run, test, attempt)"
				  ");"
				  "CREATE INDEX result_test ON result (test, run);"
				  "CREATE TABLE failing ("
				  "	place bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,"
				  "	test bigint NOT NULL UNIQUE,"
				  "	run bigint NOT NULL,"
				  "	attempt integer NOT NULL"
				  ");"
				  "CREATE TABLE duration ("
				  "	test bigint PRIMARY KEY,"
				  "	duration bigint NOT NULL"
				  ");"
				  "CREATE TABLE stream_chunk ("
				  "	run bigint NOT NULL,"
				  "	start bigint NOT NULL,"
				  "	bytes bytea NOT NULL,"
				  "	PRIMARY KEY (run, start)"
				  ");";

/* Durations know the place of their run. */
static const char migration_2[] =
    "INSERT INTO counter (name, value) VALUES ('stale', 0), ('checkpoint', 0), ('file', 0);"
    "CREATE INDEX run_sequence ON run (sequence);"
    "DELETE FROM duration;"
    "ALTER TABLE duration ADD COLUMN sequence bigint NOT NULL;"
    "INSERT INTO duration (test, duration, sequence) SELECT DISTINCT ON (r.test) r.test, r.duration, u.sequence"
    " FROM result AS r JOIN run AS u ON u.id = r.run WHERE u.state <> 0 AND r.duration IS NOT NULL"
    " ORDER BY r.test, u.sequence DESC, u.uid DESC, r.attempt DESC;";

/* What fails and what takes how long is known of each profile. */
static const char migration_3[] = "CREATE TABLE setting ("
				  "	name text PRIMARY KEY,"
				  "	value bytea NOT NULL"
				  ");"
				  "INSERT INTO setting (name, value) VALUES ('profiles', '');"
				  "CREATE TABLE profile ("
				  "	id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,"
				  "	tags bytea NOT NULL UNIQUE"
				  ");"
				  "INSERT INTO profile (id, tags) VALUES (0, '');"
				  "ALTER TABLE tagset ADD COLUMN profile bigint NOT NULL DEFAULT 0;"
				  "ALTER TABLE failing ADD COLUMN profile bigint NOT NULL DEFAULT 0,"
				  "	DROP CONSTRAINT failing_test_key, ADD UNIQUE (test, profile);"
				  "ALTER TABLE duration ADD COLUMN profile bigint NOT NULL DEFAULT 0,"
				  "	DROP CONSTRAINT duration_pkey, ADD PRIMARY KEY (test, profile);";

const char *const sql_migrations[SQL_MIGRATIONS] = {migration_1, migration_2, migration_3};

/* Two that create or migrate at the same time do it one after the other. */
const char sql_migration_lock[] = "SELECT pg_advisory_xact_lock(hashtextextended('testr schema', 0))";

#define FOUR(row) row ", " row ", " row ", " row
#define SIXTEEN(row) FOUR(row) ", " FOUR(row) ", " FOUR(row) ", " FOUR(row)

const char sql_counter_get[] = "SELECT value FROM counter WHERE name = $1";

/* Whoever else wants to give a number away waits for the end of the transaction. */
const char sql_counter_get_postgres[] = "SELECT value FROM counter WHERE name = $1 FOR UPDATE";

const char sql_counter_raise[] = "UPDATE counter SET value = $1 WHERE name = $2 AND value < $1";

const char sql_counter_set[] = "UPDATE counter SET value = $1 WHERE name = $2";

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

#define NOT_A_PROBE \
	"NOT EXISTS (SELECT 1 FROM run_meta AS m WHERE m.run = run.id AND m.key = '" REPO_META_PROBE "')"

/* PostgreSQL learns the type of a parameter where it is compared, and that has to come first. */
#define RUNS_WHERE \
	"SELECT " RUN_COLUMNS " FROM run WHERE id < $1 AND (start >= $2 OR $2 IS NULL)" \
	" AND (start < $3 OR $3 IS NULL) AND ($4 = 0 OR ((1 << state) & $4) <> 0)" \
	" AND (EXISTS (SELECT 1 FROM run_meta AS m WHERE m.run = run.id AND m.key = $5" \
	"  AND (m.value = $6 OR $6 IS NULL)) OR $5 IS NULL)" \
	" AND ($7 = 0 OR " NOT_A_PROBE ")"

const char sql_runs_oldest_first[] = RUNS_WHERE " ORDER BY id LIMIT $8";

const char sql_runs_newest_first[] = RUNS_WHERE " ORDER BY id DESC LIMIT $8";

const char sql_run_running[] = "SELECT min(id) FROM run WHERE state = 0 AND id > $1";

const char sql_runs_between[] = "SELECT " RUN_COLUMNS " FROM run WHERE state <> 0 AND sequence > $1"
				" AND sequence <= $2 AND " NOT_A_PROBE " ORDER BY sequence, uid";

const char sql_run_latest[] =
    "SELECT id FROM run WHERE state <> 0 AND " NOT_A_PROBE " ORDER BY id DESC LIMIT 1";

const char sql_run_is_probe[] = "SELECT 1 FROM run_meta WHERE run = $1 AND key = '" REPO_META_PROBE "'";

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

#define NAMED "unnest($1::bigint[], $2::bytea[]) WITH ORDINALITY AS n (hash, name, place)"

const char sql_tests_find_postgres[] =
    "SELECT n.place, t.id FROM " NAMED " JOIN test AS t ON t.hash = n.hash AND t.name = n.name";

/* Against a second writer that knows the same new test. */
const char sql_tests_lock_postgres[] = "LOCK TABLE test IN SHARE ROW EXCLUSIVE MODE";

const char sql_tests_insert_postgres[] = "INSERT INTO test (hash, name) SELECT n.hash, n.name FROM " NAMED
					 " WHERE NOT EXISTS (SELECT 1 FROM test AS t"
					 "  WHERE t.hash = n.hash AND t.name = n.name) ORDER BY n.place";

const char sql_tests[] =
    "SELECT name FROM test WHERE EXISTS (SELECT 1 FROM result WHERE test = test.id AND run >= 0) ORDER BY name";

const char sql_tagset_find[] = "SELECT id FROM tagset WHERE tags = $1";

const char sql_tagset_insert[] = "INSERT INTO tagset (tags, profile) VALUES ($1, $2) RETURNING id";

const char sql_tagsets[] = "SELECT id, tags FROM tagset ORDER BY id";

const char sql_tagset_profile[] = "UPDATE tagset SET profile = $1 WHERE id = $2";

const char sql_setting_get[] = "SELECT value FROM setting WHERE name = 'profiles'";

const char sql_setting_set[] = "UPDATE setting SET value = $1 WHERE name = 'profiles'";

const char sql_profile_find[] = "SELECT id FROM profile WHERE tags = $1";

const char sql_profile_insert[] = "INSERT INTO profile (tags) VALUES ($1) RETURNING id";

const char sql_profiles_clear[] = "DELETE FROM profile WHERE id <> 0";

/* Of the tests whose durations are known, and of those that fail: how many. The last run is that of the latest of
 * these. */
const char sql_profiles[] =
    "SELECT p.tags, (SELECT count(*) FROM duration AS d WHERE d.profile = p.id),"
    " (SELECT count(*) FROM failing AS f WHERE f.profile = p.id),"
    " (SELECT max(r.id) FROM run AS r WHERE r.sequence ="
    "  (SELECT max(d.sequence) FROM duration AS d WHERE d.profile = p.id))"
    " FROM profile AS p WHERE EXISTS (SELECT 1 FROM duration AS d WHERE d.profile = p.id)"
    " OR EXISTS (SELECT 1 FROM failing AS f WHERE f.profile = p.id) ORDER BY p.tags";

const char sql_tagset_find_postgres[] = "SELECT id FROM tagset WHERE tags = $1 AND md5(tags) = md5($1)";

const char sql_tagset_lock_postgres[] = "LOCK TABLE tagset IN SHARE ROW EXCLUSIVE MODE";

const char sql_run_has_results[] = "SELECT 1 FROM result WHERE run = $1 LIMIT 1";

const char sql_attempts[] = "SELECT max(attempt) FROM result WHERE run = $1 AND test = $2";

#define RESULTS \
	"INSERT OR FAIL INTO result (run, test, attempt, status, start, duration, worker, tagset, position," \
	" size) VALUES "
#define RESULT "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

const char sql_result_insert[] = RESULTS RESULT;

const char sql_results_insert[] = RESULTS SIXTEEN(RESULT);

const char sql_attempts_postgres[] =
    "SELECT n.place, (SELECT max(attempt) FROM result AS r WHERE r.run = $2 AND r.test = n.test)"
    " FROM unnest($1::bigint[]) WITH ORDINALITY AS n (test, place)";

const char sql_results_insert_postgres[] =
    "INSERT INTO result (run, test, attempt, status, start, duration, worker, tagset, position, size)"
    " SELECT $1, * FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],"
    " $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[])";

const char sql_run_delete[] = "DELETE FROM run WHERE id = $1";

const char sql_durations_move[] = "UPDATE duration SET sequence = $1 WHERE sequence < $1";

const char sql_clear[] =
    "DELETE FROM failing; DELETE FROM duration; DELETE FROM result; DELETE FROM run_meta;"
    "DELETE FROM run; DELETE FROM tagset; DELETE FROM test;"
    "UPDATE counter SET value = 0 WHERE name NOT IN ('run', 'sequence')";

const char sql_results_delete[] = "DELETE FROM result WHERE run = $1";

#define ROW_COLUMNS "r.run, r.attempt, r.status, r.start, r.duration, r.worker, r.position, r.size, g.tags"

const char sql_rows[] =
    "SELECT " ROW_COLUMNS ", t.name FROM result AS r JOIN test AS t ON t.id = r.test"
    " LEFT JOIN tagset AS g ON g.id = r.tagset WHERE r.run = $1 ORDER BY t.name, r.attempt";

/* As they lie: nothing is sorted. */
const char sql_rows_seen[] =
    "SELECT " ROW_COLUMNS ", t.name, r.test FROM result AS r JOIN test AS t ON t.id = r.test"
    " LEFT JOIN tagset AS g ON g.id = r.tagset WHERE r.run = $1 ORDER BY r.test, r.attempt";

/* A page of the results of a run: first the rows, by their keys alone, then what belongs to them. `key` is what they
 * are sorted by before test and attempt, and the page begins behind the row $5, $6; where there is none, behind
 * everything. */
#define PAGE(key, has_text) \
	"SELECT " ROW_COLUMNS ", t.name, r.test FROM (SELECT * FROM result AS r WHERE r.run = $1" \
	"  AND ($2 = 0 OR ((1 << r.status) & $2) <> 0) AND (r.worker = $3 OR $3 IS NULL)" \
	"  AND (r.test IN (SELECT id FROM test WHERE " has_text ") OR $4 IS NULL)" \
	"  AND (" key ", r.test, r.attempt) > (coalesce((SELECT " key " FROM result AS r WHERE r.run = $1" \
	"   AND r.test = $5 AND r.attempt = $6), -9223372036854775807), $5, $6)" \
	"  ORDER BY " key ", r.test, r.attempt LIMIT $7) AS r JOIN test AS t ON t.id = r.test" \
	" LEFT JOIN tagset AS g ON g.id = r.tagset ORDER BY " key ", r.test, r.attempt"
/* With a constant for a key there is nothing to sort: the rows lie so. */
#define PAGE_SEEN(has_text) \
	"SELECT " ROW_COLUMNS ", t.name, r.test FROM (SELECT * FROM result AS r WHERE r.run = $1" \
	"  AND ($2 = 0 OR ((1 << r.status) & $2) <> 0) AND (r.worker = $3 OR $3 IS NULL)" \
	"  AND (r.test IN (SELECT id FROM test WHERE " has_text ") OR $4 IS NULL)" \
	"  AND (r.test, r.attempt) > ($5, $6) ORDER BY r.test, r.attempt LIMIT $7) AS r" \
	" JOIN test AS t ON t.id = r.test LEFT JOIN tagset AS g ON g.id = r.tagset ORDER BY r.test, r.attempt"
#define PAGE_TEST(has_text, nothing) \
	"SELECT " ROW_COLUMNS ", t.name, r.test FROM result AS r JOIN test AS t ON t.id = r.test" \
	" LEFT JOIN tagset AS g ON g.id = r.tagset WHERE r.run = $1" \
	" AND ($2 = 0 OR ((1 << r.status) & $2) <> 0) AND (r.worker = $3 OR $3 IS NULL)" \
	" AND (r.test IN (SELECT id FROM test WHERE " has_text ") OR $4 IS NULL)" \
	" AND (t.name, r.attempt) > (coalesce((SELECT name FROM test WHERE id = $5), " nothing "), $6)" \
	" ORDER BY t.name, r.attempt LIMIT $7"
#define SLOWEST "-coalesce(r.duration, -1)"
#define START "coalesce(r.start, 9223372036854775807)"
#define HAS_TEXT "instr(name, $4) > 0"
#define HAS_TEXT_POSTGRES "position($4 IN name) > 0"

const char *const sql_page[SQL_PAGE_ORDERS] = {
    PAGE_SEEN(HAS_TEXT), PAGE_TEST(HAS_TEXT, "''"), PAGE(SLOWEST, HAS_TEXT), PAGE(START, HAS_TEXT)};

const char *const sql_page_postgres[SQL_PAGE_ORDERS] = {PAGE_SEEN(HAS_TEXT_POSTGRES),
    PAGE_TEST(HAS_TEXT_POSTGRES, "''::bytea"), PAGE(SLOWEST, HAS_TEXT_POSTGRES),
    PAGE(START, HAS_TEXT_POSTGRES)};

const char sql_page_of_test[] =
    "SELECT " ROW_COLUMNS ", t.name, r.test FROM test AS t JOIN result AS r ON r.run = $1 AND r.test = t.id"
    " LEFT JOIN tagset AS g ON g.id = r.tagset WHERE t.hash = $2 AND t.name = $3 ORDER BY r.attempt";

#define TESTS_PAGE(has_text) \
	"SELECT name FROM test WHERE name > $1 AND name >= $2 AND (name < $3 OR $3 IS NULL)" \
	" AND (" has_text " OR $4 IS NULL)" \
	" AND EXISTS (SELECT 1 FROM result WHERE test = test.id AND run >= 0) ORDER BY name LIMIT $5"

const char sql_stamp[] = "PRAGMA data_version";

/* Who sees by the same snapshot sees the same. */
const char sql_stamp_postgres[] = "SELECT pg_current_snapshot()::text";

const char sql_size[] =
    "SELECT p.page_count * s.page_size FROM pragma_page_count() AS p, pragma_page_size() AS s";

/* Of the tables of the schema that is ours, with their indexes. */
const char sql_size_postgres[] =
    "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class AS c"
    " JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND n.nspname = current_schema()";

const char sql_tests_page[] = TESTS_PAGE(HAS_TEXT);

const char sql_tests_page_postgres[] = TESTS_PAGE(HAS_TEXT_POSTGRES);

/* The results of a running run are known in part, so they wait. */
#define ENDED "run NOT IN (SELECT id FROM run WHERE state = 0)"

const char sql_history[] = "SELECT " ROW_COLUMNS " FROM result AS r LEFT JOIN tagset AS g ON g.id = r.tagset"
			   " WHERE r.test = $1 AND r." ENDED " AND r.run >= coalesce((SELECT min(run) FROM"
			   "  (SELECT DISTINCT run FROM result WHERE test = $1 AND run >= 0 AND " ENDED
			   "   ORDER BY run DESC LIMIT $2) AS latest), 0) ORDER BY r.run DESC, r.attempt";

/* Where a fold may begin: nothing before the last run of the whole suite has a say in what fails. */
const char sql_fold_start[] =
    "SELECT max(sequence) FROM run WHERE state = 1 AND partial = 0 AND sequence <= $1";

const char sql_failing_clear[] = "DELETE FROM failing";

/* Results with the profiles that they are of. */
#define PROFILED "result AS r LEFT JOIN tagset AS g ON g.id = r.tagset"
#define THEIR_PROFILE "coalesce(g.profile, 0)"

const char sql_failing_clear_profiles[] =
    "DELETE FROM failing WHERE profile IN (SELECT " THEIR_PROFILE " FROM " PROFILED " WHERE r.run = $1)";

/* All results, in order of completion, of the tests of a run that fail now or failed in it. $2: an unexpected
 * success passes; $3: tests that never ended count. Both lists of tests and the sorting are complete before
 * the first row is given. */
const char sql_failing_changes[] =
    "SELECT r.test, r.attempt, r.status, " THEIR_PROFILE " FROM " PROFILED
    " WHERE r.run = $1 AND (r.test IN (SELECT test FROM failing)"
    " OR r.test IN (SELECT test FROM result WHERE run = $1 AND (status IN (0, 2, 6) OR (status = 4 AND $2 = 0))))"
    " AND ($3 <> 0 OR r.status NOT IN (0, 2))"
    " ORDER BY r.status IN (0, 2), CASE WHEN r.status IN (0, 2) THEN -r.position ELSE r.position + r.size END";

const char sql_failing_set[] =
    "INSERT INTO failing (test, profile, run, attempt) VALUES ($1, $2, $3, $4)"
    " ON CONFLICT (test, profile) DO UPDATE SET run = excluded.run, attempt = excluded.attempt";

const char sql_failing_remove[] = "DELETE FROM failing WHERE test = $1 AND profile = $2";

/* A checkpoint has them in their order, and no other results but passing ones; unless it is damaged. */
const char sql_failing_from_checkpoint[] =
    "INSERT INTO failing (test, profile, run, attempt) SELECT r.test, " THEIR_PROFILE
    ", r.run, r.attempt FROM " PROFILED " WHERE r.run = $1 AND r.status <> 3 ORDER BY r.position"
    " ON CONFLICT (test, profile) DO NOTHING";

const char sql_failing[] =
    "SELECT r.run, r.position, r.size, t.name, r.status, r.start, r.duration FROM failing AS f"
    " JOIN result AS r ON r.run = f.run AND r.test = f.test AND r.attempt = f.attempt"
    " JOIN test AS t ON t.id = f.test ORDER BY f.place";

/* Below 0: of all profiles. */
#define OF_PROFILE(table, parameter) "(" table ".profile = " parameter " OR " parameter " < 0)"

const char sql_failing_names[] = "SELECT t.name FROM failing AS f JOIN test AS t ON t.id = f.test"
				 " WHERE " OF_PROFILE("f", "$1") " ORDER BY f.place";

#define LATEST_DURATION \
	" ON CONFLICT (test, profile) DO UPDATE SET duration = excluded.duration, sequence = excluded.sequence" \
	" WHERE excluded.sequence >= duration.sequence"

/* In the order of the key, so that the last attempt has the last word. */
const char sql_durations_set[] =
    "INSERT OR FAIL INTO duration (test, profile, duration, sequence)"
    " SELECT r.test, " THEIR_PROFILE ", r.duration, $1 FROM " PROFILED
    " WHERE r.run = $2 AND r.duration IS NOT NULL ORDER BY r.test, r.attempt" LATEST_DURATION;

const char sql_durations_set_postgres[] =
    "INSERT INTO duration (test, profile, duration, sequence)"
    " SELECT DISTINCT ON (r.test, " THEIR_PROFILE ") r.test, " THEIR_PROFILE
    ", r.duration, CAST($1 AS bigint) FROM " PROFILED
    " WHERE r.run = $2 AND r.duration IS NOT NULL ORDER BY r.test, " THEIR_PROFILE
    ", r.attempt DESC" LATEST_DURATION;

const char sql_durations_clear[] = "DELETE FROM duration";

const char sql_durations_all[] = "SELECT t.name, d.duration, d.sequence, p.tags FROM duration AS d"
				 " JOIN test AS t ON t.id = d.test JOIN profile AS p ON p.id = d.profile"
				 " ORDER BY t.name, p.tags";

const char sql_duration_count[] = "SELECT max(test) FROM duration";

const char sql_duration[] = "SELECT max(d.duration) FROM test AS t JOIN duration AS d ON d.test = t.id"
			    " WHERE t.hash = $1 AND t.name = $2 AND " OF_PROFILE("d", "$3");

const char sql_durations[] = "SELECT t.name, d.duration FROM duration AS d JOIN test AS t ON t.id = d.test"
			     " WHERE " OF_PROFILE("d", "$1");

const char sql_chunk_runs[] = "SELECT DISTINCT run FROM stream_chunk";

const char sql_chunks_delete[] = "DELETE FROM stream_chunk WHERE run = $1";

const char sql_chunks_renumber[] = "UPDATE stream_chunk SET run = $1 WHERE run = $2";

const char sql_chunk_insert[] = "INSERT INTO stream_chunk (run, start, bytes) VALUES ($1, $2, $3)";

/* The one that has the byte at $2, if any has. */
const char sql_chunk_find[] = "SELECT start, bytes FROM stream_chunk WHERE run = $1 AND start <= $2"
			      " ORDER BY start DESC LIMIT 1";
