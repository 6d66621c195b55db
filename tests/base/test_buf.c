/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODEL_MAX 400

static uint64_t
next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

/* The same contents in an array that is always large enough. */
struct model {
	uint8_t data[MODEL_MAX];
	size_t len, max;
	bool failed;
};

static void
model_add(struct model *m, const void *data, size_t len)
{
	if (m->failed || len == 0)
		return;
	if (len > m->max - m->len) {
		m->failed = true;
		return;
	}
	memcpy(m->data + m->len, data, len);
	m->len += len;
}

static void
model_drop(struct model *m, size_t len)
{
	len = len < m->len ? len : m->len;
	memmove(m->data, m->data + len, m->len - len);
	m->len -= len;
}

static void
step(struct buf *b, struct model *m, uint64_t *seed)
{
	static const char text[] = "The quick brown fox jumps over the lazy dog, again and again and again.";
	size_t len = next_random(seed) % (next_random(seed) % 8 ? 8 : sizeof(text));
	int number = (int)next_random(seed);
	uint8_t *space;
	char printed[100];

	switch (next_random(seed) % 10) {
	case 0:
		buf_add(b, text, len);
		model_add(m, text, len);
		break;
	case 1:
		buf_slice(b, slice_of(text, len));
		model_add(m, text, len);
		break;
	case 2:
		buf_str(b, text + sizeof(text) - 1 - len);
		model_add(m, text + sizeof(text) - 1 - len, len);
		break;
	case 3:
		buf_byte(b, (uint8_t)number);
		model_add(m, &(uint8_t){(uint8_t)number}, 1);
		break;
	case 4:
		buf_printf(b, "%d %.*s", number, (int)len, text);
		snprintf(printed, sizeof(printed), "%d %.*s", number, (int)len, text);
		model_add(m, printed, strlen(printed));
		break;
	case 5:
		/* More room may be asked for than is used in the end. */
		space = buf_space(b, len);
		if (!m->failed && len <= m->max - m->len) {
			assert_non_null(space);
			memset(space, 'x', len);
			memcpy(space, text, len / 2);
			buf_commit(b, len / 2);
			model_add(m, text, len / 2);
		} else {
			assert_null(space);
			m->failed = true;
		}
		break;
	case 6:
		buf_drop(b, len);
		model_drop(m, len);
		break;
	case 7:
		buf_truncate(b, len * 3);
		m->len = m->len < len * 3 ? m->len : len * 3;
		break;
	case 8:
		if (next_random(seed) % 5 == 0) {
			buf_clear(b);
			m->len = 0;
			m->failed = false;
		}
		break;
	default:
		if (m->failed)
			assert_null(buf_cstr(b));
		else
			assert_int_equal(buf_cstr(b)[m->len], '\0');
	}
}

/* Whatever is done in whatever order, the contents are the model's, never longer than the maximum, and a
 * failure stays until cleared. */
static void
test_against_model(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct model m = {.max = next_random(&seed) % MODEL_MAX};
		struct buf b;

		buf_init(&b, m.max);
		for (int i = 0; i < 60; i++) {
			step(&b, &m, &seed);
			assert_true(b.len <= b.max);
			assert_int_equal(b.failed, m.failed);
			assert_true(slice_eq(buf_get(&b), slice_of(m.data, m.len)));
			assert_non_null(buf_get(&b).data);
		}
		buf_release(&b);
		assert_int_equal(b.max, m.max);
		buf_release(&b);
	}
}

/* An append fits exactly, or adds nothing. */
static void
test_maximum(void **state)
{
	(void)state;
	for (size_t max = 0; max < 300; max++) {
		char *text = malloc(max + 2);
		struct buf b;

		memset(text, 'a', max + 1);
		text[max + 1] = '\0';
		buf_init(&b, max);
		buf_str(&b, text + 1);
		assert_false(b.failed);
		assert_string_equal(buf_cstr(&b), text + 1);
		buf_byte(&b, 'b');
		assert_true(b.failed);
		assert_int_equal(b.len, max);
		buf_drop(&b, max);
		buf_byte(&b, 'b');
		assert_int_equal(b.len, 0);
		assert_null(buf_cstr(&b));
		assert_null(buf_steal(&b));
		buf_clear(&b);
		buf_printf(&b, "%s", text);
		assert_true(b.failed);
		assert_int_equal(b.len, 0);
		buf_clear(&b);
		buf_printf(&b, "%s", text + 1);
		assert_int_equal(b.len, max);
		buf_release(&b);
		free(text);
	}
}

/* Nothing is too large to ask for: it just does not fit. */
static void
test_absurd_sizes(void **state)
{
	static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2 + 1, SIZE_MAX / 2};
	struct buf b;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		buf_init(&b, 1000);
		buf_str(&b, "abc");
		assert_null(buf_space(&b, sizes[i]));
		assert_true(b.failed);
		assert_int_equal(b.len, 3);
		buf_release(&b);
		if (sizes[i] <= SIZE_MAX / 2)
			continue;
		buf_init(&b, SIZE_MAX);
		assert_null(buf_space(&b, sizes[i]));
		assert_true(b.failed);
	}
}

/* Storage of the caller's is filled to its last byte and no further. */
static void
test_over_storage(void **state)
{
	char storage[] = "......#";
	struct buf b;

	(void)state;
	buf_over(&b, storage, 6);
	buf_str(&b, "abc");
	buf_str(&b, "defg");
	assert_true(b.failed);
	assert_string_equal(storage, "abc...#");
	buf_clear(&b);
	buf_str(&b, "abcdef");
	assert_false(b.failed);
	assert_string_equal(storage, "abcdef#");
	buf_over(&b, NULL, 0);
	buf_str(&b, "a");
	assert_true(b.failed);
}

static void
test_steal(void **state)
{
	struct buf b;
	char *text;

	(void)state;
	buf_init(&b, 10);
	text = buf_steal(&b);
	assert_string_equal(text, "");
	free(text);
	buf_str(&b, "abc");
	text = buf_steal(&b);
	assert_string_equal(text, "abc");
	free(text);
	assert_int_equal(b.len, 0);
	assert_int_equal(b.max, 10);
	buf_str(&b, "again");
	assert_string_equal(buf_cstr(&b), "again");
	buf_release(&b);
}

static void
test_empty(void **state)
{
	struct buf zeroed = {0}, b;

	(void)state;
	buf_release(&zeroed);
	buf_add(&zeroed, "", 0);
	buf_add(&zeroed, NULL, 0);
	buf_slice(&zeroed, SLICE_NONE);
	buf_str(&zeroed, "");
	buf_printf(&zeroed, "%s", "");
	assert_false(zeroed.failed);
	assert_null(zeroed.data);
	assert_string_equal(buf_cstr(&zeroed), "");
	buf_byte(&zeroed, 'a');
	assert_true(zeroed.failed);
	buf_release(&zeroed);
	buf_init(&b, 5);
	buf_drop(&b, 3);
	buf_truncate(&b, 3);
	assert_int_equal(b.len, 0);
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_against_model),
	    cmocka_unit_test(test_maximum),
	    cmocka_unit_test(test_absurd_sizes),
	    cmocka_unit_test(test_over_storage),
	    cmocka_unit_test(test_steal),
	    cmocka_unit_test(test_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
