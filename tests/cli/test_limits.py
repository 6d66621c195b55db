#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What takes too long is ended, and the report names it, how long it took, and what was done."""
import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import project  # noqa: E402
import tap  # noqa: E402
from project import ProjectTest  # noqa: E402


class LimitTest(ProjectTest):
    def begin(self, tests, extra="", served=False):
        if served:
            extra += "test_server_command=/usr/bin/python3 %s/server.py good %s\n" % (project.HERE, tests)
        self.configure(tests, extra)
        if not os.path.isdir(self.path(".testrepository")):
            self.call("init", expect=0)


class Tests(LimitTest):
    def test_what_was_done(self):
        for served in (False, True):
            self.begin("stuck.a pass.b", "test_timeout=1\n", served)
            # No shell that the signal could end.
            self.write(".testr.conf", self.read(".testr.conf").replace("=/usr/bin", "=exec /usr/bin"))
            run = self.call("run", expect=1)
            self.assertIn("The test did not end within 1 s, which is its test_timeout. Its process got SIGABRT, and was killed 2 s"
                          " later.", run.out)
            self.assertIn("here I am", run.out)
            self.assertEqual({"stuck.a": "fail", "pass.b": "success"}, self.results())

    def test_another_signal_or_none(self):
        self.begin("hang.a", "dump_signal=USR1\n")
        self.assertIn("Its process got SIGUSR1.\n", self.call("run", "--test-timeout=1", expect=1).out)
        self.begin("hang.a", "dump_signal=none\n")
        self.assertIn("Its process was killed.\n", self.call("run", "--test-timeout=1", expect=1).out)

    def test_option_has_precedence(self):
        self.begin("wait.a", "test_timeout=1\n")
        self.write("GO", "")
        self.call("run", "--test-timeout", "none", expect=0)
        self.call("run", "--test-timeout", "auto", expect=0)

    @tap.long
    def test_by_history(self):
        """It takes 40 seconds."""
        lines = ['{"test_id": "hang.a", "test_status": "%s", "timestamp": "2020-01-01T00:00:0%dZ"}\n' % pair
                 for pair in (("inprogress", 1), ("success", 2))]
        stream = subprocess.run([project.SUBUNIT, "json2subunit"], input="".join(lines).encode(), stdout=subprocess.PIPE, check=True).stdout
        self.begin("hang.a pass.b")
        for _ in range(5):
            self.call("load", "--partial", input=stream, expect=0)
        run = self.call("run", expect=1)
        self.assertIn("The test did not end within 30 s, which is what its history allows", run.out)


class Runs(LimitTest):
    def test_the_time_for_the_run(self):
        for served in (False, True):
            self.begin("pass.a hang.b pass.c pass.d", "run_timeout=1\nserver_timeout=1\n", served)
            self.write("list", "pass.a\nhang.b\npass.c\npass.d\n")
            run = self.call("run", "--load-list", self.path("list"), expect=124)
            self.assertIn("The test was running when the time for the run was over, 1 s. Its process got SIGABRT.", run.out)
            self.assertIn("testr: the time for the run, 1 s, was over; 2 tests were not run.", run.err)
            self.assertRegex(run.out, r"INTERRUPTED \(id=\d+, failures=1.*, not run=2\)")
            self.assertEqual({"pass.a": "success", "hang.b": "fail"}, self.results())
            self.assertTrue(self.stored(b"pass.c: the time for the run was over, 1 s\n"))
            last = self.call("last", expect=124)
            self.assertRegex(last.out, r"INTERRUPTED \(id=\d+, failures=1.*, not run=2\)")

    def test_option_has_precedence(self):
        self.begin("wait.a")
        self.call("run", "--timeout=1", expect=124)
        self.begin("wait.a", "run_timeout=1\n")
        self.write("GO", "")
        self.call("run", "--timeout=none", expect=0)

    def test_nothing_more_is_tried(self):
        self.begin("fail.a hang.b")
        self.call("run", "--timeout=1", "--retries=3", expect=124)
        rows = json.loads(self.call("last", "--json").out)["results"]
        self.assertEqual(["fail.a", "hang.b"], [row["test"] for row in rows])


