/* SPDX-License-Identifier: Apache-2.0
 *
 * JUnit XML: the laws of converters, and that a second file is read as if it were the first. */
#include "fuzz_converter.h"
#include "junitxml.h"

static void *
make(converter_fn fn, void *context)
{
	struct junitxml *j = junitxml_new(fn, context);
	struct err err = {0};

	LAW(j && junitxml_begin(j, &err) == 0);
	return j;
}

static int
feed(void *parser, struct slice bytes, struct err *err)
{
	return junitxml_feed(parser, bytes, err);
}

static int
end(void *parser, struct err *err)
{
	return junitxml_end(parser, err);
}

static void
release(void *parser)
{
	junitxml_free(parser);
}

/* Entities may make some megabytes before expat finds that suspicious. */
static const struct converter converter = {make, feed, end, release, (size_t)64 << 20};

static int
count(void *context, const struct event *e, struct err *err)
{
	(void)err;
	if (e->id.data)
		++*(size_t *)context;
	return 0;
}

static void
law_of_files(struct slice bytes)
{
	size_t counts[2] = {0, 0}, counted = 0;
	struct junitxml *j = junitxml_new(count, &counted);

	LAW(j != NULL);
	for (int i = 0; i < 2; i++) {
		struct err err = {0};

		counted = 0;
		LAW(junitxml_begin(j, &err) == 0);
		if (junitxml_feed(j, bytes, &err) == 0)
			junitxml_end(j, &err);
		counts[i] = counted;
	}
	LAW(counts[0] == counts[1]);
	junitxml_free(j);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	law_of_converters(&converter, slice_of(data, size));
	law_of_files(slice_from(slice_of(data, size), 2));
	return 0;
}
