#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Tests that failed are tried again: every attempt is stored, the last one counts, and one that passes then is flaky."""
import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import project  # noqa: E402
import tap  # noqa: E402
from project import ProjectTest  # noqa: E402


class RetryTest(ProjectTest):
    def begin(self, tests, extra="", served=False):
        if served:
            extra += "test_server_command=/usr/bin/python3 %s/server.py good %s\n" % (project.HERE, tests)
        for name in os.listdir(self.dir):
            if name.startswith("COUNT"):
                os.unlink(self.path(name))
        self.configure(tests, extra)
        if not os.path.isdir(self.path(".testrepository")):
            self.call("init", expect=0)

    def attempts(self, test):
        """Its results in the last run: the outcome, the worker and the tags of each."""
        rows = json.loads(self.call("last", "--json").out)["results"]
        return [(r["status"], r["worker"], r["tags"]) for r in rows if r["test"] == test]

    def each_way(self):
        return ((served, parallel) for served in (False, True) for parallel in ([], ["--parallel", "--concurrency=2"]))


class Retries(RetryTest):
    def test_a_pass_after_a_failure_is_flaky(self):
        for served, parallel in self.each_way():
            self.begin("pass.a late2.b pass.c pass.d", "retries=2\n", served)
            run = self.call("run", *parallel, expect=0)
            self.assertIn("FAIL: late2.b", run.out)
            self.assertIn("FLAKY: late2.b (attempt 2 passed)\n", run.out)
            self.assertRegex(run.out, r"Ran 4 .*\n(.*\n)*PASSED \(id=\d+, flaky=1\)")
            self.assertEqual([], self.lines("failing", "--list", expect=0))
            attempts = self.attempts("late2.b")
            self.assertEqual([("fail", []), ("success", ["attempt-2"])], [(status, tags) for status, _, tags in attempts])
            if parallel:
                self.assertEqual({0, 1}, {worker for _, worker, _ in attempts})
            last = self.call("last", expect=0)
            self.assertRegex(last.out, r"Ran 4 .*\n(.*\n)*PASSED \(id=\d+, flaky=1\)")
            self.assertIn("FLAKY: late2.b", last.out)
            self.assertEqual(1, len(self.attempts("pass.a")))

    def test_flaky_result(self):
        for served, parallel in self.each_way():
            self.begin("pass.a late3.b", "flaky_result=fail\n", served)
            run = self.call("run", "--retries=2", *parallel, expect=1)
            self.assertRegex(run.out, r"FAILED \(id=\d+, flaky=1\)")
            self.assertIn("attempt 3 passed", run.out)
            self.assertEqual([], self.lines("failing", "--list", expect=0))
            self.assertEqual(1, self.call("last").code)
            self.assertEqual(3, len(self.attempts("late3.b")))

    def test_what_fails_always_fails(self):
        for served, parallel in self.each_way():
            self.begin("pass.a fail.b crash.c uxsuccess.d", "", served)
            run = self.call("run", "--retries", "2", *parallel, expect=1)
            self.assertRegex(run.out, r"Ran 4 ")
            self.assertRegex(run.out, r"FAILED \(id=\d+, failures=3")
            self.assertEqual(["crash.c", "fail.b", "uxsuccess.d"], sorted(self.lines("failing", "--list")))
            for test in ("fail.b", "crash.c", "uxsuccess.d"):
                self.assertEqual([[], ["attempt-2"], ["attempt-3"]], [tags for _, _, tags in self.attempts(test)])
            last = self.call("last", expect=1)
            self.assertRegex(last.out, r"Ran 4 ")
            self.assertRegex(last.out, r"failures=3")

    def test_the_last_attempt_is_alone(self):
        for served in (False, True):
            with self.subTest(served=served):
                self.begin("polluter.a victim.b victim.c late2.d", "", served)
                run = self.call("run", "--retries=1", expect=0)
                self.assertIn("flaky=3", run.out)
                # Each a process of its own.
                self.assertEqual(3, run.out.count("--load-list"))

    def test_a_plan_holds(self):
        self.begin("late2.a late2.b pass.c")
        self.write("plan", json.dumps({"version": 1, "segments": [{"tests": ["late2.b"], "concurrency": 1}, {"rest": True}]}))
        self.call("run", "--plan", self.path("plan"), "--retries=1", expect=0)
        packets = subprocess.run([project.TESTR, "last", "--subunit"], cwd=self.dir, stdout=subprocess.PIPE).stdout
        text = subprocess.run([project.SUBUNIT, "subunit2json"], input=packets, stdout=subprocess.PIPE, check=True).stdout
        events = [json.loads(line) for line in text.splitlines()]
        self.assertEqual(["late2.b", "late2.a", "pass.c", "late2.b", "late2.a"],
                         [e["test_id"] for e in events if e["test_status"] in ("success", "fail")])

    def test_without_retries_nothing_is_tried_again(self):
        self.begin("late2.a", "retries=3\n")
        self.call("run", "--retries=0", expect=1)
        self.assertEqual(1, len(self.attempts("late2.a")))

    def test_unplanned(self):
        """The command was left to find the tests itself."""
        self.begin("late2.a pass.b")
        self.env["SILENT"] = "1"
        self.call("run", "--retries=1", expect=0)
        self.assertEqual(2, len(self.attempts("late2.a")))

    def test_errors(self):
        self.begin("pass.a")
        for value in ("-1", "101", "x"):
            self.call("run", "--retries=" + value, expect=2)
        self.begin("pass.a", "retries=many\n")
        self.assertIn(".testr.conf:5: retries is 'many'", self.call("run", expect=3).err)
        self.begin("pass.a", "flaky_result=maybe\n")
        self.assertIn(".testr.conf:5: flaky_result is 'maybe'", self.call("run", expect=3).err)
        self.write(".testr.conf", "[DEFAULT]\ntest_command=/usr/bin/python3 %s/suite.py pass.a\n" % project.HERE)
        self.assertIn("no $IDOPTION", self.call("run", "--retries=1", expect=3).err)


if __name__ == "__main__":
    tap.main()
