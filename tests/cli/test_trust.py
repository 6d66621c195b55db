#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What makes tests fail, and which do so by chance: causes, flaky,
--until-failure, quarantine, stress."""
import os
import re
import signal
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import test_ask  # noqa: E402
from suite import packet  # noqa: E402
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

class Flaky(test_ask.AskTest):
    def tell(self, outcomes, *options):
        """A run in which the tests have these outcomes, each as often as there are letters."""
        status = {"P": "success", "F": "fail", "S": "skip"}
        self.load(b"".join(packet(test, "inprogress") + packet(test, status[o]) for test, each in outcomes.items() for o in each),
                  *options)

    def classes(self, *options):
        return {t["test"]: t["class"] for t in self.json("flaky", *options)["flaky"]}

    def test_a_history(self):
        self.make(2)
        self.assertEqual([], self.json("flaky")["flaky"])
        for i in range(30):
            outcomes = {"steady": "P", "skipped": "S", "mended": "F" if 10 <= i < 15 else "P", "broken": "F" if i > 25 else "P",
                        "chance": "FP" if i % 8 == 7 else "P", "new": "P"}
            self.tell(outcomes)
        self.assertEqual({"chance": "flaky", "broken": "broken"}, self.classes())
        answer = self.json("flaky")
        chance = answer["flaky"][0]
        self.assertEqual(("chance", 30, 3, 3, 23), tuple(chance[k] for k in (
            "test", "passes", "failures", "chance_failures", "last_failure")))
        self.assertEqual((30, 0, 0, 5, 0), tuple(answer[k] for k in ("runs", "commits", "outages", "tests", "not_shown")))
        self.assertTrue(chance["low"] < 3 / 33 < chance["high"])
        table = self.lines("flaky", expect=0)
        self.assertEqual(["class", "rate", "95%", "failures", "results", "minutes", "lost", "last", "test"], table[0].split())
        self.assertTrue(re.match(r"flaky   9\.1%  \d\.\d-2\d\.\d +3 +33 +0\.0 +23 +chance$", table[2]), table[2])
        self.assertEqual("1 flaky, 1 broken, 0 with too little data to tell, of 5 tests in 30 runs.", table[-1])
        self.assertEqual(table[:-1], self.lines("flaky", "-q", expect=0))
        # The last runs know neither of the mended test nor of most failures.
        self.assertEqual(["broken"], list(self.classes("--window=5")))
        limited = self.json("flaky", "--limit=1")
        self.assertEqual((1, 1), (len(limited["flaky"]), limited["not_shown"]))
        self.assertIn("1 are not shown", self.call("flaky", "--limit=1", expect=0).out)

    def test_format_1(self):
        self.make(1)
        for i in range(10):
            self.tell({"chance": "FP" if i in (3, 7) else "P"})
        self.assertEqual({"chance": "flaky"}, self.classes())

    def test_commits(self):
        """The same outcomes: flaky if they are of one commit, and not if files were changed."""
        def class_of(*meta):
            self.make(2)
            for i in range(12):
                self.tell({"a": "P", "b": "P"}, "--meta=git.commit=%040d" % i)
            for i in range(2):
                for outcome in "FP":
                    self.tell({"a": outcome, "b": "P"}, *[m.replace("N", str(i)) for m in meta])
            found = self.classes().get("a")
            os.rename(self.path(".testrepository"), self.path("old%d" % len(os.listdir(self.dir))))
            return found
        self.assertEqual("flaky", class_of("--meta=git.commit=cN"))
        self.assertEqual("too little data", class_of("--meta=git.commit=cN", "--meta=git.dirty=true"))

    def test_interleaved_commits(self):
        self.make(2)
        for i in range(8):
            self.tell({"a": "P"}, "--meta=git.commit=%040d" % i)
        # Two branches in turns, one of which breaks the test.
        for _ in range(3):
            self.tell({"a": "F"}, "--meta=git.commit=branch")
            self.tell({"a": "P"}, "--meta=git.commit=main")
        self.assertNotIn(self.classes().get("a"), ("flaky", "too little data"))

    def test_wrong_options(self):
        self.make(2)
        for options in (["--window=-1"], ["--limit=-2"], ["--since=yesterday"], ["--window=many"]):
            self.call("flaky", *options, expect=2)

class UntilFailure(PythonSuite):
    def test_limits(self):
        self.configure("pass.a flaky.b pass.c")
        self.call("init", expect=0)
        run = self.call("run", "--until-failure", "--max-runs=3", expect=0)
        lines = run.out.splitlines()
        self.assertEqual(4, len(lines), run)
        for i in range(3):
            self.assertRegex(lines[i], r"^run %d: PASSED \(id=%d\), 3 tests in \d+\.\d{3}s$" % (i + 1, i))
        # 0.05 ** (1/3)
        self.assertEqual("No failure in 3 runs: the rate is below 63%, with 95% confidence.", lines[3])
        self.assertEqual("", run.err)
        self.assertEqual("", self.call("run", "--until-failure", "--max-runs=1", "-q", expect=0).out)
        run = self.call("run", "--until-failure", "--for=1h", expect=1)
        lines = run.out.splitlines()
        self.assertEqual(5, sum(line.startswith("run ") for line in lines), run)
        self.assertIn("FAIL: flaky.b", lines)
        self.assertTrue(lines[-1].startswith("FAILED (id=9, failures=1"), run)
        self.assertEqual("testr: run 6 failed; `testr bisect flaky.b -r 9` finds out what makes it fail\n", run.err)

    def test_time_is_up(self):
        self.project("pass.a")
        run = self.call("run", "--until-failure", "--for=1s", "--max-runs=100000", expect=0)
        runs = int(self.lines("stats")[0].split("=")[1])
        self.assertLess(runs, 100000)
        self.assertIn("No failure in %d runs" % runs, run.out)

    def test_without_limits_nothing_is_new(self):
        self.project("pass.a fail.b")
        run = self.call("run", "--until-failure", expect=1)
        self.assertEqual("", run.err)
        self.assertEqual(["FAILED (id=0, failures=1)"], run.out.splitlines()[-1:])

    def test_odd_names(self):
        self.project("'fail.it'\\''s (a)'")
        run = self.call("run", "--until-failure", "--max-runs=1", expect=1)
        self.assertIn("`testr bisect 'fail.it'\\''s (a)' -r 0`", run.err)

    def test_wrong_options(self):
        self.project("pass.a")
        for options in (["--max-runs=3"], ["--for=1h"], ["--until-failure", "--max-runs=0"], ["--until-failure", "--for=0s"],
                        ["--until-failure", "--for=2"], ["--until-failure", "--for=99999999999999w"]):
            self.call("run", *options, expect=2)
        self.assertEqual(["runs=0"], self.lines("stats"))

ENTRY = "[%s]\nreason = resets under load, T-118\nowner = ana\nexpires = %s\n"


class Quarantine(test_ask.AskTest):
    def test_failures_do_not_decide(self):
        for format in (2, 1):
            with self.subTest(format=format):
                self.configure("pass.a fail.b uxsuccess.c")
                self.make(format)
                self.write(".testr.quarantine", ENTRY % ("fail.b", "2199-12-31") + ENTRY % ("uxsuccess.c", "2199-12-31"))
                run = self.call("run", expect=0)
                self.assertIn("QUARANTINED: fail.b\ntags: quarantined worker-0\n", run.out)
                self.assertIn("\nPASSED (id=0, quarantined=2)\n", run.out)
                last = self.call("last", expect=0)
                self.assertIn("\nPASSED (id=0, quarantined=2)\n", last.out)
                self.assertIn("QUARANTINED: uxsuccess.c", last.out)
                self.assertEqual(["fail.b", "uxsuccess.c"], self.lines("failing", "--list", expect=0))
                self.assertIn("quarantined=2", self.call("failing", expect=0).out)
                self.assertEqual(2, len(self.json("failing")["results"]))
                answer = self.json("last")
                self.assertEqual((0, "passed"), (answer["run"]["failures"], answer["run"]["outcome"]))
                fail = [r for r in answer["results"] if r["test"] == "fail.b"][0]
                self.assertEqual((True, ["quarantined"]), (fail["fails"], fail["tags"]))
                self.assertEqual(2, sum(c["failures"] for c in self.json("causes")["causes"]))
                # What was recorded stays as it was, whatever becomes of the file.
                self.write(".testr.quarantine", ENTRY % ("fail.b", "2020-12-31") + ENTRY % ("uxsuccess.c", "2199-12-31"))
                self.call("last", expect=0)
                again = self.call("run", "--failing", expect=1)
                self.assertIn("\nFAIL: fail.b\n", again.out)
                self.assertIn("FAILED (id=1, failures=1 (+1), quarantined=1)", again.out)
                self.call("failing", expect=1)
                self.call("last", expect=1)
            os.rename(self.path(".testrepository"), self.path("old-%d" % format))

    def test_with_retries_servers_and_streams(self):
        self.project("pass.a fail.b flaky.c", "retries=2\nflaky_result=fail\n")
        self.write(".testr.quarantine", ENTRY % ("fail.b", "2199-12-31") + ENTRY % ("flaky.c", "2199-12-31"))
        self.write("COUNT", "9")
        self.assertIn("PASSED (id=0, quarantined=1)", self.call("run", "--parallel", expect=0).out)
        self.assertIn("PASSED (id=0, quarantined=1)", self.call("last", expect=0).out)
        self.assertEqual(0, self.json("last")["run"]["failures"])
        stream = self.start("run", "--subunit")
        packets = stream.communicate()[0]
        self.assertEqual(0, stream.returncode)
        os.mkdir(self.path("other"))
        self.call("init", "-d", self.path("other"), expect=0)
        self.assertIn("quarantined=1", self.call("load", "-d", self.path("other"), input=packets, expect=0).out)

    def test_until_failure_goes_on(self):
        self.project("fail.a")
        self.write(".testr.quarantine", ENTRY % ("fail.a", "2199-12-31"))
        self.call("run", "--until-failure", "--max-runs=3", expect=0)
        self.assertEqual(["runs=3"], self.lines("stats"))

    def test_add_list_check(self):
        self.project("pass.a fail.b")
        self.assertEqual("", self.call("quarantine", "list", expect=0).out)
        self.call("run", expect=1)
        add = self.call("quarantine", "add", "fail.b", "--reason=T-118", "--owner= ana ", "--expires=2199-01-01", expect=0)
        self.assertEqual("fail.b is in quarantine until the end of 2199-01-01 (UTC).\n", add.out)
        self.assertEqual("", add.err)
        self.call("run", expect=0)
        self.assertEqual(0, self.call("quarantine", "check").code)
        add = self.call("quarantine", "add", "a [b]", "--reason", "é", "--owner=bo", "--expires=2w", expect=0)
        self.assertEqual("note: no stored run has a test of that name: a [b]\n", add.err)
        self.assertEqual(["expires", "owner", "test", "reason"], self.lines("quarantine", "list", expect=0)[0].split())
        entries = self.json("quarantine", "list")["tests"]
        self.assertEqual([("fail.b", "T-118", "ana", "2199-01-01", False, True), ("a [b]", "é", "bo", entries[1]["expires"], False, False)],
                         [tuple(e[k] for k in ("test", "reason", "owner", "expires", "expired", "known")) for e in entries])
        # Nothing of the file but its end was changed.
        text = self.read(".testr.quarantine")
        self.assertTrue(text.endswith("\n\n[a [b]]\nreason = é\nowner = bo\nexpires = %s\n" % entries[1]["expires"]))
        self.assertEqual(entries, self.json("quarantine", "check", expect=1)["tests"])
        self.write(".testr.quarantine", text + ENTRY % ("pass.a", "2020-02-29"))
        check = self.call("quarantine", "check", expect=1)
        self.assertRegex(check.out, r"^\.testr\.quarantine:\d+: no stored run has a test a \[b\];.*\n\.testr\.quarantine:\d+: pass\.a counts "
                                    r"again since the end of 2020-02-29;.*\n$")
        self.assertIn("2020-02-29 (over)", self.call("quarantine", "list", expect=0).out)

    def test_wrong_files_and_options(self):
        self.project("pass.a")
        whole = ["--reason=r", "--owner=o", "--expires=2199-01-01"]
        for options in ([], ["drop"], ["add"], ["add", "x"], ["add", "x", *whole[:2]], ["add", "x", *whole[1:]], ["add", "", *whole],
                        ["add", "x", *whole, "--expires=2020-01-01"], ["add", "x", *whole, "--expires=soon"], ["add", "x", *whole, "--owner="]):
            self.call("quarantine", *options, expect=2)
        self.assertFalse(os.path.exists(self.path(".testr.quarantine")))
        self.call("quarantine", "add", "x", *whole, expect=0)
        self.assertIn("line 4 of .testr.quarantine", self.call("quarantine", "add", "x", *whole, expect=3).err)
        self.write(".testr.quarantine", "[pass.a]\nreason = x\nexpires = 2199-01-01\n")
        for command in (["run"], ["quarantine", "check"], ["quarantine", "list"], ["quarantine", "add", "y", *whole]):
            self.assertRegex(self.call(*command, expect=3).err, r"/\.testr\.quarantine:1: the entry of 'pass\.a' lacks \"owner\"")
        self.assertEqual(["runs=0"], self.lines("stats"))
        self.call("last", expect=3)

class Stress(test_ask.AskTest):
    def test_rates(self):
        self.project("pass.a half.b pass.c")
        answer = self.json("stress", "half.b", "pass.c", "--below=40%", "--factor=4", "--meta=job=7", expect=1)
        half, steady = answer["tests"]
        self.assertEqual(("half.b", "known", "pass.c", "below"), (half["test"], half["state"], steady["test"], steady["state"]))
        self.assertEqual(half["runs"] // 2, half["failures"])
        self.assertTrue(0 < half["low"] <= half["rate"] <= half["high"] <= 4 * half["low"])
        self.assertTrue(steady["low"] == steady["rate"] == 0 and steady["high"] < 0.4)
        self.assertEqual(("settled", half["runs"] + steady["runs"]), (answer["end"], answer["runs"]))
        self.assertEqual([("the <n>-th time", half["failures"])], [(c["message"], c["failures"]) for c in answer["causes"]])
        # Each repetition is a run of that test alone.
        runs = self.json("runs", "--meta=stress.test=half.b", "--limit=0")["runs"]
        self.assertEqual(half["runs"], len(runs))
        self.assertEqual(half["failures"], sum(r["exit_status"] for r in runs))
        self.assertEqual({(1, True, "7")}, {(r["tests"], r["partial"], r["meta"]["job"]) for r in runs})
        self.assertEqual([], self.json("flaky")["flaky"])
        self.assertIn("No tests in repository", self.call("last", expect=3).err)

    def latest(self, count=1):
        """The ids of the latest runs, these included, which are probes, the oldest first."""
        return [str(r["run"]) for r in self.json("runs", "--limit=%d" % count)["runs"]][::-1]

    def test_in_its_list(self):
        self.project("pass.a polluter.b pass.c victim.d pass.e")
        self.call("run", expect=1)
        alone = self.json("stress", "victim.d", "--below=50%")
        self.assertEqual((0, "below", None), tuple(alone["tests"][0][k] for k in ("failures", "state", "list")))
        table = self.call("stress", "victim.d", "--in-list", "--factor=4", expect=1)
        self.assertRegex(table.out, r"\nknown +100% +\S+% and 100% +\d+ +\d+ +\d+\.\d +victim\.d\n")
        self.assertRegex(table.out, r"\n\d+ +polluted +victim\.d\n")
        self.assertRegex(table.err, r"^testr: `testr last -r \d+` shows the last failure\n$")
        self.assertEqual(["pass.a", "polluter.b", "pass.c", "victim.d"], self.lines("last", "--list", "-r", *self.latest(), expect=0))
        self.assertEqual({"stress.list": "0", "stress.test": "victim.d"},
                         {k: v for k, v in self.json("info", *self.latest())["run"]["meta"].items() if k.startswith("stress")})
        # In another order every time, and in the same ones for the same seed.
        orders = []
        for _ in range(2):
            self.json("stress", "victim.d", "--in-list", "-r", "0", "--seed=5", "--max-runs=3", "--factor=1.1", expect=1)
            orders.append([tuple(self.lines("last", "--list", "-r", r)) for r in self.latest(3)])
        self.assertEqual(*orders)
        self.assertLess(1, len(set(orders[0])))
        self.assertEqual({"victim.d"}, {order[-1] for order in orders[0]})
        self.assertEqual(["7", "6", "5"], [r["meta"]["seed"] for r in self.json("runs", "--limit=3")["runs"]])

    def test_parallel_with_load_and_limits(self):
        self.project("pass.a")
        run = self.json("stress", "pass.a", "--parallel", "--concurrency=2", "--cpu-load", "--io-load", "--max-runs=4")
        self.assertEqual(("limit", 4, 2, True, True), tuple(run[k] for k in ("end", "runs", "copies", "cpu_load", "io_load")))
        self.assertEqual(("open", 4), tuple(run["tests"][0][k] for k in ("state", "runs")))
        meta = self.json("info", *self.latest())["run"]["meta"]
        self.assertEqual(("cpu io", "2"), (meta["stress.load"], meta["stress.copies"]))
        self.assertEqual([], self.processes(["while :"]))
        self.assertEqual([], [name for name in os.listdir(self.dir) if name.startswith(".testr-load")])
        self.assertIn("the limit was reached", self.call("stress", "pass.a", "--for=1s", expect=0).err)

    def test_killed_by_a_signal(self):
        self.project("pass.a wait.b")
        process = self.start("stress", "wait.b", "--cpu-load")
        self.wait_for(lambda: self.processes(["suite.py", "wait.b"]) and self.processes(["while :"]))
        process.send_signal(signal.SIGINT)
        run = self.finish(process)
        self.assertEqual(130, run.code, run)
        self.assertIn("wait.b", run.out)
        self.assertEqual([], self.processes(["while :"]))
        self.assertEqual("interrupted", self.json("runs")["runs"][0]["outcome"])

    def test_tests_that_die_or_are_not_there(self):
        self.project("pass.a crash.b")
        answer = self.json("stress", "crash.b", "--factor=5", expect=1)
        self.assertEqual("known", answer["tests"][0]["state"])
        self.assertEqual(["The test process ended with exit status <n> (signal <n>, Killed) while this test was running."], [c["message"] for c in answer["causes"]])
        self.assertRegex(self.call("stress", "nothing", expect=4).err, "'nothing' had no result 5 times in a row")
        self.assertRegex(self.call("stress", "pass.a", "--in-list", expect=4).err, "no stored run has tests before 'pass.a'")

    def test_wrong_options(self):
        self.project("pass.a")
        for options in ([], ["pass.a", "--below=0"], ["pass.a", "--below=x"], ["pass.a", "--factor=1"], ["pass.a", "--confidence=1"],
                        ["pass.a", "--max-runs=0"], ["pass.a", "--for=1"], ["pass.a", "-r", "0"], ["pass.a", "--seed=1"],
                        ["pass.a", "--in-list", "--order=longest"]):
            self.call("stress", *options, expect=2)
        self.configure("pass.a")
        self.write(".testr.conf", "[DEFAULT]\ntest_command=true\n")
        self.assertIn("no $IDOPTION", self.call("stress", "pass.a", expect=3).err)
        self.assertEqual(["runs=0"], self.lines("stats"))


if __name__ == "__main__":
    tap.main()
