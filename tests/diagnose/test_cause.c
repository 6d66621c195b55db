/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cause.h"

#include <stdio.h>

#define TEST "pkg.tests.TestPool.test_reconnect"

static void
check_of(const char *test, const char *text, const char *message, const char *frames)
{
	struct cause c;

	cause_init(&c);
	cause_find(&c, slice_str(text), slice_str(test));
	assert_string_equal(buf_cstr(&c.message), message);
	assert_string_equal(buf_cstr(&c.frames), frames);
	cause_release(&c);
}

/* The same in colours: a sequence before each word. */
static void
check_coloured(const char *test, const char *text, const char *message, const char *frames)
{
	struct buf coloured;

	buf_init(&coloured, 1 << 20);
	for (const char *c = text; *c; c++) {
		if (*c != ' ' && *c != '\n' && (c == text || c[-1] == ' ' || c[-1] == '\n'))
			buf_str(&coloured, "\33[1;31m");
		buf_byte(&coloured, (uint8_t)*c);
	}
	check_of(test, buf_cstr(&coloured), message, frames);
	buf_release(&coloured);
}

static void
check(const char *text, const char *message, const char *frames)
{
	check_of(TEST, text, message, frames);
	check_coloured(TEST, text, message, frames);
}

static void
test_python(void **state)
{
	(void)state;
	check("Traceback (most recent call last):\n"
	      "  File \"/usr/lib/python3.11/unittest/case.py\", line 57, in run\n"
	      "    method()\n"
	      "  File \"/src/tests/test_db.py\", line 12, in test_reconnect\n"
	      "    pool.open()\n"
	      "  File \"/src/db/pool.py\", line 40, in open\n"
	      "    self.connect(port)\n"
	      "    ^^^^^^^^^^^^^^^^^^\n"
	      "  File \"/src/db/net.py\", line 7, in connect\n"
	      "    raise ConnectionRefusedError(port)\n"
	      "ConnectionRefusedError: port 4711 of 127.0.0.1\n",
	    "ConnectionRefusedError: port <n> of <n>", "net.py: connect\npool.py: open\n");
	/* The test's own frame counts when there is no other. */
	check("Traceback (most recent call last):\n"
	      "  File \"/src/tests/test_db.py\", line 12, in test_reconnect\n"
	      "    self.assertEqual(1, 2)\n"
	      "AssertionError: 1 != 2\n",
	    "AssertionError: <n> != <n>", "test_db.py: test_reconnect\n");
	/* The last exception of a chain. */
	check("Traceback (most recent call last):\n"
	      "  File \"a.py\", line 1, in f\n"
	      "KeyError: 'x'\n"
	      "\n"
	      "During handling of the above exception, another exception occurred:\n"
	      "\n"
	      "Traceback (most recent call last):\n"
	      "  File \"b.py\", line 2, in g\n"
	      "ConfigError: no x\n",
	    "ConfigError: no x", "b.py: g\n");
	/* A message that begins on the next line. */
	check("Traceback (most recent call last):\n"
	      "  File \"a.py\", line 1, in f\n"
	      "testtools.matchers.MismatchError: !=:\n"
	      "reference = [1]\n"
	      "actual    = [2]\n",
	    "testtools.matchers.MismatchError: !=: reference = [<n>]", "a.py: f\n");
	check("Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nAssertionError\n",
	    "AssertionError", "a.py: f\n");
}

static void
test_pytest(void **state)
{
	(void)state;
	check("    def test_reconnect():\n"
	      ">       assert open(1) == 2\n"
	      "E       assert 1 == 2\n"
	      "E        +  where 1 = open(1)\n"
	      "\n"
	      "tests/test_db.py:5: AssertionError\n",
	    "assert <n> == <n>", "test_db.py\n");
	check("tests/test_db.py:5: \n"
	      "_ _ _ _\n"
	      ">       raise Refused(4711)\n"
	      "E       db.Refused: 4711\n"
	      "\n"
	      "db/net.py:9: Refused\n",
	    "db.Refused: <n>", "net.py\n");
}

