/* SPDX-License-Identifier: Apache-2.0
 *
 * What is true of PostgreSQL alone: what may be wrong with a server, a database, a schema or a connection. */
#include "server.h"

#include <signal.h>

/* A repository in a schema of its own. */
static void
new_place(struct place *place)
{
	struct err err;

	*place = (struct place){.format = 2};
	assert_int_equal(server_new_schema(&server, place->url, sizeof(place->url)), 0);
	ok(repo_create(place->url, 2, &err));
}

static void
change(const struct place *place, const char *statement)
{
	char sql[256];

	snprintf(sql, sizeof(sql), "SET search_path TO %s; %s", strstr(place->url, "%3D") + 3, statement);
	assert_int_equal(server_execute(&server, sql), 0);
}

static void
errors_say_what_is_wrong_and_what_to_do(void **state)
{
	struct place place;
	char url[200];
	struct err err;

	(void)state;
	must_not_open("postgresql:///x?host=/nonexistent", "is the server running, and is the URL right?");
	must_not_open("postgres://someone:secret@localhost:1/x", "postgresql://localhost/x");
	assert_int_equal(repo_create("postgres://someone:secret@localhost:1/x", 2, &err), -1);
	assert_null(strstr(err.text, "secret"));
	snprintf(url, sizeof(url), "postgresql:///nothing?host=%s&user=postgres", server.directory);
	must_not_open(url, "\"createdb\" makes a database");
	assert_int_equal(server_new_schema(&server, place.url, sizeof(place.url)), 0);
	assert_false(repo_exists(place.url));
	must_not_open(place.url, "Create one by running \"testr init\".");

	new_place(&place);
	assert_true(repo_exists(place.url));
	assert_int_equal(repo_create(place.url, 2, &err), -1);
	assert_non_null(strstr(err.text, "has a repository already"));
	assert_int_equal(repo_create(place.url, 1, &err), -1);
	change(&place, "INSERT INTO testr_schema VALUES (99)");
	must_not_open(place.url, "schema version 99");
	assert_true(repo_exists(place.url));
}

static void
many_make_the_same_repository_once(void **state)
{
	struct place place;
	struct repo *repo;
	int made = 0, status;

	(void)state;
	assert_int_equal(server_new_schema(&server, place.url, sizeof(place.url)), 0);
	for (unsigned i = 0; i < 8; i++) {
		pid_t pid = fork();
		struct err err;

		assert_true(pid >= 0);
		if (pid == 0)
			_exit(repo_create(place.url, 2, &err) == 0 ? 0 : strstr(err.text, "already") ? 1 : 2);
	}
	for (unsigned i = 0; i < 8; i++) {
		assert_true(wait(&status) > 0);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
		made += WEXITSTATUS(status) == 0;
	}
	assert_true(made >= 1);
	place.format = 2;
	repo = open_repo(&place);
	repo_free(repo);
}

/* The server ends the connection of a writer; what it said before is there, and the run is interrupted. */
static void
a_lost_connection_is_said_and_costs_no_result(void **state)
{
	struct place place;
	struct repo *repo;
	struct repo_begin begin = {0};
	struct repo_writer *w;
	struct repo_run run;
	struct err err;
	int64_t id;

	(void)state;
	new_place(&place);
	repo = open_repo(&place);
	ok(repo_run_begin(repo, &begin, &w, &err));
	ok(simple_result(w, "a", STATUS_FAIL, &err));
	ok(repo_flush(w, &err));
	change(&place, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
		       " AND backend_type = 'client backend'");
	ok(simple_result(w, "b", STATUS_SUCCESS, &err));
	assert_int_equal(repo_flush(w, &err), -1);
	assert_non_null(strstr(err.text, "the connection was lost"));
	assert_int_equal(repo_run_finish(w, REPO_FINISHED, false, 1, &id, &err), -1);
	repo_free(repo);

	repo = open_repaired(&place);
	ok(repo_run_get(repo, 0, &run, &err));
	assert_int_equal(run.state, REPO_INTERRUPTED);
	assert_int_equal(run.counts.tests, 1);
	assert_int_equal(run.counts.failures, 1);
	repo_free(repo);
}

static void
repositories_in_one_database_are_apart(void **state)
{
	struct place one, other;
	struct repo *repo, *second;
	struct repo_begin begin = {0};
	struct repo_writer *w;
	struct err err;
	int64_t count, id;

	(void)state;
	new_place(&one);
	new_place(&other);
	repo = open_repo(&one);
	ok(repo_run_begin(repo, &begin, &w, &err));
	second = open_repo(&other);
	ok(repo_run_count(second, &count, &err));
	assert_int_equal(count, 0);
	repo_free(second);
	ok(repo_run_finish(w, REPO_FINISHED, false, 0, &id, &err));
	repo_free(repo);
}

int
main(void)
{
	const struct CMUnitTest laws[] = {
	    cmocka_unit_test(errors_say_what_is_wrong_and_what_to_do),
	    cmocka_unit_test(many_make_the_same_repository_once),
	    cmocka_unit_test(a_lost_connection_is_said_and_costs_no_result),
	    cmocka_unit_test(repositories_in_one_database_are_apart),
	};

	return cmocka_run_group_tests(laws, start_server, stop_server);
}
