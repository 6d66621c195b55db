#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Tests run by test servers: the same outcomes as by processes, and each way in which a server can go wrong is blamed on
what caused it, while everything else is run."""
import collections
import os
import random
import signal
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import project  # noqa: E402
import tap  # noqa: E402
from project import LONG, ProjectTest  # noqa: E402

KINDS = ("pass.a", "fail.b", "skip.c", "xfail.d", "pass.e", "pass.f", "fail.g", "pass.h")
OUTCOMES = {"pass": "success", "fail": "fail", "skip": "skip", "xfail": "xfail", "crash": "fail", "hang": "fail", "stop": "fail",
            "slow": "success", "print": "success"}


def expected(tests):
    return {test: OUTCOMES[test.split(".")[0]] for test in tests}


class ServerTest(ProjectTest):
    def serve(self, mode, tests=KINDS, extra=""):
        command = "test_server_command=/usr/bin/python3 %s/server.py %s %s\n" % (project.HERE, mode, " ".join(tests))
        self.configure(" ".join(tests), command + extra)
        if not os.path.isdir(self.path(".testrepository")):
            self.call("init", expect=0)

    def starts(self):
        return len(self.read("STARTS").splitlines())

    def ran(self):
        return collections.Counter(line.split()[1] for line in self.read("RAN").splitlines())

    def no_server_is_left(self):
        self.assertEqual([], self.processes(["server.py"]))

    def tearDown(self):
        self.no_server_is_left()


class Good(ServerTest):
    def test_same_outcomes_as_processes(self):
        for mode in ("good", "old", "returns", "child"):
            for parallel in ([], ["--parallel", "--concurrency=3"]):
                with self.subTest(mode=mode, parallel=parallel):
                    self.serve(mode)
                    self.call("run", *parallel, expect=1)
                    served = self.results()
                    self.assertEqual(expected(KINDS), served)
                    self.configure(" ".join(KINDS))
                    self.call("run", *parallel, expect=1)
                    self.assertEqual(served, self.results())

    def test_order_of_a_list_is_kept(self):
        for seed in range(3):
            order = list(KINDS)
            random.Random(seed).shuffle(order)
            self.serve("good")
            self.write("list", "\n".join(order) + "\n")
            if os.path.exists(self.path("RAN")):
                os.unlink(self.path("RAN"))
            self.call("run", "--load-list", self.path("list"), expect=1)
            self.assertEqual(order, [line.split()[1] for line in self.read("RAN").splitlines()])

    def test_one_server_a_worker(self):
        tests = ["slow.%d" % i for i in range(200)]
        self.serve("good", tests)
        self.call("run", "--parallel", "--concurrency=2", expect=0)
        # One of them lists the tests.
        self.assertEqual(2, self.starts())
        self.assertEqual({1}, set(self.ran().values()))
        self.assertEqual(200, len(self.results()))

    def test_a_signal_ends_no_test(self):
        """A server that is asked to gives back what it has not begun; what it is in is finished."""
        self.serve("cancels", ["wait.a"] + ["pass.%d" % i for i in range(5)])
        process = self.start("run")
        self.wait_for(lambda: os.path.exists(self.path("RAN")))
        process.send_signal(signal.SIGINT)
        self.write("GO", "")
        run = self.finish(process)
        self.assertEqual(130, run.code, run)
        results = self.results()
        self.assertEqual("success", results["wait.a"])
        self.assertLess(len(results), 6)

    def test_isolated_uses_processes(self):
        self.serve("good")
        self.call("run", "--isolated", "pass", expect=0)
        self.assertFalse(os.path.exists(self.path("STARTS")))

    def test_what_tests_print_stays_out_of_the_conversation(self):
        self.serve("good", ["print.%d" % i for i in range(20)])
        self.call("run", expect=0)
        self.assertEqual(20, len(self.results()))
        self.assertTrue(self.stored(b"junk"))


class Bad(ServerTest):
    """Each of these is over within its deadlines; PATIENCE only bounds a broken testr."""

    def fails_to_start(self, mode, words):
        self.serve(mode, extra="server_timeout=1\n")
        run = self.call("run", expect=9)
        self.assertIn(words, run.err)
        # The same when the tests are known already.
        self.write("list", "pass.a\nfail.b\n")
        run = self.call("run", "--load-list", self.path("list"), expect=9)
        self.assertIn(words, run.err)
        self.assertIn("server.py " + mode, run.err)

    def test_says_nothing(self):
        self.fails_to_start("mute", "it did not say Hello in time")

    def test_has_no_common_version(self):
        self.fails_to_start("future", "it speaks no version of the conversation that this testr speaks")

    def test_dies_instead_of_hello(self):
        self.fails_to_start("hello", "exit status 3")
        self.assertIn("no such database", self.call("run", expect=9).err)

    def test_dies_while_listing(self):
        self.serve("list")
        self.assertIn("exit status 4", self.call("run", expect=9).err)
        self.assertEqual([], os.listdir(self.path(".testrepository/streams")))

    def test_dies_in_a_test(self):
        tests = ["pass.%d" % i for i in range(20)] + ["crash.x"] + ["fail.y"]
        self.serve("good", tests)
        run = self.call("run", "--parallel", "--concurrency=2", expect=1)
        self.assertIn("while this test was running", run.out)
        self.assertEqual(expected(tests), self.results())
        self.assertEqual({1}, set(self.ran().values()))

    def test_exits_early_again_and_again(self):
        for mode in ("between", "half"):
            with self.subTest(mode=mode):
                self.serve(mode)
                run = self.call("run", expect=1)
                self.assertEqual(expected(KINDS), self.results())
                self.assertIn("ended with exit status 0 while no test was running", run.err)

    def test_closes_the_conversation_and_stays(self):
        self.serve("closed", KINDS[:3], extra="server_timeout=1\n")
        self.call("run", expect=1)
        self.assertEqual(expected(KINDS[:3]), self.results())

    def test_stops_in_a_test(self):
        tests = ("pass.a", "stop.b", "pass.c", "pass.d")
        self.serve("stop", tests, extra="server_timeout=1\ntest_timeout=2\n")
        run = self.call("run", expect=1)
        self.assertEqual(expected(tests), self.results())
        self.assertIn("The test did not end within 2 s", run.out)
        self.assertIn("Its server did not answer either.", run.out)
        self.assertEqual(["stop.b"], self.lines("failing", "--list"))

    def test_hanging_test(self):
        tests = ("pass.a", "hang.b", "pass.c")
        for server in (True, False):
            with self.subTest(server=server):
                if server:
                    self.serve("good", tests, extra="test_timeout=1\n")
                else:
                    self.configure(" ".join(tests), "test_timeout=1\n")
                run = self.call("run", "--parallel", expect=1)
                self.assertEqual(expected(tests), self.results())
                self.assertIn("The test did not end within 1 s", run.out)

    def test_leaves_tests_out(self):
        self.serve("omits")
        self.write("list", "pass.a\npass.e\n")
        run = self.call("run", "--load-list", self.path("list"), expect=6)
        self.assertIn("lost: pass.a", run.err)

    def test_answers_what_nobody_asked(self):
        self.serve("wrong", KINDS[:3])
        run = self.call("run", expect=1)
        self.assertEqual(expected(KINDS[:3]), self.results())
        self.assertIn("an answer to a request that is not open", run.err)

    def test_does_not_exit(self):
        self.serve("hangs", KINDS[:3], extra="server_timeout=1\n")
        self.call("run", expect=1)
        self.assertEqual(expected(KINDS[:3]), self.results())

    def test_killed_each_in_turn(self):
        count, kills = (5000, 40) if LONG else (300, 6)
        tests = ["slow.%d" % i for i in range(count)]
        # So many make a command that fills the pipe when it is told.
        self.write("TESTS", " ".join(tests))
        self.serve("good", ["@"])
        process = self.start("run", "--parallel", "--concurrency=2")
        chance, killed = random.Random(7), set()
        for turn in range(kills):
            goal = count * (turn + 1) // (kills + 2)
            self.wait_for(lambda: os.path.exists(self.path("RAN")) and self.read("RAN").count("\n") >= goal)
            servers = [p for p in self.processes(["server.py", "good"]) if p not in killed]
            servers = [p for p in servers if str(p) in {line.split()[0] for line in self.read("RAN").splitlines()}]
            if servers:
                victim = chance.choice(servers)
                killed.add(victim)
                os.kill(victim, signal.SIGKILL)
        run = self.finish(process)
        results = self.results()
        self.assertEqual(set(tests), set(results), run)
        blamed = [t for t, outcome in results.items() if outcome == "fail"]
        self.assertLessEqual(len(blamed), len(killed))
        self.assertEqual(1, run.code, run)
        # What ran twice began under a server that was killed, and was not blamed for it: between two tests.
        twice = [t for t, n in self.ran().items() if n > 1]
        self.assertLessEqual(len(twice), len(killed) - len(blamed))


if __name__ == "__main__":
    tap.main()
