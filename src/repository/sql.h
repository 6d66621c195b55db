/* SPDX-License-Identifier: Apache-2.0
 *
 * All SQL of the index (index.c). Values only ever come in as bound parameters, ?1, ?2, … . */
#ifndef SQL_H
#define SQL_H

/* Goes up with every change of the schema that an older program could not live with. */
#define SQL_SCHEMA_VERSION 1

extern const char sql_schema[];

extern const char sql_run_next[];
extern const char sql_run_insert[];
extern const char sql_run_update[];
extern const char sql_run_get[];
extern const char sql_runs[];
extern const char sql_run_running[];
extern const char sql_run_latest[];

extern const char sql_test_find[];
extern const char sql_test_insert[];
extern const char sql_test_count[];
extern const char sql_test_duration[];
extern const char sql_test_durations[];
extern const char sql_test_set_duration[];

extern const char sql_tagset_find[];
extern const char sql_tagset_insert[];

extern const char sql_result_first[];
extern const char sql_result_further[];
extern const char sql_results_delete[];

extern const char sql_failing_clear[];
extern const char sql_failing_changes[];
extern const char sql_failing_set[];
extern const char sql_failing_remove[];
extern const char sql_failing[];
extern const char sql_failing_names[];

#endif
