/* SPDX-License-Identifier: Apache-2.0
 *
 * All SQL of the index and of streams in a database. Values only ever come in as bound parameters, numbered in
 * the order of their first appearance (db.h). Where the two databases differ there is a second text, for
 * PostgreSQL. */
#ifndef SQL_H
#define SQL_H

/* Goes up with every change of the schema that an older program could not live with. */
#define SQL_SCHEMA_VERSION 4

/* How many rows a statement whose name is in the plural inserts. */
#define SQL_MANY 16
/* How often the schema of PostgreSQL has changed; its version is the number of migrations that were applied. */
#define SQL_MIGRATIONS 3

extern const char sql_schema[];
extern const char sql_schema_streams[];
extern const char sql_clear[];
/* Each brings the schema one version further. */
extern const char *const sql_migrations[SQL_MIGRATIONS];
extern const char sql_migration_lock[];

extern const char sql_counter_get[];
extern const char sql_counter_get_postgres[];
extern const char sql_counter_raise[];
extern const char sql_counter_set[];

extern const char sql_run_insert[];
extern const char sql_run_update[];
extern const char sql_run_get[];
extern const char sql_runs[];
extern const char sql_runs_oldest_first[];
extern const char sql_runs_newest_first[];
extern const char sql_run_running[];
extern const char sql_runs_between[];
extern const char sql_run_latest[];
extern const char sql_run_is_probe[];
extern const char sql_run_of_uid[];

extern const char sql_meta_set[];
extern const char sql_meta[];
extern const char sql_meta_delete[];

extern const char sql_test_find[];
extern const char sql_test_next[];
extern const char sql_test_insert[];
extern const char sql_tests_insert[];
extern const char sql_tests_find_postgres[];
extern const char sql_tests_lock_postgres[];
extern const char sql_tests_insert_postgres[];
extern const char sql_tests[];

extern const char sql_tagset_find[];
extern const char sql_tagset_insert[];
extern const char sql_tagset_find_postgres[];
extern const char sql_tagset_lock_postgres[];
extern const char sql_tagsets[];
extern const char sql_tagset_profile[];

extern const char sql_setting_get[];
extern const char sql_setting_set[];
extern const char sql_profile_find[];
extern const char sql_profile_insert[];
extern const char sql_profiles_clear[];
extern const char sql_profiles[];

extern const char sql_run_has_results[];
extern const char sql_attempts[];
extern const char sql_attempts_postgres[];
extern const char sql_result_insert[];
extern const char sql_results_insert[];
extern const char sql_results_insert_postgres[];
extern const char sql_results_delete[];
extern const char sql_run_delete[];
extern const char sql_rows[];
extern const char sql_rows_seen[];
/* In the order of enum repo_rows_order. */
#define SQL_PAGE_ORDERS 4
extern const char *const sql_page[SQL_PAGE_ORDERS];
extern const char *const sql_page_postgres[SQL_PAGE_ORDERS];
extern const char sql_page_of_test[];
extern const char sql_tests_page[];
extern const char sql_tests_page_postgres[];
extern const char sql_stamp[];
extern const char sql_stamp_postgres[];
extern const char sql_size[];
extern const char sql_size_postgres[];
extern const char sql_history[];

extern const char sql_fold_start[];
extern const char sql_failing_clear[];
extern const char sql_failing_clear_profiles[];
extern const char sql_failing_changes[];
extern const char sql_failing_set[];
extern const char sql_failing_remove[];
extern const char sql_failing_from_checkpoint[];
extern const char sql_failing[];
extern const char sql_failing_names[];

extern const char sql_durations_set[];
extern const char sql_durations_set_postgres[];
extern const char sql_durations_clear[];
extern const char sql_durations_move[];
extern const char sql_durations_all[];
extern const char sql_duration_count[];
extern const char sql_duration[];
extern const char sql_durations[];

extern const char sql_chunk_runs[];
extern const char sql_chunks_delete[];
extern const char sql_chunks_renumber[];
extern const char sql_chunk_insert[];
extern const char sql_chunk_find[];

#endif
