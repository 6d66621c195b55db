#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The order in which tests are run, and a stored run run again as it was."""
import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import project  # noqa: E402
import tap  # noqa: E402
from project import ProjectTest  # noqa: E402

TESTS = ["pass.%d" % i for i in range(12)] + ["fail.x"]


class OrderTest(ProjectTest):
    def begin(self, tests=TESTS, served=False):
        extra = "test_server_command=/usr/bin/python3 %s/server.py good %s\n" % (project.HERE, " ".join(tests)) if served else ""
        self.configure(" ".join(tests), extra)
        if not os.path.isdir(self.path(".testrepository")):
            self.call("init", expect=0)

    def order(self, run="-1", worker=None):
        return self.lines("last", "-r", run, "--list", *([] if worker is None else ["--worker", str(worker)]))

    def workers(self, run="-1"):
        rows = json.loads(self.call("last", "-r", run, "--json").out)["results"]
        return {row["test"]: row["worker"] for row in rows}


class Orders(OrderTest):
    def load(self, seconds):
        """History: how long each test took."""
        lines = ['{"test_id": "%s", "test_status": "%s", "timestamp": "2020-01-01T00:00:%02dZ"}\n' % (test, status, at)
                 for test, duration in seconds.items() for status, at in (("inprogress", 0), ("success", duration))]
        stream = subprocess.run([project.SUBUNIT, "json2subunit"], input="".join(lines).encode(), stdout=subprocess.PIPE, check=True).stdout
        self.call("load", input=stream, expect=0)

    def test_random(self):
        self.begin()
        orders = []
        for options in (["--seed=7"], ["--order=random", "--seed", "7"], ["--seed=8"]):
            self.call("run", *options, expect=1)
            orders.append(self.order())
            self.assertEqual(sorted(TESTS), sorted(orders[-1]))
        self.assertEqual(orders[0], orders[1])
        self.assertNotEqual(orders[0], orders[2])
        self.assertNotEqual(TESTS, orders[0])
        run = self.call("run", "--order=random", expect=1)
        self.assertIn("note: the order is random; --seed=", run.err)
        seed = run.err.split("--seed=")[1].split()[0]
        self.assertIn("seed=%s" % seed, self.call("info", "-1").out.replace(": ", "="))
        drawn = self.order()
        self.call("run", "--seed", seed, expect=1)
        self.assertEqual(drawn, self.order())

    def test_the_others(self):
        tests = ["pass.a", "pass.b", "pass.c", "fail.d"]
        for served in (False, True):
            self.begin(tests, served)
            self.load({"pass.a": 1, "pass.b": 3, "pass.c": 2, "fail.d": 0})
            self.call("run", "fail", expect=1)
            self.call("run", "--order=longest", "pass", expect=0)
            self.assertEqual(["pass.b", "pass.c", "pass.a"], self.order())
            self.call("run", "--order=failing", expect=1)
            self.assertEqual("fail.d", self.order()[0])
            self.call("run", "--order=listed", expect=1)
            self.assertEqual(tests, self.order())

    def test_errors(self):
        self.begin()
        for options in (["--order=best"], ["--seed=x"], ["--seed=-1"], ["--seed=4294967296"], ["--order=listed", "--seed=1"],
                        ["--replay=1:2"], ["--replay=1:worker-x"], ["--replay=1", "--failing"], ["--replay=-1", "--seed=1"]):
            with self.subTest(options=options):
                self.call("run", *options, expect=2)
        self.call("run", "--replay=-1", expect=3)
        self.assertEqual([], os.listdir(self.path(".testrepository/streams")))


class Replays(OrderTest):
    def test_order_and_workers(self):
        for served in (False, True):
            self.begin(served=served)
            self.call("run", "--seed=3", "--parallel", "--concurrency=3", expect=1)
            run = str(int(self.lines("stats")[0].split("=")[1]) - 1)
            self.call("run", "--replay", run, expect=1)
            self.assertEqual(self.workers(run), self.workers())
            for worker in range(3):
                self.assertEqual(self.order(run, worker), self.order("-1", worker))
            worker = self.workers(run)["fail.x"]
            self.call("run", "--replay", "%s:worker-%d" % (run, worker), expect=1)
            self.assertEqual(self.order(run, worker), self.order())
            self.assertEqual({0}, set(self.workers().values()))

    def test_retried_tests_once(self):
        self.begin()
        self.call("run", "--retries=2", expect=1)
        self.call("run", "--replay=-1", expect=1)
        self.assertEqual(sorted(TESTS), sorted(self.order()))

    def test_tests_that_are_gone(self):
        self.begin()
        self.call("run", "--seed=3", expect=1)
        before = self.order()
        gone = {"pass.3", "pass.7"}
        self.begin([test for test in TESTS if test not in gone])
        run = self.call("run", "--replay=-1", expect=1)
        for test in gone:
            self.assertIn("note: this test is gone, and not replayed: %s\n" % test, run.err)
        self.assertEqual([test for test in before if test not in gone], self.order())

    def test_filters(self):
        self.begin()
        self.call("run", "--seed=3", expect=1)
        before = self.order()
        self.call("run", "--replay=-1", "pass", expect=0)
        self.assertEqual([test for test in before if test != "fail.x"], self.order())


if __name__ == "__main__":
    tap.main()
