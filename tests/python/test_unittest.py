#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""testr_python.unittest beside python3 -m subunit.run, once and as a server."""
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..")]
import conversation  # noqa: E402
import driver  # noqa: E402
import suites  # noqa: E402
import tap  # noqa: E402

OURS = [driver.PYTHON, "-m", "testr_python.unittest"]
THEIRS = [driver.PYTHON, "-m", "subunit.run"]
ALL = "suite.test_all."


class Server(conversation.Laws, unittest.TestCase):
    command = OURS + ["--server", "discover", "-s", "suite", "-t", "."]
    files = suites.UNITTEST

    def waits(self, name):
        return "suite.test_waits.Waits.test_" + name

    def cwd(self):
        return self.top

    def told_before_the_end(self, server):
        while self.waits("a") not in server.events.running or not server.events.running[self.waits("a")].files:
            server.events.status(**server.next())
        self.assertEqual("waiting\n", server.events.running[self.waits("a")].text("stdout"))

    def but_for_waiting(self, command):
        """The events of all tests but the one that waits."""
        status, events = driver.run_once(command + ["discover", "-s", "suite", "-t", ".", "--list"], self.top)
        self.assertEqual(2, status)  # one module cannot be imported
        self.assertIn("there_is_no_such_module", events.files["import errors"].decode())
        path = os.path.join(self.top, "list")
        with open(path, "w") as f:
            f.writelines(test + "\n" for test in events.exists if test != self.waits("a"))
        listed = events.exists
        status, events = driver.run_once(command + ["discover", "-s", "suite", "-t", ".", "--load-list", path], self.top)
        self.assertEqual(0, status, events.stderr)
        self.assertEqual([t for t in listed if t != self.waits("a")], events.exists)
        return listed, events

    def outcomes_once(self):
        return dict(self.but_for_waiting(OURS)[1].outcomes)

    def test_like_subunit_run(self):
        listed, ours = self.but_for_waiting(OURS)
        listed_by_them, theirs = self.but_for_waiting(THEIRS)
        self.assertEqual(listed_by_them, listed)
        # They tell of each fault of one test as a result of its own, and the print is in the midst of the packets.
        self.assertEqual([t.id for t in theirs.tests if t.id != ALL + "First.test_errs_twice"],
                         [t.id for t in ours.tests if t.id != ALL + "First.test_errs_twice"])
        other = {t.id: t for t in ours.tests}
        for test in theirs.tests:
            if test.id.endswith("twice"):
                continue
            mine = other[test.id]
            with self.subTest(test.id):
                self.assertEqual((test.statuses, test.tags), (mine.statuses, mine.tags))
                if not test.id.endswith("test_parts"):
                    self.assertEqual(set(test.files), set(mine.files) - {"stdout"})
                for name in set(test.files) & set(mine.files):
                    self.assertEqual(test.text(name).splitlines()[-1:], mine.text(name).splitlines()[-1:])
                    self.assertEqual(test.mime[name].replace(" ", "").replace('"', ""),
                                     mine.mime[name].replace(" ", "").replace('"', ""))

    def test_attachments(self):
        server = self.server()
        events = server.run([ALL + "First." + t for t in (
            "test_prints", "test_quiet", "test_fails", "test_errs_twice", "test_parts", "test_closes_nothing")])
        self.assertEqual("printed\nbuffered\nwritten\nchild\n", events.tests[0].text("stdout"))
        self.assertEqual({}, events.tests[1].files)
        self.assertEqual(["traceback", "stdout"], list(events.tests[2].files))
        self.assertEqual(["traceback", "traceback-1"], list(events.tests[3].files))
        self.assertEqual(["traceback (i=0)", "traceback (i=2)"], list(events.tests[4].files))
        self.assertEqual("success", events.tests[5].outcome)
        self.assertEqual(b"before the class\n", events.files["stdout"])
        self.assertEqual((0, b""), server.end())

    def test_order_is_kept_where_testr_asks(self):
        log = [ALL + "First.test_log", ALL + "Second.test_log"]
        path = os.path.join(self.top, "list")
        with open(path, "w") as f:
            f.writelines(test + "\n" for test in [log[1], "no.such.test", log[0], ALL + "First.test_quiet", log[1]])
        command = OURS + ["discover", "-s", "suite", "-t", ".", "--load-list", path]
        status, events = driver.run_once(command, self.top, TESTR_KEEP_ORDER="1")
        self.assertEqual((0, [log[1], log[0], ALL + "First.test_quiet"]), (status, events.exists), events.stderr)
        self.assertEqual([log[1], log[0], ALL + "First.test_quiet"], [t.id for t in events.tests])
        status, events = driver.run_once(command, self.top)
        self.assertEqual([log[0], ALL + "First.test_quiet", log[1]], [t.id for t in events.tests])

    def test_fixtures_of_classes_and_modules(self):
        server = self.server()
        log = [ALL + "First.test_log", ALL + "Second.test_log"]
        events = server.run([log[0], ALL + "First.test_quiet", log[0], log[1], log[0]])
        self.assertEqual(["module+,First+\n", "", "\n", "First-,Second+\n", "Second-,First+\n"],
                         [t.text("stdout") for t in events.tests])
        # The end of a request is the end of all of them.
        events = server.run([log[1]])
        self.assertEqual("First-,module-,module+,Second+\n", events.tests[0].text("stdout"))
        events = server.run([ALL + "Broken.test_one", ALL + "NotToday.test_one"])
        self.assertEqual([("setUpClass (suite.test_all.Broken)", "fail"), ("setUpClass (suite.test_all.NotToday)", "skip")],
                         events.outcomes)
        self.assertEqual([], events.returned)
        self.assertEqual((0, b""), server.end())

    def test_nothing_is_left_in_a_test(self):
        server = self.server()
        again = ALL + "Second.test_again"
        for _ in range(2):
            self.assertEqual([(again, "success")] * 2, server.run([again, again]).outcomes)
        self.assertEqual((0, b""), server.end())

    def test_suites_that_run_their_tests(self):
        server = self.server()
        uses = "suite.test_resources.Uses."
        events = server.run([uses + "test_a", uses + "test_b", uses + "test_a"])
        self.assertEqual([(uses + "test_a", "success"), (uses + "test_b", "success"), (uses + "test_a", "success")],
                         events.outcomes)
        self.assertEqual("made", events.tests[1].text("log"))
        events = server.run([uses + "test_b"])
        self.assertEqual("made,cleaned,made,cleaned,made", events.tests[0].text("log"))
        self.assertEqual((0, b""), server.end())


