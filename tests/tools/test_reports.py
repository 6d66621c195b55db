# SPDX-License-Identifier: Apache-2.0
"""What the programs people have write, as subunit: recorded results of theirs in tests/tools/reports, and these programs themselves
where they are installed and quick. TESTR_BIN and SUBUNIT_BIN name ours."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402
from toolcheck import LONG, TIMEOUT, events_of, load, tool  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
REPORTS = os.path.join(HERE, "reports")
TESTR = os.environ["TESTR_BIN"]
SHORT = {"success": ".", "fail": "F", "skip": "s", "xfail": "x", "uxsuccess": "u", "exists": "e", None: "?"}


def told(stream):
    """"OUTCOME id" of each test, in the order in which they end; and the attachments by test and name."""
    ends, files = [], {}
    for event in events_of(stream):
        if event["file_name"] is not None and event["test_id"] is not None:
            files.setdefault(event["test_id"], {}).setdefault(event["file_name"], b"")
            files[event["test_id"]][event["file_name"]] += event["file_bytes"]
        if event["test_status"] not in (None, "inprogress"):
            ends.append(SHORT[event["test_status"]] + " " + event["test_id"])
    return ends, files


def converted(name, report):
    """A recorded report through a tool: exit status, ends and attachments."""
    path = os.path.join(REPORTS, report)
    done = tool(name, path)
    assert done.err == b"", done.err
    if name != "junitxml2subunit":
        assert tool(name, stdin=load(path)).out == done.out
    return (done.rc,) + told(done.out)


def seconds(stream):
    return dict(line.rsplit(b" ", 1) for line in tool("subunit-ls", "--times", stdin=stream).out.splitlines())


class Case(unittest.TestCase):
    maxDiff = 4000

    def converts(self, name, report, expected, rc=1):
        status, ends, files = converted(name, report)
        self.assertEqual(ends, expected)
        self.assertEqual(status, rc)
        return files


class Recorded(Case):
    """Files as these programs wrote them."""

    def test_libtest(self):
        files = self.converts("libtest2subunit", "libtest.json", [
            "F tests::fails", "s tests::ignored", "s tests::ignored_why", "F tests::panics_otherwise", ". tests::passes",
            "F tests::returns_error", "F tests::should_panic", ". tests::slow", ". expected_panic", ". integration",
            ". src/lib.rs - (line 1)"])
        self.assertTrue(files["tests::fails"]["stdout"].startswith('on standard output: "é"\n'.encode()))
        self.assertEqual(files["tests::ignored_why"], {"reason": b"needs a network"})
        self.assertIn(b'expected substring: "boom"', files["tests::panics_otherwise"]["message"])
        self.assertEqual(files["tests::returns_error"]["stdout"], b'Error: "no luck"\n')
        times = seconds(tool("libtest2subunit", os.path.join(REPORTS, "libtest.json")).out)
        self.assertEqual((times[b"tests::slow"], times[b"src/lib.rs - (line 1)"]), (b"0.030", b"0.132"))

    def test_libtest_death(self):
        files = self.converts("libtest2subunit", "libtest_abort.json", [". a_first", "F b_aborts"])
        self.assertEqual(files["b_aborts"], {"message": b"the test program ended in this test\n"})

    def test_libtest_bench(self):
        files = self.converts("libtest2subunit", "libtest_bench.json", ["s b::plain", ". b::add", ". b::copy"], rc=0)
        self.assertRegex(files["b::copy"]["bench"], rb"^median \d+\.\d\d ns, deviation \d+\.\d\d ns, \d+ MiB/s\n$")

    def test_libtest_nocapture(self):
        self.converts("libtest2subunit", "libtest_nocapture.json", [". other", ". prints"], rc=0)
        events = events_of(tool("libtest2subunit", os.path.join(REPORTS, "libtest_nocapture.json")).out)
        self.assertEqual([e["file_bytes"] for e in events if e["test_id"] is None], [b'{"type": 1}\n', b"no newline"])

    GTEST = [". Plain.Passes", "F Plain.Fails", "s Plain.Skipped", "s Plain.DISABLED_Disabled", ". Plain.Slow", "F Plain.Throws",
             "F Fixture.NeverRuns", ". Typed/0.Size", "F Typed/1.Size", "s SuiteFails.One", ". Words/Params.Even/0",
             "F Words/Params.Even/1", ". Words/Params.Even/2"]

    def test_gtest(self):
        files = self.converts("gtest2subunit", "gtest.json", self.GTEST)
        self.assertEqual(files["Plain.Fails"]["failure 2"], b"g.cc:5\nValue of: false\n  Actual: false\nExpected: true\nsecond\n")
        self.assertEqual(files["Plain.Passes"]["properties"], b"file=g.cc\nline=4\nlines=3\n")
        self.assertIn(b"type_param=char\n", files["Typed/1.Size"]["properties"])
        events = events_of(tool("gtest2subunit", os.path.join(REPORTS, "gtest.json")).out)
        slow = [e["timestamp"] for e in events if e["test_id"] == "Plain.Slow" and e["test_status"]]
        self.assertEqual([t[17:] for t in slow], ["26.000000Z", "26.012000Z"])

    def test_gtest_environment(self):
        files = self.converts("gtest2subunit", "gtest_environment.json", ["s A.B", "F NonTestSuiteFailure"])
        self.assertEqual(files["NonTestSuiteFailure"]["failure"], b"env.cc:2\nFailed\nenvironment\n")
        self.converts("junitxml2subunit", "gtest_environment.xml", ["s A::B", "F NonTestSuiteFailure"])

    def test_gtest_xml(self):
        files = self.converts("junitxml2subunit", "gtest.xml", [e.replace(".", "::", 2).replace("::", ".", 1) if e[0] == "." else
                                                                e.replace(".", "::", 1) for e in self.GTEST])
        self.assertIn(b"no network", files["Plain::Skipped"]["junit detail"])

    CTEST = [". passes", ". name with spaces", "F fails", "F crashes", "F times.out", "s skipped", "F missing", "s disabled",
             ". will_fail", "F setup", "F needs_fixture", ". measured", ". long_output", "F regex"]

    def test_ctest(self):
        files = self.converts("ctest2subunit", "ctest.xml", self.CTEST)
        self.assertEqual(files["fails"]["output"], b"bad\n")
        self.assertIn(b"Exit Code: SEGFAULT\n", files["crashes"]["result"])
        self.assertIn(b"Fail Reason: Required regular expression not found.", files["regex"]["result"])
        self.assertEqual(files["measured"]["measurements"], b"score: 1.5\nnote: hello\n")
        stream = tool("ctest2subunit", os.path.join(REPORTS, "ctest.xml")).out
        tags = [e["test_tags"] for e in events_of(stream) if e["test_tags"]]
        self.assertEqual((tags, seconds(stream)[b"times.out"][:2]), ([["slow", "unit"]], b"1."))

    def test_ctest_packed(self):
        files = self.converts("ctest2subunit", "ctest_packed.xml", ["F long"])
        self.assertEqual(files["long"]["output"], b"a line of output, the same again and again\n" * 200)

    def test_ctest_junit(self):
        # In its JUnit file CTest calls skipped what it could not run.
        self.converts("junitxml2subunit", "ctest_junit.xml",
                      [re.sub("^(.) (.*)$", r"\1 \2::\2", e).replace("F missing", "s missing").replace("F needs", "s needs")
                       for e in self.CTEST])

    def test_meson(self):
        status, ends, files = converted("meson2subunit", "meson.json")
        self.assertEqual(status, 1)
        self.assertCountEqual(ends, [
            "F sample:unit / fails", ". sample / passes", "s sample:unit+net / skips", "F sample / hard error", "x sample / expected",
            "u sample / unexpected", "F sample / crashes", "F sample / tap", "F sample / tap bad", "F sample / times out",
            ". sample / missing", ". sample / bytes"])
        self.assertEqual(files["sample / passes"], {"stdout": b"printed\n", "stderr": b"loud\n"})
        self.assertEqual(files["sample / times out"]["result"], b"TIMEOUT, signal 15\n/usr/bin/sh\n-c\necho begun; sleep 9\n")
        self.assertNotIn(b"LANG", tool("meson2subunit", os.path.join(REPORTS, "meson.json")).out)

    def test_meson_junit(self):
        # Its JUnit file says nothing of what timed out or passed unexpectedly, and holds control characters.
        status, ends, files = converted("junitxml2subunit", "meson_junit.xml")
        self.assertEqual((status, len(ends)), (1, 15))
        self.assertIn("F sample.sample / tap::2 two", ends)
        self.assertIn("�[1mx".encode(), files["sample::sample / bytes"]["system-out"])

    def test_pytest(self):
        expected = ["F test_broken", ". test_sample::test_passes", "F test_sample::test_fails", "s test_sample::test_skipped",
                    "x test_sample::test_xfail", ". test_sample::test_xpass", "F test_sample::test_xpass_strict",
                    "F test_sample::test_error_setup", "F test_sample::test_error_teardown", "F test_sample::test_fail_and_error",
                    "F test_sample::test_fail_and_error", ". test_sample::test_param[a b]", ". test_sample::test_param[\\xe9]",
                    "F test_sample::test_param[<&>]", ". test_sample::test_param[\\x01]", ". test_sample.TestClass::test_method",
                    "F test_sample.TestCase::test_one", "F test_sample.TestCase::test_ux"]
        for family in ("xunit1", "xunit2"):
            with self.subTest(family=family):
                files = self.converts("junitxml2subunit", "pytest_%s.xml" % family, expected)
                self.assertEqual(files["test_sample::test_passes"]["properties"], b"k=v\n")
                self.assertIn(b"loud\n", files["test_sample::test_passes"]["system-err"])
                self.assertEqual(files["test_sample::test_xfail"]["junit detail"], b"pytest.xfail: known\n")

    def test_jest(self):
        self.converts("junitxml2subunit", "jest.xml", [
            ". outer passes::outer passes", "F outer fails::outer fails", "s outer inner skipped::outer inner skipped",
            ". outer inner todo::outer inner todo", ". outer inner fails as expected::outer inner fails as expected",
            ". outer inner each 1::outer inner each 1", "F outer inner each 2::outer inner each 2",
            ".  top é <&>:: top é <&>"])
        files = self.converts("junitxml2subunit", "jest_titles.xml", [
            ". outer::passes", "F outer::fails", "s outer inner::skipped", ". outer inner::todo", ". outer inner::fails as expected",
            ". outer inner::each 1", "F outer inner::each 2", ". top é <&>", "F Test suite failed to run::src/b.test.js",
            "F Test suite failed to run::src/b.test.js"])
        self.assertIn(b"Expected: 3\nReceived: 2", files["outer::fails"]["junit detail"])

    def test_surefire(self):
        files = self.converts("junitxml2subunit", "surefire.xml", [
            "F demo.DemoTest::errors", ". demo.DemoTest::passes", "F demo.DemoTest::fails", ". demo.DemoTest::flaky",
            "s demo.DemoTest::disabled"])
        self.assertEqual(sorted(files["demo.DemoTest::errors"]), ["junit detail", "rerunError"])
        self.assertEqual(sorted(files["demo.DemoTest::fails"]), ["junit detail", "rerunFailure"])
        self.assertIn(b"first try", files["demo.DemoTest::flaky"]["flakyFailure"])

    def test_cut_off(self):
        """A report that ends early is never good, and what came before is there."""
        for name, report in (("gtest2subunit", "gtest.json"), ("ctest2subunit", "ctest.xml"), ("meson2subunit", "meson.json")):
            whole = load(os.path.join(REPORTS, report)).rstrip()
            for at in range(1, len(whole), 97):
                with self.subTest(tool=name, at=at):
                    if name == "meson2subunit" and whole[:at].endswith(b"}\n"):
                        continue
                    done = tool(name, stdin=whole[:at])
                    self.assertEqual(done.rc, 1)
                    self.assertEqual(done.err.count(b"\n"), 1)


def wanting(*programs):
    missing = [p for p in programs if not shutil.which(p, path="/usr/bin")]
    return unittest.skipIf(missing, "not installed: " + " ".join(missing))


class Live(Case):
    """The programs themselves."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def run_there(self, *argv, **env):
        return subprocess.run(argv, cwd=self.directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                              timeout=TIMEOUT, env=dict(os.environ, PATH="/usr/local/bin:/usr/bin:/bin:" + os.environ["PATH"], **env))

    def write(self, name, text):
        with open(os.path.join(self.directory, name), "w") as f:
            f.write(text)

    def build(self, source, *flags):
        done = self.run_there("cc", "-o", "program", os.path.join(HERE, source), *flags)
        if done.returncode:
            self.skipTest(done.stderr.decode()[:200])

    def load(self, stream):
        """`testr load` of the stream; what then fails."""
        self.assertEqual(self.run_there(TESTR, "init").returncode, 0)
        self.write_bytes("stream", stream)
        done = self.run_there(TESTR, "load", "stream")
        self.assertEqual(done.returncode, 1, done.stderr)
        return self.run_there(TESTR, "failing", "--list").stdout.decode().splitlines()

    def write_bytes(self, name, data):
        with open(os.path.join(self.directory, name), "wb") as f:
            f.write(data)

    def check_v1(self, stream, expected):
        done = tool("subunit-1to2", stdin=stream)
        self.assertEqual((done.rc, done.err), (0, b""))
        ends, files = told(done.out)
        self.assertEqual(ends, expected)
        # Text goes out between the ids, with and without a newline.
        listed = tool("subunit-ls", "--no-passthrough", stdin=done.out)
        self.assertEqual((listed.rc, listed.out.decode().splitlines()), (1, [e[2:] for e in expected]))
        self.assertEqual(sorted(self.load(stream)), sorted({e[2:] for e in expected if e[0] == "F"}))
        return files

    @wanting("cc")
    def test_cmocka(self):
        self.build("c_cmocka.c", "-lcmocka")
        done = self.run_there("./program", CMOCKA_MESSAGE_OUTPUT="SUBUNIT")
        files = self.check_v1(done.stdout, [
            ". passes", "F fails", ". a name with spaces [", ". prints", "F prints_and_fails", "s skips", "F bad set-up",
            "F asserting set-up", "F bad teardown", ". last", "F bad group"])
        self.assertIn(b"0x1 != 0x2\n", files["fails"]["traceback"])
        self.assertIn(b"error: Failure!\n", files["prints_and_fails"]["traceback"])
        self.assertEqual(files["bad set-up"], {"traceback": b"Could not run test: Test setup failed\n"})
        self.assertIn(b"error: Failure!", files["asserting set-up"]["traceback"])
        self.assertEqual(files["bad group"], {"traceback": b"[  FAILED  ] GROUP SETUP\n"})

    @wanting("cc", "pkg-config")
    def test_check(self):
        flags = self.run_there("pkg-config", "--cflags", "--libs", "check")
        if flags.returncode:
            self.skipTest("not installed: check")
        self.build("c_check.c", *flags.stdout.decode().split())
        begin = [". a case:passes", "F a case:fails", ". a case:prints"]
        end = [". a case:loops", "F a case:loops", "F bad set-up:passes", "F bad teardown:passes", ". last:passes"]
        files = self.check_v1(self.run_there("./program").stdout, begin + ["F a case:crashes", "F a case:leaves"] + end)
        self.assertIn(b"Early exit with return value 3", files["a case:leaves"]["traceback"])
        self.assertIn(b"Received signal 6", files["a case:crashes"]["traceback"])
        shutil.rmtree(os.path.join(self.directory, ".testrepository"))
        files = self.check_v1(self.run_there("./program", CK_FORK="no").stdout, begin + end)
        self.assertIn(b"fixture", files["bad set-up:passes"]["traceback"])

    @wanting("meson", "ninja")
    def test_meson(self):
        self.write("meson.build", """project('p')
sh = find_program('sh')
test('good', sh, args: ['-c', 'echo out'], suite: 's')
test('bad', sh, args: ['-c', 'exit 3'])
test('slow', sh, args: ['-c', 'sleep 60'], timeout: 1)
test('skip', sh, args: ['-c', 'exit 77'])
""")
        self.assertEqual(self.run_there("meson", "setup", "b").returncode, 0)
        self.run_there("meson", "test", "-C", "b")
        done = tool("meson2subunit", os.path.join(self.directory, "b", "meson-logs", "testlog.json"))
        ends, files = told(done.out)
        self.assertEqual((done.rc, sorted(ends)), (1, [". p:s / good", "F p / bad", "F p / slow", "s p / skip"]))
        self.assertEqual(files["p:s / good"], {"stdout": b"out\n"})
        again = tool("junitxml2subunit", os.path.join(self.directory, "b", "meson-logs", "testlog.junit.xml"))
        self.assertEqual(again.err, b"")
        self.assertIn("F p::p / bad", told(again.out)[0])

    @wanting("ctest", "cmake")
    def test_ctest(self):
        # What CMake would write, without waiting for it.
        self.write("CTestTestfile.cmake", """add_test(good sh -c "echo out")
add_test("bad one" sh -c "exit 3")
set_tests_properties(good PROPERTIES LABELS "quick")
""")
        self.write("DartConfiguration.tcl", "SourceDirectory: .\nBuildDirectory: .\nSite: s\nBuildName: b\n")
        self.run_there("ctest", "-T", "Test", "--output-junit", "junit.xml")
        with open(os.path.join(self.directory, "Testing", "TAG")) as f:
            stamp = f.readline().strip()
        done = tool("ctest2subunit", os.path.join(self.directory, "Testing", stamp, "Test.xml"))
        ends, files = told(done.out)
        self.assertEqual((done.rc, ends), (1, [". good", "F bad one"]))
        self.assertEqual(files["good"], {"output": b"out\n"})
        done = tool("junitxml2subunit", os.path.join(self.directory, "junit.xml"))
        self.assertEqual((done.rc, told(done.out)[0]), (1, [". good::good", "F bad one::bad one"]))

    def test_pytest(self):
        if subprocess.run(["/usr/bin/python3", "-m", "pytest", "--version"], capture_output=True).returncode:
            self.skipTest("not installed: python3-pytest")
        self.write("test_it.py", "import pytest\n\ndef test_good():\n    pass\n\ndef test_bad():\n    assert 1 == 2\n\n"
                                 "@pytest.mark.xfail\ndef test_x():\n    assert False\n")
        self.run_there("/usr/bin/python3", "-m", "pytest", "-p", "no:cacheprovider", "--junitxml=report.xml")
        done = tool("junitxml2subunit", os.path.join(self.directory, "report.xml"))
        ends, files = told(done.out)
        self.assertEqual((done.rc, ends), (1, [". test_it::test_good", "F test_it::test_bad", "x test_it::test_x"]))
        self.assertIn(b"assert 1 == 2", files["test_it::test_bad"]["junit detail"])

    # What takes long to build.
    if LONG:
        @wanting("c++")
        def test_gtest(self):
            self.write("g.cc", '#include <gtest/gtest.h>\nTEST(A, good) {}\nTEST(A, bad) { EXPECT_EQ(1, 2); }\n'
                               'TEST(A, skip) { GTEST_SKIP() << "why"; }\n')
            if self.run_there("c++", "g.cc", "-o", "g", "-lgtest", "-lgtest_main", "-lpthread").returncode:
                self.skipTest("not installed: libgtest-dev")
            self.run_there("./g", "--gtest_output=json:g.json")
            self.run_there("./g", "--gtest_output=xml:g.xml")
            for name, report, dot in (("gtest2subunit", "g.json", "."), ("junitxml2subunit", "g.xml", "::")):
                done = tool(name, os.path.join(self.directory, report))
                self.assertEqual((done.rc, told(done.out)[0]), (1, [". A%sgood" % dot, "F A%sbad" % dot, "s A%sskip" % dot]))

        def test_libtest(self):
            if not shutil.which("rustc"):
                self.skipTest("not installed: rustc")
            self.write("t.rs", '#[test] fn good() {}\n#[test] fn bad() { assert_eq!(1, 2); }\n'
                               '#[test] #[ignore = "why"] fn left() {}\n')
            self.assertEqual(self.run_there("rustc", "--test", "t.rs").returncode, 0)
            done = self.run_there("./t", "-Z", "unstable-options", "--format", "json", "--report-time", RUSTC_BOOTSTRAP="1")
            done = tool("libtest2subunit", stdin=done.stdout)
            ends, files = told(done.out)
            self.assertEqual((done.rc, sorted(ends)), (1, [". good", "F bad", "s left"]))
            self.assertEqual(files["left"], {"reason": b"why"})


if __name__ == "__main__":
    tap.main()
