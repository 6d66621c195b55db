#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""testr_python.pytest beside what pytest itself writes, once and as a server."""
import os
import sys
import unittest
import xml.etree.ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..")]
import conversation  # noqa: E402
import driver  # noqa: E402
import suites  # noqa: E402
import tap  # noqa: E402

PYTEST = [driver.PYTHON, "-m", "pytest", "-p", "no:cacheprovider"]
OURS = PYTEST + ["-p", "testr_python.pytest"]
# What pytest's JUnit XML has for each of our outcomes. An expected failure is "skipped" there, by its type.
JUNIT = {"success": None, "fail": ("failure", "error"), "skip": ("skipped",), "xfail": ("skipped",)}


class Server(conversation.Laws, unittest.TestCase):
    command = OURS + ["--testr-server", "-x"]
    files = suites.PYTEST

    def waits(self, name):
        return "test_waits.py::test_" + name

    def outcomes_once(self):
        return dict(self.once().outcomes)

    def load_list(self, tests):
        path = os.path.join(self.top, "list")
        with open(path, "w", encoding="utf-8") as f:
            f.writelines(test + "\n" for test in tests)
        return path

    def once(self, *more):
        status, events = driver.run_once(OURS + ["--subunit-list"], self.directory)
        self.assertEqual(2, status)  # one module cannot be imported
        self.assertIn("there_is_no_such_module", events.files["import errors"].decode())
        listed = [t for t in events.exists if t != self.waits("a")]
        status, events = driver.run_once(OURS + ["--subunit-load-list=" + self.load_list(listed), *more], self.directory)
        self.assertEqual((0, ""), (status, events.stderr))
        self.assertEqual(listed, events.exists)
        self.assertEqual(sorted(listed), sorted(t.id for t in events.tests))
        self.assertEqual({}, dict(events.files))
        return events

    def test_order_is_kept_where_testr_asks(self):
        listed = [t.id for t in self.once().tests if t.id.startswith("test_all.py::")]
        wanted = listed[::-1]
        command = OURS + ["--subunit-load-list=" + self.load_list(wanted)]
        status, events = driver.run_once(command, self.directory, TESTR_KEEP_ORDER="1")
        self.assertEqual((0, wanted), (status, [t.id for t in events.tests]), events.stderr)
        status, events = driver.run_once(command, self.directory)
        self.assertEqual((0, listed), (status, [t.id for t in events.tests]), events.stderr)

    def test_like_junit(self):
        path = os.path.join(self.top, "junit.xml")
        events = self.once("--junitxml=" + path)
        cases = {}
        for case in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
            of_class = case.get("classname").replace("test_all", "test_all.py").replace("test_waits", "test_waits.py")
            parts = [part for part in of_class.replace(".py.", ".py::").split("::") if part]
            name = "::".join(parts + [case.get("name")]) if parts else case.get("name") + ".py"
            cases.setdefault(name, []).extend(case)
        self.assertEqual(sorted(cases), sorted(t.id for t in events.tests))
        for test in events.tests:
            with self.subTest(test.id):
                found = {e.tag: e for e in cases[test.id] if e.tag in ("failure", "error", "skipped")}
                wanted = JUNIT[test.outcome]
                if wanted is None:
                    self.assertEqual({}, found)
                    continue
                self.assertTrue(set(found) <= set(wanted) and found, found)
                if test.outcome in ("skip", "xfail"):
                    self.assertEqual(test.outcome == "xfail", found["skipped"].get("type") == "pytest.xfail")
                for name, text in test.files.items():
                    # The last line of what pytest says.
                    if name.startswith("traceback") and test.outcome == "fail":
                        last = text.decode().strip().splitlines()[-1]
                        self.assertIn(last, "".join(e.text or "" for e in found.values()) + str(
                            [e.get("message") for e in found.values()]))

    def test_attachments(self):
        server = self.server()
        tests = ["test_all.py::test_" + name for name in (
            "prints", "fails", "no_fixture", "both", "expected", "unexpected", "strict", "skips")]
        events = server.run(tests)
        self.assertEqual(tests, [t.id for t in events.tests])
        prints, fails, no_fixture, both, expected, unexpected, strict, skips = events.tests
        self.assertEqual("printed\nwritten\nchild\n", prints.text("stdout"))
        self.assertEqual("wrong\n", prints.text("stderr"))
        self.assertIn("logged", prints.text("log"))
        self.assertEqual(["traceback"], list(fails.files))
        self.assertEqual(["traceback setup"], list(no_fixture.files))
        self.assertEqual(["traceback", "traceback teardown"], list(both.files))
        self.assertEqual("a fault", expected.text("reason"))
        self.assertEqual(("success", "a fault"), (unexpected.outcome, unexpected.text("xpass")))
        self.assertEqual("fail", strict.outcome)
        self.assertEqual("now and then", skips.text("reason"))
        self.assertEqual((0, b""), server.end())

    def test_fixtures(self):
        one, two = ["test_all.py::TestFixtures::test_" + name for name in ("one", "two")]
        log = "test_all.py::test_log"
        server = self.server()
        events = server.run([one, two, log, two, self.waits("b"), log])
        self.assertEqual(
            ["session+,module+,class+\n", "\n", "class-\n", "class+\n", "", "class-,module-,module+\n"],
            [t.text("stdout") for t in events.tests])
        # The next request is there in time, and known; then it is cancelled.
        nonce, gate = self.waiting(server, "a")
        second = server.ask("Run", tests=[one])
        third = server.ask("Run", tests=[two])
        cancelled = server.ask("Run", tests=[log])
        server.send("Cancel", nonce=cancelled)
        server.send("Ping", nonce=1000)
        server.message("Pong")
        gate.close()
        server.answer(nonce)
        # Fixtures of the session stay from one request to the next, those of modules and classes when they are used again.
        self.assertEqual("module-,module+,class+\n", server.answer(second).tests[0].text("stdout"))
        self.assertEqual("\n", server.answer(third).tests[0].text("stdout"))
        self.assertEqual([log], server.answer(cancelled).returned)
        self.assertEqual([(self.waits("b"), "success")], server.run([self.waits("b")]).outcomes)
        events = server.run([log])
        self.assertEqual("class-,module-,module+\n", events.tests[0].text("stdout"))
        self.assertEqual((0, b""), server.end())


