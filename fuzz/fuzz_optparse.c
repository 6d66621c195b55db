/* SPDX-License-Identifier: Apache-2.0
 *
 * Any lines as a command line: what is no option stays, in order, and every option has its values. */
#include "fuzz.h"
#include "optparse.h"

#define ARGS_MAX 64

static const struct option options[] = {
    {.letter = 'd', .name = "here", .kind = OPTION_VALUE, .value = "DIR", .id = 1},
    {.letter = 'q', .name = "quiet", .kind = OPTION_FLAG, .id = 2},
    {.name = "parallel", .kind = OPTION_FLAG, .id = 3},
    {.name = "partial", .kind = OPTION_FLAG, .id = 4},
    {.name = "rename", .kind = OPTION_VALUE2, .value = "RE REPL", .id = 5},
    {.letter = 'c', .name = "concurrency", .kind = OPTION_VALUE, .value = "N", .id = 6, .lacking = "none"},
    {0},
};

struct met {
	size_t values;
	size_t options;
};

static int
meet(void *context, const struct option *option, char *const *values, struct err *err)
{
	struct met *met = context;
	size_t count = option->kind == OPTION_FLAG ? 0 : option->kind == OPTION_VALUE ? 1 : 2;
	long number;

	LAW(option >= options && option < options + 6);
	met->options++;
	for (size_t i = 0; i < count; i++)
		met->values += strlen(values[i]) + 1;
	return option->id == 6 ? optparse_int(option, values[0], &number, err) : 0;
}

static void
law_of_quotes(struct slice text)
{
	struct buf out;

	buf_init(&out, FUZZ_MAX);
	optparse_quote(&out, text);
	LAW(!out.failed && out.len >= 2 && out.len <= 10 * text.len + 2);
	LAW(out.data[0] == out.data[out.len - 1] && (out.data[0] == '\'' || out.data[0] == '"'));
	for (size_t i = 0; i < out.len; i++)
		LAW(out.data[i] >= ' ' && out.data[i] != 0x7f);
	buf_release(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size), line;
	bool keep_dashes = take_byte(&in) & 1;
	char *args[ARGS_MAX], *before[ARGS_MAX];
	size_t count = 0, positionals = 0, at = 0;
	struct err err = {0};
	struct met met = {0};
	int rc;

	law_of_quotes(in);
	while (count < ARGS_MAX && slice_split(&in, '\n', &line)) {
		args[count] = before[count] = slice_dup(slice_head(line, slice_find(line, 0)));
		LAW(args[count] != NULL);
		count++;
	}
	rc = optparse(options, args, count, keep_dashes, meet, &met, &positionals, &err);
	LAW((rc != 0) == (err.kind != ERR_NONE) && (rc == 0 || err.text[0]));
	LAW(positionals <= count);
	for (size_t i = 0; rc == 0 && i < positionals; i++) {
		while (at < count && before[at] != args[i])
			at++;
		LAW(at++ < count);
	}
	for (size_t i = 0; i < count; i++)
		free(before[i]);
	return 0;
}
