/* SPDX-License-Identifier: Apache-2.0
 *
 * What is recorded of a run beside its results: the directory, host, process, number of workers, parts of the
 * environment, what --meta gives, and the commit that is checked out.
 *
 * git is asked in the background, from the beginning of the run on, so that the run does not wait for it.
 * Where there is no git, no work tree or no place for metadata nothing is recorded of that, and nothing said. */
#ifndef METADATA_H
#define METADATA_H

#include "cli.h"
#include "loop.h"

/* Keys and values. A zeroed one is empty. */
struct metadata {
	struct repo_meta *pairs;
	size_t count, cap;
	struct strtab texts;
};
void metadata_release(struct metadata *m);

/* Checks what --meta says. ERR_USAGE. */
int metadata_check(struct cli *cli);

/* Puts together what is known at the beginning; `seed` may be NULL, `environment` is the value of record_environment or
 * NULL. */
int metadata_gather(
    struct metadata *m, struct cli *cli, size_t workers, const uint32_t *seed, const char *environment);

/* What git says. A zeroed one has not been asked. */
struct checkout {
	struct loop *loop, *own;
	struct process *process;
	struct loop_timer *patience;
	bool ended, taken;
	size_t len;
	uint8_t text[4096];
};

/* Asks about the project's directory; `loop` may be NULL when nobody runs one. Only does it if --meta does not
 * say it all. */
void checkout_ask(struct checkout *c, struct cli *cli, struct loop *loop);
/* True, once, when the answer has come and is to be recorded. */
bool checkout_ready(const struct checkout *c);
/* Records it with the run. */
int checkout_record(struct checkout *c, struct repo_writer *w, struct err *err);
/* Waits for it, but not for ever. */
void checkout_wait(struct checkout *c);
/* Leaves no process. */
void checkout_release(struct checkout *c);

#endif
