/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as the text of a failure, and as a message to be made normal. The id of the test comes first. */
#include "cause.h"
#include "fuzz.h"
#include "normal.h"

static void
law_of_normal_forms(struct slice in)
{
	struct buf once, twice;

	buf_init(&once, FUZZ_MAX);
	buf_init(&twice, FUZZ_MAX);
	normal_form(&once, in);
	normal_form(&twice, buf_get(&once));
	LAW(!once.failed && slice_eq(buf_get(&once), buf_get(&twice)));
	for (size_t i = 0; i < once.len; i++)
		LAW(once.data[i] >= ' ' && !(once.data[i] >= '0' && once.data[i] <= '9'));
	buf_release(&once);
	buf_release(&twice);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size), test = take_bytes(&in), rest, line;
	size_t lines = 0;
	struct cause c;

	law_of_normal_forms(in);
	cause_init(&c);
	cause_find(&c, in, test);
	LAW(!c.message.failed && !c.frames.failed);
	LAW(slice_find(buf_get(&c.message), '\n') == c.message.len);
	rest = buf_get(&c.frames);
	while (slice_split(&rest, '\n', &line))
		lines++;
	LAW(lines <= CAUSE_FRAMES + 1);
	cause_release(&c);
	return 0;
}