class Alone(unittest.TestCase):
    def test_pytest_is_as_ever_without_our_options(self):
        status, events = driver.run_once(OURS + ["--version"], "/")
        self.assertEqual(0, status)

    def test_mistakes(self):
        for arguments in (["--subunit-load-list", "/dev/null"], ["--subunit-load-list=/no/such/file"]):
            status, events = driver.run_once(OURS + arguments, "/")
            self.assertEqual(4, status)
            self.assertIn("ERROR: --subunit-load-list", events.stderr)

    def test_the_end_of_a_session(self):
        """pytest.exit: that test fails, the others are given back, and the server says so."""
        import tempfile
        with tempfile.TemporaryDirectory() as directory:
            suites.write(os.path.join(directory, "suite"), {
                "test_exit.py": "import pytest\ndef test_a():\n    pytest.exit('enough')\ndef test_b():\n    pass\n"})
            server = driver.Server(OURS + ["--testr-server"], directory)
            self.addCleanup(server.release)
            events = server.run()
            self.assertEqual([("suite/test_exit.py::test_a", "fail")], events.outcomes)
            self.assertEqual("pytest.exit: enough", events.tests[0].text("reason"))
            self.assertEqual(["suite/test_exit.py::test_b"], events.returned)
            self.assertEqual({}, server.message("Goodbye"))
            server.close_conversation()
            self.assertEqual(0, server.wait()[0])


if __name__ == "__main__":
    tap.main()
