/* SPDX-License-Identifier: Apache-2.0
 *
 * The same from C++, a test being a function: c++ hello.cpp -o hello $(pkg-config --cflags --libs subunit2) */
#include <exception>
#include <stdexcept>
#include <string>
#include <subunit2.h>

static void
run(const std::string &id, void (*body)())
{
	subunit2_emit(1, id.c_str(), SUBUNIT2_INPROGRESS, nullptr);
	try {
		body();
		subunit2_emit(1, id.c_str(), SUBUNIT2_SUCCESS, nullptr);
	} catch (const std::exception &e) {
		subunit2_emit(1, id.c_str(), SUBUNIT2_FAIL, e.what());
	}
}

int
main()
{
	run("hello.world", [] {});
	run("hello.sum", [] {
		if (1 + 1 != 3)
			throw std::logic_error("1 + 1 is 2, not 3\n");
	});
	const std::string log("all is well\n");
	subunit2_emit(1, "hello.log", SUBUNIT2_INPROGRESS, nullptr);
	subunit2_emit_file(1, "hello.log", "log", "text/plain;charset=utf8", log.data(), log.size());
	subunit2_emit(1, "hello.log", SUBUNIT2_SUCCESS, nullptr);
	return 0;
}
