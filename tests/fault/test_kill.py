# SPDX-License-Identifier: Apache-2.0
"""`kill -9` of `testr load` and `testr run` at single calls that change files (kill.c): what was finished before stays, what was
seen is stored, what is asked is answered rightly, and the next command works."""
import os
import random
import shutil
import signal
import subprocess

import faults
from faults import TESTR, FaultTest, Model, stream, suite
import tap

KILLER = os.environ.get("FAULT_KILLER", "kill.so")
POINTS = 1000000 if "TESTR_LONG" in os.environ else 200
BEFORE = suite(40, 4)
DURING = suite(60, 3, "pkg.test_%04d")


class Kill(FaultTest):
    def setUp(self):
        super().setUp()
        self.write(".testr.conf", "[DEFAULT]\ntest_command=cat stream\n")
        self.call("init", expect=0)
        self.load(BEFORE, expect=1)
        self.load([("pkg.test_0000", "success"), ("other", "fail")], "--partial", expect=1)
        with open(self.path("stream"), "wb") as f:
            f.write(stream(DURING, b"x" * 3000))
        shutil.copytree(self.path(".testrepository"), self.path("saved"))
        self.old = [self.tool("run", "0"), self.tool("run", "1")]

    def attempt(self, command, at=None, half=False):
        """One command from the saved state, killed at a call. What it printed, and whether it was killed."""
        shutil.rmtree(self.path(".testrepository"))
        shutil.copytree(self.path("saved"), self.path(".testrepository"))
        env = dict(self.env, LD_PRELOAD=KILLER, **({"FAULT_AT": str(at)} if at else {"FAULT_COUNT": self.path("count")}))
        if half:
            env["FAULT_HALF"] = "1"
        with open(self.path("stream"), "rb") as given:
            done = subprocess.run([TESTR, command], cwd=self.dir, env=env, stdin=given, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=faults.PATIENCE)
        self.assertIn(done.returncode, (1, -signal.SIGKILL), done.stderr)
        return done.stdout.decode(), done.returncode == -signal.SIGKILL

    def check(self, shown, killed):
        model = Model()
        model.fold(BEFORE, True)
        model.fold([("pkg.test_0000", "success"), ("other", "fail")], False)
        states = self.states()
        self.assertEqual(("finished", "finished"), (states[0], states[1]))
        self.assertEqual(self.old, [self.tool("run", "0"), self.tool("run", "1")])
        stored = self.stored_results(2) if 2 in states else []
        if killed and "id=2" not in shown:
            self.assertIn(states.get(2), (None, "finished", "interrupted"))
        else:
            self.assertEqual("finished", states.get(2))
        self.assertEqual(DURING[:len(stored)], stored)
        self.assertLessEqual(set(self.shown(shown)), {test for test, status in stored})
        if states.get(2) == "finished":
            self.assertEqual(DURING, stored)
        model.fold(stored, states.get(2) == "finished")
        self.assertEqual(model.failing, self.stored_failing())
        # No manual repair: the next command stores its run and all know of it.
        last = [("pkg.test_0003", "success"), ("later", "fail")]
        self.load(last, "--partial", expect=1)
        model.fold(last, False)
        self.assertEqual(sorted(model.failing), sorted(self.lines("failing", "--list")))
        self.assertEqual(last, self.stored_results(max(self.states())))
        self.assertLessEqual(set(os.listdir(self.path(".testrepository"))), {"format", "index.sqlite", "streams"})

    def each_point(self, command):
        shown, killed = self.attempt(command)
        self.assertFalse(killed)
        self.check(shown, killed)
        count = int(self.read("count"))
        points = [(at, half) for at in range(1, count + 1) for half in (False, True)]
        # Fewer points than asked for would be a suite that tests less than it says.
        self.assertGreaterEqual(len(points), 200)
        for at, half in random.Random(4).sample(points, min(POINTS, len(points))):
            with self.subTest(at=at, half=half):
                shown, killed = self.attempt(command, at, half)
                # The order of calls may differ a little where a pipe is read.
                self.assertTrue(killed or command == "run", "testr ended before call %d of %d" % (at, count))
                self.check(shown, killed)

    def test_load(self):
        self.each_point("load")

    def test_run(self):
        self.each_point("run")


if __name__ == "__main__":
    tap.main()
