#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Concurrency plans: steps one after the other, and what is unclear is an error before anything runs."""
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import project  # noqa: E402
import tap  # noqa: E402
from project import ProjectTest  # noqa: E402

TESTS = ["slow.%d" % i for i in range(12)] + ["pass.%d" % i for i in range(12)]


class Plans(ProjectTest):
    def plan(self, *segments):
        self.write("plan", json.dumps({"version": 1, "segments": list(segments)}))
        return self.path("plan")

    def serve(self):
        self.project(" ".join(TESTS), "test_server_command=/usr/bin/python3 %s/server.py good %s\n" % (project.HERE, " ".join(TESTS)))

    def test_steps_follow_each_other(self):
        self.serve()
        plan = self.plan({"match": ["[02468]$"], "concurrency": 2}, {"tests": ["pass.1", "slow.1"], "concurrency": 1}, {"rest": True})
        self.call("run", "--parallel", "--concurrency=4", "--plan", plan, expect=0)
        step = {test: 0 if test[-1] in "02468" else 1 if test in ("pass.1", "slow.1") else 2 for test in TESTS}
        lines = [line.split() for line in self.read("RAN").splitlines()]
        self.assertEqual(sorted(TESTS), sorted(test for _, test in lines))
        steps = [step[test] for _, test in lines]
        self.assertEqual(sorted(steps), steps)
        self.assertEqual(1, len({pid for pid, test in lines if step[test] == 1}))

    def test_isolated_step(self):
        self.project("pass.a pass.b pass.c")
        plan = self.plan({"tests": ["pass.a", "pass.b"], "isolated": True}, {"rest": True})
        run = self.call("run", "--plan", plan, expect=0)
        # One lists, three run.
        self.assertEqual(4, run.out.count("running="))
        self.assertEqual(3, len(self.results()))

    def test_shown(self):
        self.project("pass.a pass.b fail.c")
        plan = self.plan({"name": "alone", "tests": ["fail.c"], "concurrency": 1}, {"rest": True, "isolated": True})
        shown = [line for line in self.lines("plan", plan, "--list", expect=0) if not line.startswith("running=")]
        self.assertEqual(["alone: 1 test, at most 1 at once", "  fail.c", "segment 2: 2 tests, each in a process of its own",
                          "  pass.a", "  pass.b"], shown)

    def test_errors_come_before_anything_runs(self):
        self.project("pass.a pass.b")
        for segments, words in (([{"tests": ["nobody"]}, {"rest": True}], 'there is no test "nobody"'),
                                ([{"tests": ["pass.a"]}], 'no segment takes the test "pass.b"'),
                                ([{"tests": ["pass.a"]}, {"match": ["a"]}, {"rest": True}], "is in segment"),
                                ([], "is not a list")):
            plan = self.plan(*segments)
            for command in (["run", "--plan", plan], ["plan", plan]):
                with self.subTest(segments=segments, command=command[0]):
                    self.assertIn(words, self.call(*command, expect=3).err)
        self.assertEqual([], os.listdir(self.path(".testrepository/streams")))
        self.call("run", "--plan", self.path("missing"), expect=3)
        self.call("run", "--plan", plan, "--isolated", expect=2)
        self.call("plan", expect=2)


if __name__ == "__main__":
    tap.main()
