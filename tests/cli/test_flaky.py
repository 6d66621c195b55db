#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What makes tests fail, and which do so by chance: causes, on suites that really run."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import test_ask  # noqa: E402
import tap  # noqa: E402

PYTHON = """[DEFAULT]
test_command=/usr/bin/python3 -m subunit.run $LISTOPT $IDOPTION %s
test_id_option=--load-list $IDFILE
test_list_option=--list
"""

CAUSES = '''
import os, tempfile, unittest

def connect():
    raise ConnectionRefusedError("port %d of 127.0.0.1 at %#x" % (os.getpid(), id(object())))

class A(unittest.TestCase):
    def test_one(self):
        connect()
    def test_two(self):
        for _ in range(3):
            connect()
    def test_file(self):
        open(os.path.join(tempfile.mkdtemp(), "x"))
    def test_equal(self):
        self.assertEqual(1, 2)
    def test_passes(self):
        pass

class B(unittest.TestCase):
    def setUp(self):
        connect()
    def test_three(self):
        pass
    def test_four(self):
        pass
'''


class PythonSuite(test_ask.AskTest):
    """A project whose tests are a module of Python's unittest."""

    def suite(self, text, extra=""):
        self.write("suite.py", text)
        self.write(".testr.conf", PYTHON % "suite" + extra)
        self.env["PYTHONPATH"] = self.dir
        self.env["PYTHONDONTWRITEBYTECODE"] = "1"
        self.call("init", expect=0)


class Causes(PythonSuite):
    def test_failures_are_grouped(self):
        self.suite(CAUSES)
        self.call("run", expect=1)
        answer = self.json("causes")
        self.assertEqual((0, 6), (answer["run"], answer["failures"]))
        groups = [(c["failures"], c["message"], c["frames"], sorted(c["tests"])) for c in answer["causes"]]
        refused = "ConnectionRefusedError: port <n> of <n> at <hex>"
        self.assertIn((2, refused, ["suite.py: connect"], ["suite.A.test_one", "suite.A.test_two"]), groups)
        self.assertIn((2, refused, ["suite.py: connect", "suite.py: setUp"], ["suite.B.test_four", "suite.B.test_three"]), groups)
        self.assertIn((1, "AssertionError: <n> != <n>", ["suite.py: test_equal"], ["suite.A.test_equal"]), groups)
        self.assertIn((1, "FileNotFoundError: [Errno <n>] No such file or directory: '<tmp>'", ["suite.py: test_file"],
                       ["suite.A.test_file"]), groups)
        self.assertEqual(4, len(groups))
        self.assertEqual([2, 2, 1, 1], [g[0] for g in groups])
        table = self.lines("causes", expect=0)
        self.assertEqual(["failures", "cause", "tests"], table[0].split())
        self.assertEqual(6, len(table))
        self.assertIn("%s [suite.py: connect < suite.py: setUp]   suite.B.test" % refused, "\n".join(table))
        # The same failures in other processes have the same causes.
        self.call("run", "--isolated", expect=1)
        again = self.json("causes")
        self.assertEqual(sorted(groups), sorted((c["failures"], c["message"], c["frames"], sorted(c["tests"]))
                                                for c in again["causes"]))
        self.assertEqual((answer["causes"]), self.json("causes", "-r", "0")["causes"])

    def test_failures_without_words(self):
        self.make(2)
        self.load(test_ask.stream([("a", "fail", 0, 1, [], []), ("b", "uxsuccess", 0, 1, [], []), ("c", "unfinished", 0, 1, [], []),
                                   ("d", "fail", 0, 1, [], [("log", "text/plain", b"\n\nout of cheese: 7\n")]),
                                   ("e", "fail", 0, 1, [], [("core", "application/octet-stream", b"\x00")])]))
        causes = {tuple(c["tests"]): c["message"] for c in self.json("causes")["causes"]}
        self.assertEqual({("a", "e"): "no message", ("b",): "unexpected success", ("d",): "out of cheese: <n>",
                          ("c",): "no end: the test began and did not end"}, causes)

    def test_many_tests_and_long_words(self):
        self.make(2)
        self.load(test_ask.stream([("test_%d" % i, "fail", i, 1, [], [("traceback", "text/plain", b"x" * 3000)]) for i in range(50)]))
        line = self.lines("causes", expect=0)[2]
        self.assertTrue(line.endswith("…  test_0, test_1, test_2, 47 more"), line)
        self.assertLess(len(line), 200)
        self.assertEqual(50, len(self.json("causes")["causes"][0]["tests"]))

    def test_nothing_failed(self):
        for format in (1, 2):
            with self.subTest(format=format):
                self.make(format)
                self.assertEqual(3, self.call("causes").code)
                self.load(test_ask.simple(a="success"))
                self.assertEqual("Nothing failed in run 0.\n", self.call("causes", expect=0).out)
                self.assertEqual([], self.json("causes")["causes"])
                self.load(test_ask.simple(a="fail"))
                self.assertEqual("it failed", self.json("causes")["causes"][0]["message"])
                self.assertEqual("", self.call("causes", "-r", "0", "-q", expect=0).out)
                self.call("causes", "-r", "9", expect=3)
            os.rename(self.path(".testrepository"), self.path("old-%d" % format))


if __name__ == "__main__":
    tap.main()