class Silence(LimitTest):
    def test_in_a_test(self):
        self.begin("pass.a hang.b pass.c", "output_timeout=1\n")
        run = self.call("run", expect=1)
        self.assertIn("The test process printed nothing for 1 s, its output_timeout. Its process got SIGABRT.", run.out)
        self.assertEqual({"pass.a": "success", "hang.b": "fail", "pass.c": "success"}, self.results())

    def test_outside_of_tests(self):
        self.begin("pass.a mute.b", "output_timeout=1\n")
        run = self.call("run", expect=1)
        self.assertIn("ended with signal 6 (Aborted) while no test was running: it had printed nothing for 1 s, its output_timeout.",
                      run.err)
        self.assertIn("lost: mute.b", run.err)
        self.assertEqual({"pass.a": "success"}, self.results())


class Lists(LimitTest):
    def test_the_list(self):
        self.begin("pass.a", "list_timeout=1\n")
        self.env["HANG"] = "1"
        run = self.call("run", "--parallel", expect=8)
        self.assertIn("the tests were not listed within 1 s, which is list_timeout; the command got SIGABRT and was ended", run.err)
        self.assertEqual([], os.listdir(self.path(".testrepository/streams")))


class AtOnce(LimitTest):
    TESTS = ["busy.%s%d" % (group, i) for group in "abc" for i in range(3)] + ["pass.%d" % i for i in range(6)]
    WAYS = ([], ["--parallel", "--concurrency=4"], ["--parallel", "--concurrency=4", "--isolated"])

    def most(self):
        """How many were busy at once, at most."""
        now, most = 0, 0
        for mark in self.read("BUSY"):
            now += 1 if mark == "+" else -1
            most = max(most, now)
        os.unlink(self.path("BUSY"))
        return most

    def check(self, most, extra, *args):
        for served in (False, True):
            # A section comes last.
            keys, _, section = extra.partition("[")
            if served:
                keys += "test_server_command=/usr/bin/python3 %s/server.py good %s\n" % (project.HERE, " ".join(self.TESTS))
            self.begin(" ".join(self.TESTS), keys + "[" + section)
            for way in self.WAYS:
                if "--isolated" in way and (served or most > 1 or args):
                    continue
                run = self.call("run", *way, *args, expect=0)
                self.assertEqual(len(self.TESTS), len(self.results()), run)
                self.assertLessEqual(self.most(), most, run)

    def test_at_most_so_many(self):
        for most in (1, 2):
            self.check(most, "[limit database]\nmatch=^busy\\.\nmax=%d\n" % most)

    def test_several(self):
        self.check(2, "[limit one]\nmatch=^busy\\.a\nmax=1\n[limit two]\nmatch=busy\nmax=2\n")

    def test_groups(self):
        self.check(1, "group_regex=busy\\.[ab]\n[limit database]\nmatch=busy\nmax=1\n")

    def test_plans(self):
        self.write("plan", json.dumps({"version": 1, "segments": [{"match": ["[024]$"], "concurrency": 3}, {"rest": True}]}))
        self.check(1, "[limit database]\nmatch=^busy\nmax=1\n", "--plan", self.path("plan"))

    def test_errors(self):
        for section, words in (("[limit db]\nmax=1\n", ":5: [limit db] needs a key match"),
                               ("[limit db]\nmatch=a\n", ":5: [limit db] needs a key max"),
                               ("[limit db]\nmatch=a\nmax=0\n", ":7: [limit db] max is '0': write a number"),
                               ("[limit db]\nmatch=a\nmax=many\n", ":7: [limit db] max is 'many': write a number"),
                               ("[limit db]\nmatch=(\nmax=1\n", ":6: [limit db] match: "),
                               ("".join("[limit %d]\nmatch=a\nmax=1\n" % i for i in range(65)), "no more than 64 limits")):
            self.begin("pass.a", section)
            self.assertIn(words, self.call("run", expect=3).err)


class Errors(LimitTest):
    def test_errors(self):
        for line, words in (("test_timeout=soon", "test_timeout is 'soon'"), ("run_timeout=auto", "run_timeout is 'auto'"),
                            ("output_timeout=0", "output_timeout is '0'"), ("list_timeout=-1", "list_timeout is '-1'"),
                            ("server_timeout=none", "server_timeout is 'none'"), ("dump_signal=KILL", "dump_signal is 'KILL'")):
            self.begin("pass.a", line + "\n")
            self.assertIn(".testr.conf:5: %s: write " % words, self.call("run", expect=3).err)
        self.begin("pass.a")
        for option in ("--timeout=x", "--timeout=0", "--test-timeout=x", "--test-timeout=-1"):
            self.call("run", option, expect=2)


if __name__ == "__main__":
    tap.main()