static void
test_c_and_cpp(void **state)
{
	(void)state;
	check("/src/pool_test.cc:12: Failure\n"
	      "Expected equality of these values:\n"
	      "  pool.size()\n"
	      "    Which is: 3\n"
	      "  4\n"
	      "/src/pool_test.cc:13: Failure\n"
	      "Value of: ok\n",
	    "Expected equality of these values: pool.size()", "pool_test.cc\n");
	check("[  ERROR   ] --- 0x1 != 0x2\n[   LINE   ] --- ../tests/test_a.c:12: error: Failure!\n",
	    "[ ERROR ] --- <hex> != <hex>", "test_a.c\n");
	check("prog: ../src/pool.c:40: pool_open: Assertion `pool->size == 3' failed.\n",
	    "pool_open: Assertion `pool->size == <n>' failed.", "pool.c\n");
	check("=================================================================\n"
	      "==4711==ERROR: AddressSanitizer: heap-use-after-free on address 0x602000000010\n"
	      "READ of size 4 at 0x602000000010 thread T0\n"
	      "    #0 0x55e1 in __interceptor_memcpy (/usr/lib/a.so+0x1)\n"
	      "    #1 0x55e2 in pool_get /src/pool.c:12:3\n"
	      "    #2 0x55e3 in cache_get /src/cache.c:5\n"
	      "    #3 0x55e4 in main /src/main.c:1\n",
	    "==<n>==ERROR: AddressSanitizer: heap-use-after-free on address <hex>",
	    "pool.c: pool_get\ncache.c: cache_get\n");
}

static void
test_go(void **state)
{
	(void)state;
	check("    pool_test.go:12: got 3, want 4\n", "got <n>, want <n>", "pool_test.go\n");
	check("    pool_test.go:12: \n"
	      "        \tError Trace:\t/src/pool_test.go:12\n"
	      "        \tError:      \tNot equal: \n"
	      "        \t            \texpected: 1\n",
	    "Error: Not equal: expected: <n>", "pool_test.go\n");
	check("panic: connection refused: 127.0.0.1:4711\n"
	      "\n"
	      "goroutine 7 [running]:\n"
	      "testing.tRunner.func1()\n"
	      "\t/usr/lib/go/src/testing/testing.go:1526 +0x24e\n"
	      "example.com/db.(*Pool).Open(0xc000012345, 0x3)\n"
	      "\t/src/db/pool.go:40 +0x1d\n"
	      "example.com/db.dial(...)\n"
	      "\t/src/db/net.go:4\n",
	    "panic: connection refused: <n>:<n>",
	    "pool.go: example.com/db.(*Pool).Open\nnet.go: example.com/db.dial\n");
}

static void
test_rust(void **state)
{
	(void)state;
	check("thread 'pool::tests::opens' panicked at src/pool.rs:12:5:\n"
	      "assertion `left == right` failed\n"
	      "  left: 1\n"
	      "note: run with `RUST_BACKTRACE=1`\n",
	    "assertion `left == right` failed", "pool.rs\n");
	check(
	    "thread 'opens' panicked at 'refused: 4711', src/pool.rs:12:5\n", "'refused: <n>',", "pool.rs\n");
}

static void
test_java_and_javascript(void **state)
{
	(void)state;
	check("java.lang.RuntimeException: cannot open\n"
	      "\tat db.Pool.open(Pool.java:40)\n"
	      "\tat db.PoolTest.test_reconnect(PoolTest.java:12)\n"
	      "Caused by: java.net.ConnectException: port 4711 refused\n"
	      "\tat java.base/java.net.Socket.connect(Socket.java:1)\n"
	      "\tat db.Net.dial(Net.java:9)\n"
	      "\tat db.Pool.open(Pool.java:39)\n"
	      "\t... 23 more\n",
	    "java.net.ConnectException: port <n> refused",
	    "Net.java: db.Net.dial\nPool.java: db.Pool.open\n");
	check("java.lang.AssertionError: expected:<1> but was:<2>\n"
	      "\tat org.junit.Assert.fail(Assert.java:89)\n"
	      "\tat db.PoolTest.test_reconnect(PoolTest.java:12)\n",
	    "java.lang.AssertionError: expected:<<n>> but was:<<n>>",
	    "PoolTest.java: db.PoolTest.test_reconnect\n");
	check("Error: expect(received).toBe(expected)\n"
	      "\n"
	      "Expected: 1\n"
	      "Received: 2\n"
	      "    at check (/src/pool.js:3:9)\n"
	      "    at Object.<anonymous> (/src/pool.test.js:12:5)\n"
	      "    at node:internal/main:23:47\n",
	    "Error: expect(received).toBe(expected)", "pool.js: check\npool.test.js: Object.<anonymous>\n");
	check("TypeError: x is not a function\n    at /src/a.mjs:3:9\n", "TypeError: x is not a function",
	    "a.mjs\n");
}

