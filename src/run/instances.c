/* SPDX-License-Identifier: Apache-2.0 */
#include "instances.h"

#include "template.h"

#include <stdlib.h>
#include <string.h>

/* The output of instance_provision, which is names and blanks. */
#define PROVISION_OUTPUT_MAX ((size_t)1024 * 1024)

void
instances_init(
    struct instances *in, const struct config *config, char *const *environment, struct launch *launch)
{
	*in = (struct instances){.config = config, .environment = environment, .launch = launch};
}

void
instances_release(struct instances *in)
{
	strtab_release(&in->names);
	free(in->taken);
	in->taken = NULL;
	in->taken_cap = 0;
}

static int
add_names(struct instances *in, struct slice text, struct err *err)
{
	struct slice name;

	while (slice_word(&text, &name))
		if (strtab_add(&in->names, name, NULL) == STRTAB_NONE)
			return err_nomem(err);
	if (in->names.len > in->taken_cap) {
		bool *taken = realloc(in->taken, in->names.len * sizeof(*taken));

		if (!taken)
			return err_nomem(err);
		memset(taken + in->taken_cap, 0, in->names.len - in->taken_cap);
		in->taken = taken;
		in->taken_cap = in->names.len;
	}
	return 0;
}

int
instances_provide(struct instances *in, size_t count, struct err *err)
{
	size_t missing = count > in->names.len ? count - in->names.len : 0;
	struct process_end end;
	char *command = NULL;
	struct buf out;
	int rc = -1;

	buf_init(&out, PROVISION_OUTPUT_MAX);
	if (missing == 0) {
		rc = 0;
		goto out;
	}
	if (template_provision(in->config, missing, &command, err) < 0)
		goto out;
	if (!command) {
		rc = 0;
		goto out;
	}
	if (launch_wait(in->launch, command, in->environment, true, true, &out, &end, err) < 0)
		goto out;
	if (end.code != 0) {
		err_set(err, ERR_START, "Provisioning instances failed, return %d",
		    end.signal ? -end.signal : end.code);
		goto out;
	}
	if (out.failed) {
		err_set(err, ERR_START,
		    "instance_provision printed more than %zu bytes; it has to print the names of instances "
		    "alone",
		    PROVISION_OUTPUT_MAX);
		goto out;
	}
	if (add_names(in, buf_get(&out), err) < 0)
		goto out;
	if (in->names.len < count) {
		err_set(err, ERR_START,
		    "instance_provision was asked for %zu instances and printed %zu different names: %s",
		    missing, in->names.len - (count - missing), command);
		goto out;
	}
	rc = 0;
out:
	free(command);
	buf_release(&out);
	return rc;
}

void
instances_take(struct instances *in, struct slice *out)
{
	*out = SLICE_NONE;
	for (size_t i = 0; i < in->names.len; i++)
		if (!in->taken[i]) {
			in->taken[i] = true;
			*out = strtab_get(&in->names, i);
			return;
		}
}

void
instances_return(struct instances *in, struct slice name)
{
	size_t i = name.data ? strtab_find(&in->names, name) : STRTAB_NONE;

	if (i != STRTAB_NONE)
		in->taken[i] = false;
}

int
instances_dispose(struct instances *in, struct err *err)
{
	struct process_end end;
	char *command;
	int rc = 0;

	if (template_dispose(in->config, &in->names, &command, err) < 0)
		return -1;
	if (!command)
		return 0;
	/* Instances are given back also after a cancelled run. */
	launch_reopen(in->launch);
	rc = launch_wait(in->launch, command, in->environment, true, true, NULL, &end, err);
	if (rc == 0 && end.code != 0)
		rc = err_set(err, ERR_FAILED, "Disposing of instances failed, return %d",
		    end.signal ? -end.signal : end.code);
	free(command);
	return rc;
}
