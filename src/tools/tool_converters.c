/* SPDX-License-Identifier: Apache-2.0
 *
 * The tools that make a stream of what other test programs print, and differ in nothing but the format. */
#include "ctest.h"
#include "gojson.h"
#include "gtest.h"
#include "libtest.h"
#include "meson_log.h"
#include "tap.h"
#include "tool.h"

static const struct option options[] = {
    TOOL_HELP,
    {0},
};

static int
on_event(void *context, const struct event *e, struct err *err)
{
	return output_event(context, e, err);
}

/* FORMAT_run, for the parser `struct FORMAT`; FAILED(parser) is the exit status when the input was good. */
#define CONVERTER(FORMAT, FAILED) \
	static int FORMAT##_bytes(void *context, struct slice bytes, struct err *err) \
	{ \
		return FORMAT##_feed(context, bytes, err); \
	} \
\
	static int FORMAT##_run(const struct tool_call *call, struct err *err) \
	{ \
		struct FORMAT *parser = FORMAT##_new(on_event, call->out); \
		int rc; \
\
		if (!parser) \
			return err_nomem(err); \
		rc = stream_bytes(call->path, FORMAT##_bytes, parser, call->out, err); \
		if (rc == 0) \
			rc = FORMAT##_end(parser, err); \
		if (rc == 0) \
			rc = FAILED(parser); \
		FORMAT##_free(parser); \
		return rc; \
	}

/* TAP's own consumers judge it; the conversion succeeds. */
#define NEVER_FAILED(parser) 0

CONVERTER(ctest, ctest_failed)
CONVERTER(gojson, gojson_failed)
CONVERTER(gtest, gtest_failed)
CONVERTER(libtest, libtest_failed)
CONVERTER(meson_log, meson_log_failed)
CONVERTER(tap, NEVER_FAILED)

const struct tool tool_ctest = {
    .name = "ctest2subunit",
    .text = "Makes a subunit stream, version 2, of CTest's Testing/STAMP/Test.xml. Exit\n"
	    "status: 1 when a test failed or the input is broken, else 0.\n",
    .options = options,
    .run = ctest_run,
};

const struct tool tool_gojson = {
    .name = "gojson2subunit",
    .text = "Makes a subunit stream, version 2, of what \"go test -json\" prints. Tests that\n"
	    "never end failed. Exit status: 1 when a test or a build failed, else 0.\n",
    .options = options,
    .run = gojson_run,
};

const struct tool tool_gtest = {
    .name = "gtest2subunit",
    .text = "Makes a subunit stream, version 2, of the files that GoogleTest writes with\n"
	    "--gtest_output=json:FILE, one or several after each other. Exit status: 1 when\n"
	    "a test failed or the input is broken, else 0.\n",
    .options = options,
    .run = gtest_run,
};

const struct tool tool_libtest = {
    .name = "libtest2subunit",
    .text = "Makes a subunit stream, version 2, of what Rust's tests print with\n"
	    "--format json, and cargo-nextest with --message-format libtest-json. Tests that\n"
	    "never end failed. Exit status: 1 when a test failed, else 0.\n",
    .options = options,
    .run = libtest_run,
};

const struct tool tool_meson = {
    .name = "meson2subunit",
    .text = "Makes a subunit stream, version 2, of Meson's meson-logs/testlog.json. Exit\n"
	    "status: 1 when a test failed or the input is broken, else 0.\n",
    .options = options,
    .run = meson_log_run,
};

const struct tool tool_tap = {
    .name = "tap2subunit",
    .text = "Makes a subunit stream, version 2, of what a test program prints in the Test\n"
	    "Anything Protocol. Tests that the plan names and that are not there failed.\n",
    .options = options,
    .run = tap_run,
};