static void
test_other_texts(void **state)
{
	(void)state;
	check("", "", "");
	check("\n\n", "", "");
	check("signal 9 (Killed)\n", "signal <n> (Killed)", "");
	check("it failed\nand more\n", "it failed", "");
	check("it failed:\n\nwhy: \nbecause\nand more", "it failed: why: because", "");
}

/* The same failure at another time, in another place, by other numbers, in another test. */
static void
test_what_differs_does_not_count(void **state)
{
	static const char *const format = "Traceback (most recent call last):\n"
					  "  File \"/%s/tests/test_db.py\", line %d, in test_%s\n"
					  "    pool.open()\n"
					  "  File \"/%s/db/net.py\", line %d, in connect\n"
					  "RuntimeError: %d of <Pool at 0x%x> in /tmp/%s\n";
	char one[1000], other[1000];
	struct cause a, b;

	(void)state;
	snprintf(one, sizeof(one), format, "home/me", 12, "a", "home/me", 7, 4711, 0xabc123, "xyz");
	snprintf(other, sizeof(other), format, "ci/build", 99, "b", "ci/build", 8, 15, 0x7f, "a/b/c");
	cause_init(&a);
	cause_init(&b);
	cause_find(&a, slice_str(one), SLICE_LIT("tests.test_db.test_a"));
	cause_find(&b, slice_str(other), SLICE_LIT("tests.test_db.test_b"));
	assert_string_equal(buf_cstr(&a.message), buf_cstr(&b.message));
	assert_string_equal(buf_cstr(&a.frames), buf_cstr(&b.frames));
	assert_string_equal(buf_cstr(&a.frames), "net.py: connect\n");
	cause_release(&a);
	cause_release(&b);
}

/* Cut off anywhere a text still has a cause, of a few lines. */
static void
test_every_cut(void **state)
{
	static const char text[] =
	    "java.lang.RuntimeException: a\n\tat b.C.d(C.java:1)\nTraceback\n"
	    "  File \"a.py\", line 1, in f\nE   assert 1\nx.py:1: E\npanic: b\nmain.f(1)\n"
	    "\t/a/b.go:1 +0x1\n#0 0x1 in f a.c:1\nthread 'a' panicked at src/a.rs:1:1:\nm\n";
	struct cause c;

	(void)state;
	cause_init(&c);
	for (size_t from = 0; from < sizeof(text); from++)
		for (size_t len = 0; from + len < sizeof(text); len++) {
			struct slice frames, line;
			size_t lines = 0;

			cause_find(&c, slice_of(text + from, len), SLICE_LIT("t"));
			frames = buf_get(&c.frames);
			while (slice_split(&frames, '\n', &line))
				lines++;
			assert_true(lines <= CAUSE_FRAMES + 1);
			assert_int_equal(slice_find(buf_get(&c.message), '\n'), c.message.len);
		}
	cause_release(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_python),
	    cmocka_unit_test(test_pytest),
	    cmocka_unit_test(test_c_and_cpp),
	    cmocka_unit_test(test_go),
	    cmocka_unit_test(test_rust),
	    cmocka_unit_test(test_java_and_javascript),
	    cmocka_unit_test(test_other_texts),
	    cmocka_unit_test(test_what_differs_does_not_count),
	    cmocka_unit_test(test_every_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
