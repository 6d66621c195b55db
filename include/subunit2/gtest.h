/* SPDX-License-Identifier: Apache-2.0
 *
 * GoogleTest programs as test servers of testr, which also run tests once (subunit2/server.h):
 *
 *     #include <subunit2/gtest.h>
 *
 *     int
 *     main(int argc, char **argv)
 *     {
 *             return subunit2::gtest_main(argc, argv);
 *     }
 *
 * Ids are GoogleTest's full names, "Suite.Test", with those of parameters: "Instance/Suite.Test/0". What failed is the
 * attachment "traceback", and why a test was skipped is "reason". A test that is disabled is skipped.
 *
 * Tests that are asked for in GoogleTest's own order run in one go; SetUpTestSuite and Environments are called once
 * in each. A failure in SetUpTestSuite or in an Environment fails the tests that it keeps from running, one in
 * TearDownTestSuite the last test before it.
 *
 * C++11. Where <gmock/gmock.h> was included before, Google Mock is initialised too. */
#ifndef SUBUNIT2_GTEST_H
#define SUBUNIT2_GTEST_H

#include <gtest/gtest.h>
#include <subunit2/server.h>

#include <cstring>
#include <string>
#include <unordered_map>
#include <vector>

namespace subunit2
{

class GoogleTests : public testing::EmptyTestEventListener
{
      public:
	GoogleTests()
	{
		const testing::UnitTest &all = *testing::UnitTest::GetInstance();

		for (int i = 0; i < all.total_test_suite_count(); i++) {
			const testing::TestSuite &suite = *all.GetTestSuite(i);

			for (int k = 0; k < suite.total_test_count(); k++) {
				const testing::TestInfo *info = suite.GetTestInfo(k);

				numbers_[info] = ids_.size();
				ids_.push_back(std::string(suite.name()) + "." + info->name());
				disabled_.push_back(IsDisabled(suite.name()) || IsDisabled(info->name()));
			}
		}
	}

	int Main(int argc, char **argv)
	{
		subunit2_suite suite;

		subunit2_suite_init(&suite);
		suite.count = ids_.size();
		suite.id = Id;
		suite.run_many = RunMany;
		suite.context = this;
		return subunit2_main(&suite, argc, argv);
	}

      private:
	/* ---- what the server asks for ---- */

	static const char *Id(void *context, size_t test)
	{
		return static_cast<GoogleTests *>(context)->ids_[test].c_str();
	}

	static void RunMany(void *context, subunit2_server *server, const size_t *tests, size_t count)
	{
		GoogleTests *self = static_cast<GoogleTests *>(context);
		size_t end;

		self->server_ = server;
		for (size_t at = 0; at < count && !subunit2_server_stopped(server); at = end) {
			end = at + 1;
			if (self->Disabled(tests[at])) {
				self->Tell(tests[at], SUBUNIT2_SKIP, "reason", "The test is disabled.\n");
				continue;
			}
			while (end < count && tests[end] > tests[end - 1] && !self->Disabled(tests[end]))
				end++;
			self->RunInOrder(tests + at, end - at);
		}
	}

	/* Tests whose numbers grow are in the order in which GoogleTest runs them. */
	void RunInOrder(const size_t *tests, size_t count)
	{
		std::string filter;

		for (size_t i = 0; i < count; i++)
			filter += (i ? ":" : "") + ids_[tests[i]];
		begun_.assign(ids_.size(), false);
		outside_.clear();
		environments_.clear();
		Filter(filter);
		if (RUN_ALL_TESTS()) {
			/* It is told test by test. */
		}
		EndHeld();
		for (size_t i = 0; i < count && !subunit2_server_stopped(server_); i++)
			if (!begun_[tests[i]])
				Tell(tests[i], SUBUNIT2_FAIL, "traceback",
				    "GoogleTest did not come to run this test.\n" + outside_);
	}

	static void Filter(const std::string &filter)
	{
#ifdef GTEST_FLAG_SET
		GTEST_FLAG_SET(filter, filter);
		GTEST_FLAG_SET(shuffle, false);
		GTEST_FLAG_SET(repeat, 1);
#else
		testing::GTEST_FLAG(filter) = filter;
		testing::GTEST_FLAG(shuffle) = false;
		testing::GTEST_FLAG(repeat) = 1;
#endif
	}

	static bool IsDisabled(const char *name)
	{
		return std::strncmp(name, "DISABLED_", 9) == 0 || std::strstr(name, "/DISABLED_");
	}

