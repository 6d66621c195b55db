/* SPDX-License-Identifier: Apache-2.0
 *
 * A PostgreSQL server of the tests' own: in a new directory below /tmp, reached by a socket there alone, and
 * stopped with the program, however that ends. Each test has a schema of its own in it. */
#ifndef SERVER_H
#define SERVER_H

#include "harness.h"

#include <glob.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <sys/wait.h>

struct server {
	char directory[64];
	char programs[256];
	pid_t pid;
	unsigned schemas;
};

/* Where Debian has initdb and postgres; the newest. */
static inline int
server_find_programs(struct server *s)
{
	glob_t found;

	if (glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found))
		return -1;
	snprintf(s->programs, sizeof(s->programs), "%s", found.gl_pathv[found.gl_pathc - 1]);
	*strrchr(s->programs, '/') = '\0';
	globfree(&found);
	return 0;
}

/* Starts a program of the server's, quietly; root may not run them, so the user postgres does. */
static inline pid_t
server_start_program(const struct server *s, const char *name, const char *const *arguments)
{
	const char *argv[32] = {"setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"};
	size_t count = geteuid() == 0 ? 4 : 1;
	char path[300];
	pid_t pid;
	int null;

	/* Set after the change of user, which would undo it. */
	argv[count++] = "--pdeathsig=INT";
	snprintf(path, sizeof(path), "%s/%s", s->programs, name);
	argv[count++] = path;
	while (*arguments)
		argv[count++] = *arguments++;
	pid = fork();
	if (pid)
		return pid;
	null = open("/dev/null", O_RDWR);
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	if (chdir(s->directory) == 0)
		execvp(argv[0], (char *const *)argv);
	_exit(127);
}

static inline PGconn *
server_connect(const struct server *s)
{
	char how[160];

	snprintf(how, sizeof(how), "host=%s user=postgres dbname=postgres", s->directory);
	return PQconnectdb(how);
}

static inline int
server_execute(const struct server *s, const char *sql)
{
	PGconn *c = server_connect(s);
	PGresult *answer = PQexec(c, sql);
	ExecStatusType status = PQresultStatus(answer);

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		fprintf(stderr, "# %s: %s", sql, PQerrorMessage(c));
	PQclear(answer);
	PQfinish(c);
	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ? 0 : -1;
}

static inline int
server_wait(const struct server *s)
{
	int status;

	for (;;) {
		PGconn *c = server_connect(s);
		bool there = PQstatus(c) == CONNECTION_OK;

		PQfinish(c);
		if (there)
			return 0;
		if (waitpid(s->pid, &status, WNOHANG) == s->pid)
			return -1;
	}
}

static inline int
server_start(struct server *s)
{
	const char *const make[] = {"-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C",
	    "--no-sync", "--no-instructions", NULL};
	const char *const run[] = {"-D", "data", "-k", s->directory, "-c", "listen_addresses=", "-c",
	    "fsync=off", "-c", "full_page_writes=off", NULL};
	struct passwd *user = getpwnam("postgres");
	int status = -1;

	s->pid = -1;
	strcpy(s->directory, "/tmp/test_postgres.XXXXXX");
	if (server_find_programs(s) || !mkdtemp(s->directory))
		return -1;
	if (geteuid() == 0 && (!user || chown(s->directory, user->pw_uid, user->pw_gid)))
		return -1;
	if (waitpid(server_start_program(s, "initdb", make), &status, 0) < 0 || status != 0)
		return -1;
	s->pid = server_start_program(s, "postgres", run);
	return s->pid > 0 ? server_wait(s) : -1;
}

static inline void
server_stop(struct server *s)
{
	int status;

	if (s->pid > 0) {
		kill(s->pid, SIGINT);
		waitpid(s->pid, &status, 0);
	}
	nftw(s->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Makes a schema and tells its URL. */
static inline int
server_new_schema(struct server *s, char *url, size_t size)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "CREATE SCHEMA t%u", ++s->schemas);
	snprintf(url, size, "postgresql:///postgres?host=%s&user=postgres&options=-csearch_path%%3Dt%u",
	    s->directory, s->schemas);
	return server_execute(s, sql);
}

/* Makes a repository in a schema of its own. */
static inline int
server_new_place(struct server *s, struct place *place)
{
	struct err err;

	if (server_new_schema(s, place->url, sizeof(place->url)))
		return -1;
	if (repo_create(place->url, 2, &err) == 0)
		return 0;
	fprintf(stderr, "# %s\n", err.text);
	return -1;
}

/* The one server of a test program, and cmocka's functions before and after all its tests. */
static struct server server;

static inline int
start_server(void **state)
{
	(void)state;
	return server_start(&server);
}

static inline int
stop_server(void **state)
{
	(void)state;
	server_stop(&server);
	return 0;
}

#endif
