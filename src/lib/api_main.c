/* SPDX-License-Identifier: Apache-2.0 */
#include "convert.h"
#include "descriptor.h"
#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FD_VARIABLE "TESTR_RPC_FD"
/* Of a file of ids. */
#define LIST_MAX ((size_t)256 << 20)
#define READ_SIZE ((size_t)65536)

struct arguments {
	bool server, list;
	const char *load_list; /* or NULL */
	int fd;                /* $TESTR_RPC_FD, or -1 */
};

static int
complain(char **argv, const char *what, const char *why)
{
	fprintf(stderr, "%s: %s%s%s\n", argv[0] ? argv[0] : "test program", what, why ? ": " : "",
	    why ? why : "");
	return 1;
}

/* ---- the command line ---- */

/* The channel is ours alone: what tests start must neither speak there nor hold it open. */
static int
take_channel(struct arguments *a, char **argv)
{
	const char *text = getenv(FD_VARIABLE);
	int64_t number;

	a->fd = -1;
	if (!text)
		return 0;
	if (!slice_int(slice_str(text), &number) || number < 0 || number > INT32_MAX ||
	    fcntl((int)number, F_SETFD, FD_CLOEXEC))
		return complain(argv, FD_VARIABLE " is not the number of an open descriptor", text);
	a->fd = (int)number;
	unsetenv(FD_VARIABLE);
	return 0;
}

static int
parse(struct arguments *a, int argc, char **argv)
{
	static const char load_list[] = "--load-list";
	size_t len = sizeof(load_list) - 1;

	for (int i = 1; i < argc; i++) {
		const char *word = argv[i];

		if (strcmp(word, "--server") == 0) {
			a->server = true;
		} else if (strcmp(word, "--list") == 0) {
			a->list = true;
		} else if (strcmp(word, load_list) == 0 && i + 1 < argc) {
			a->load_list = argv[++i];
		} else if (strncmp(word, load_list, len) == 0 && word[len] == '=') {
			a->load_list = word + len + 1;
		} else {
			complain(argv, "an argument that is not understood", word);
			fprintf(stderr, "usage: %s [--server | [--list] [--load-list FILE]]\n", argv[0]);
			return 2;
		}
	}
	if (!a->server && !a->list && !a->load_list && a->fd >= 0)
		a->server = true;
	return 0;
}

/* ---- standard output ---- */

/* Moves standard output away, and captures what is written there. Returns where it led to, or -1. */
static int
move_output(struct subunit2_server *s, FILE **file)
{
	int out = fcntl(1, F_DUPFD_CLOEXEC, 3), flags;

	*file = tmpfile();
	if (out < 0 || !*file)
		return -1;
	s->capture = fileno(*file);
	flags = fcntl(s->capture, F_GETFL);
	/* Children write at the end as well, wherever they think they are. */
	if (flags < 0 || fcntl(s->capture, F_SETFL, flags | O_APPEND) ||
	    fcntl(s->capture, F_SETFD, FD_CLOEXEC))
		return -1;
	fflush(stdout);
	return dup2(s->capture, 1) < 0 ? -1 : out;
}

/* Standard input, which becomes empty for the tests; or -1. */
static int
move_input(void)
{
	int in = fcntl(0, F_DUPFD_CLOEXEC, 3), null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (in < 0 || null < 0 || dup2(null, 0) < 0)
		return -1;
	close(null);
	return in;
}

/* ---- tests run once ---- */

static int
read_file(const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), n = -1;

	buf_init(out, LIST_MAX);
	if (fd < 0)
		return -1;
	do {
		uint8_t *at = buf_space(out, READ_SIZE);

		n = at ? descriptor_read(fd, at, READ_SIZE) : -1;
		if (n > 0)
			buf_commit(out, (size_t)n);
		else if (!at)
			errno = EFBIG;
	} while (n > 0);
	close(fd);
	return n;
}

/* Appends the tests of the list to `tests`, which has room for its lines; fails those that there are not, if wanted.
 * Returns how many it appended. */
static size_t
choose(struct subunit2_server *s, struct slice list, size_t *tests, bool fail)
{
	struct slice line;
	size_t count = 0;

	while (slice_split(&list, '\n', &line)) {
		line = slice_trim(line);
		tests[count] = strtab_find(&s->ids, line);
		if (tests[count] != STRTAB_NONE)
			count++;
		else if (fail && line.len && convert_text_ok(line))
			service_unknown(s, line);
	}
	return count;
}

static size_t
count_lines(struct slice list)
{
	size_t lines = 0;

	for (struct slice line; slice_split(&list, '\n', &line);)
		lines++;
	return lines;
}

static int
once(struct subunit2_server *s, const struct arguments *a, char **argv)
{
	size_t *tests = NULL, count = s->suite.count;
	bool *begun = NULL;
	struct buf list = {0};
	int rc = 0;

	if (a->load_list && read_file(a->load_list, &list) < 0) {
		rc = complain(argv, a->load_list, strerror(errno));
		goto out;
	}
	tests = calloc((a->load_list ? count_lines(buf_get(&list)) : count) + 1, sizeof(*tests));
	begun = calloc((a->load_list ? count_lines(buf_get(&list)) : count) + 1, sizeof(*begun));
	if (!tests || !begun) {
		rc =
		    complain(argv, "cannot take the list of tests", subunit2_strerror(SUBUNIT2_ERROR_MEMORY));
		goto out;
	}
	for (size_t i = 0; !a->load_list && i < count; i++)
		tests[i] = i;
	if (a->load_list)
		count = choose(s, buf_get(&list), tests, !a->list);
	for (size_t i = 0; i < count; i++)
		service_exists(s, tests[i]);
	if (!a->list)
		service_run(s, tests, count, begun);
	if (service_flush(s) < 0 && !s->gone)
		rc = complain(argv, "cannot tell what happened", subunit2_strerror(s->error));
out:
	free(tests);
	free(begun);
	buf_release(&list);
	return rc;
}

static int
serve(struct subunit2_server *s, const struct arguments *a, char **argv)
{
	int in = a->fd >= 0 ? a->fd : move_input(), rc;

	if (a->fd >= 0)
		s->out = a->fd;
	rc = in < 0 ? SUBUNIT2_ERROR_SYSTEM : service_converse(s, in);
	if (a->fd < 0 && in >= 0)
		close(in);
	return rc < 0 ? complain(argv, "the conversation with testr broke off", subunit2_strerror(rc)) : 0;
}

int
subunit2_main(const struct subunit2_suite *suite, int argc, char **argv)
{
	struct arguments a = {0};
	struct subunit2_server s;
	FILE *file = NULL;
	int out, rc;

	rc = take_channel(&a, argv);
	if (rc == 0)
		rc = parse(&a, argc, argv);
	if (rc)
		return rc;
	rc = service_init(&s, suite, 1);
	if (rc < 0) {
		rc = complain(argv,
		    rc == SUBUNIT2_ERROR_ARGUMENT ? "the suite has no id or run, or two tests have one id"
						  : "cannot take the list of tests",
		    subunit2_strerror(rc));
		goto out;
	}
	out = move_output(&s, &file);
	if (out < 0) {
		rc = complain(argv, "cannot capture standard output in a temporary file", strerror(errno));
		goto out;
	}
	s.out = out;
	rc = a.server ? serve(&s, &a, argv) : once(&s, &a, argv);
	/* What is printed from here on, by functions registered with atexit, goes where it went. */
	fflush(stdout);
	dup2(out, 1);
	close(out);
out:
	if (file)
		fclose(file);
	service_release(&s);
	return rc;
}