	bool Disabled(size_t test) const
	{
#ifdef GTEST_FLAG_GET
		return disabled_[test] && !GTEST_FLAG_GET(also_run_disabled_tests);
#else
		return disabled_[test] && !testing::GTEST_FLAG(also_run_disabled_tests);
#endif
	}

	void Tell(size_t test, subunit2_status status, const char *name, const std::string &text)
	{
		subunit2_server_begin(server_, test);
		subunit2_server_text(server_, name, text.c_str());
		subunit2_server_end(server_, status);
	}

	/* ---- what GoogleTest tells ---- */

	void OnEnvironmentsSetUpEnd(const testing::UnitTest &) override
	{
		environments_ = outside_;
	}

	void OnTestSuiteStart(const testing::TestSuite &) override
	{
		outside_ = environments_;
	}

	void OnTestStart(const testing::TestInfo &info) override
	{
		EndHeld();
		skipping_ = subunit2_server_stopped(server_) != 0;
		if (skipping_) {
			Skip();
			return;
		}
		begun_[numbers_[&info]] = true;
		subunit2_server_begin(server_, numbers_[&info]);
		running_ = true;
	}

	/* The only way to keep GoogleTest from running what it has begun with. */
	static void Skip()
	{
		GTEST_SKIP() << "given back";
	}

	void OnTestPartResult(const testing::TestPartResult &part) override
	{
		std::string text;

		if (skipping_ || part.passed())
			return;
		if (part.file_name())
			text =
			    std::string(part.file_name()) + ":" + std::to_string(part.line_number()) + ": ";
		text += part.failed() ? "Failure\n" : "Skipped\n";
		text += std::string(part.message()) + "\n";
		if (part.failed() && !running_)
			outside_ += text;
		if (part.failed() && held_)
			status_ = SUBUNIT2_FAIL;
		if (running_ || held_)
			subunit2_server_text(server_, part.failed() ? "traceback" : "reason", text.c_str());
	}

	/* The end is not told before it is known whether TearDownTestSuite is one of this test, and fails. */
	void OnTestEnd(const testing::TestInfo &info) override
	{
		const testing::TestResult &result = *info.result();

		running_ = false;
		if (skipping_) {
			skipping_ = false;
			return;
		}
		status_ = result.Failed()    ? SUBUNIT2_FAIL
			  : result.Skipped() ? SUBUNIT2_SKIP
					     : SUBUNIT2_SUCCESS;
		if (result.Skipped() && !outside_.empty()) {
			status_ = SUBUNIT2_FAIL;
			subunit2_server_text(server_, "traceback", outside_.c_str());
		}
		held_ = true;
	}

	void OnTestSuiteEnd(const testing::TestSuite &) override
	{
		EndHeld();
	}

	void EndHeld()
	{
		if (held_)
			subunit2_server_end(server_, status_);
		held_ = false;
	}

	std::vector<std::string> ids_;
	std::vector<bool> disabled_;
	std::unordered_map<const testing::TestInfo *, size_t> numbers_;
	std::vector<bool> begun_;
	std::string outside_;      /* what failed outside of tests, and concerns the next one */
	std::string environments_; /* and all */
	subunit2_server *server_ = nullptr;
	subunit2_status status_ = SUBUNIT2_NONE; /* of the test that is held */
	bool running_ = false, held_ = false, skipping_ = false;
};

/* All of main, and its exit status; see subunit2_main. */
inline int
gtest_main(int argc, char **argv)
{
	bool child = false;

	/* A "threadsafe" death test starts the program again, to run that test and nothing else. */
	for (int i = 1; i < argc; i++)
		child = child || std::strncmp(argv[i], "--gtest_internal_run_death_test", 31) == 0;
#ifdef GOOGLEMOCK_INCLUDE_GMOCK_GMOCK_H_
	testing::InitGoogleMock(&argc, argv);
#else
	testing::InitGoogleTest(&argc, argv);
#endif
	if (child)
		return RUN_ALL_TESTS();

	testing::TestEventListeners &listeners = testing::UnitTest::GetInstance()->listeners();
	GoogleTests *tests = new GoogleTests;

	delete listeners.Release(listeners.default_result_printer());
	listeners.Append(tests); /* which owns it from now on */
	return tests->Main(argc, argv);
}

} /* namespace subunit2 */

#endif