class RealSuites(unittest.TestCase):
    """Outcomes beside subunit.run, in three orders, of suites that others wrote."""

    def compare(self, names):
        command = THEIRS + names
        status, theirs = driver.run_once(command, HERE)
        self.assertEqual(0, status)
        wanted = dict(theirs.outcomes)
        self.assertGreater(len(wanted), 50)
        server = driver.Server(OURS + ["--server"] + names, HERE)
        self.addCleanup(server.release)
        tests = server.list()
        self.assertEqual(theirs.exists, tests)
        for order in (tests, tests[::-1], sorted(tests, key=lambda t: t[::-1])):
            self.assertEqual(wanted, dict(server.run(order).outcomes))
        self.assertEqual((0, b""), server.end())

    def test_testtools(self):
        self.compare(["testtools.tests.test_" + name for name in ("content", "helpers", "tags", "testcase", "with_with")])

    def test_fixtures(self):
        self.compare(["fixtures.tests._fixtures.test_" + name for name in (
            "environ", "monkeypatch", "tempdir", "temphomedir", "timeout", "warnings")] + ["fixtures.tests.test_fixture"])


class Arguments(unittest.TestCase):
    def test_help_and_mistakes(self):
        status, events = driver.run_once(OURS + ["--help"], "/")
        self.assertEqual(0, status)
        self.assertIn(b"--load-list", events.files["text"])
        for arguments in (["--no-such-option"], ["discover", "-s", "/no/such/directory"]):
            status, events = driver.run_once(OURS + arguments, "/")
            self.assertNotEqual(0, status)
            self.assertTrue(events.stderr)


if __name__ == "__main__":
    tap.main()
