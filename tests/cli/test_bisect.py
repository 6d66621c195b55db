#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`testr bisect`, with real processes whose tests fail by chance."""
import json
import os
import random
import re
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import project  # noqa: E402
import tap  # noqa: E402
from project import HERE, PATIENCE, ProjectTest, TESTR  # noqa: E402

SOURCE = os.environ.get("TESTR_SOURCE") or os.path.join(HERE, "..", "..")

try:
    import jsonschema
except ImportError:
    jsonschema = None

CONFIG = """[DEFAULT]
test_command=/usr/bin/python3 -S {here}/chance.py $LISTOPT $IDOPTION
test_id_option=--load-list $IDFILE
test_list_option=--list
"""


def name(n):
    return "pkg.test_%03d" % n


class BisectTest(ProjectTest):
    def prepare(self, runs=(), **rule):
        """A project with that rule, in which it failed after some runs with other rules."""
        self.write(".testr.conf", CONFIG.format(here=HERE))
        if not os.path.exists(self.path(".testrepository")):
            self.call("init", expect=0)
        for other, arguments in runs:
            self.write("RULE", json.dumps(dict(rule, **other)))
            self.call("run", *arguments)
        self.write("RULE", json.dumps(rule))

    def fail_once(self, **rule):
        self.prepare(**rule)
        self.call("run", "--until-failure", expect=1)

    def bisect(self, *args, expect=0):
        result = self.call("bisect", "--json", *args, expect=expect)
        answer = json.loads(result.out)
        if jsonschema:
            with open(os.path.join(SOURCE, "docs", "answers.schema.json"), encoding="utf-8") as f:
                jsonschema.validate(answer, json.load(f))
        return answer

    def shell(self, command):
        """The exit status of a command that was printed, with our testr."""
        os.makedirs(self.path("bin"), exist_ok=True)
        if not os.path.exists(self.path("bin/testr")):
            os.symlink(TESTR, self.path("bin/testr"))
        env = dict(self.env, PATH=self.path("bin") + ":" + os.environ["PATH"])
        return subprocess.run(["sh", "-c", command], cwd=self.dir, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              timeout=PATIENCE).returncode

    def runs(self, *args):
        return json.loads(self.call("runs", "--json", "--limit", "0", *args, expect=0).out)["runs"]


class Verdicts(BisectTest):
    def test_polluter(self):
        self.fail_once(tests=24, victim=20, after=[11], rate=0.75, seed=271)
        answer = self.bisect("--confidence", "0.999")
        self.assertEqual(("polluter", [name(11)], name(20)), (answer["verdict"], answer["tests"], answer["victim"]))
        self.assertGreaterEqual(answer["confidence"], 0.999)
        rates = answer["rates"]
        self.assertLess(rates["with"]["low"], 0.75)
        self.assertGreater(rates["with"]["high"], 0.5)
        self.assertEqual(0, rates["without"]["failures"])
        self.assertLess(rates["without"]["high"], rates["with"]["low"] + 0.3)
        # Both commands do what they say.
        self.assertEqual(1, self.shell(answer["reproduce"]))
        self.write("RULE", json.dumps(dict(tests=24, victim=20, after=[11], rate=0)))
        self.assertEqual(0, self.shell(re.sub("--max-runs [0-9]+", "--max-runs 2", answer["confirm"])))

    def test_alone(self):
        self.fail_once(tests=20, victim=12, rate=0.5)
        answer = self.bisect()
        self.assertEqual(("alone", []), (answer["verdict"], answer["tests"]))
        self.assertEqual(1, self.shell(answer["reproduce"]))

    def test_two_together(self):
        self.fail_once(tests=20, victim=18, after=[3, 14], rate=1)
        answer = self.bisect("--parallel", "--concurrency", "2")
        self.assertEqual(("set", [name(3), name(14)]), (answer["verdict"], answer["tests"]))
        self.assertEqual(1, self.shell(answer["reproduce"]))

    def test_missing_set_up(self):
        self.prepare(tests=20, victim=15, unless=6, rate=1)
        self.call("run", expect=0)
        self.write("list", name(2) + "\n" + name(15) + "\n")
        self.call("run", "--load-list", "list", expect=1)
        answer = self.bisect()
        self.assertEqual(("setup", [name(6)]), (answer["verdict"], answer["tests"]))
        self.assertEqual(1, self.shell(answer["reproduce"]))

    def test_words(self):
        self.fail_once(tests=10, victim=9, after=[4], rate=1)
        result = self.call("bisect", expect=0)
        lines = result.out.splitlines()
        self.assertRegex(lines[0], r"^pkg.test_009 fails after pkg.test_004: (\d+) of \1 runs, 100% \[\d+%, 100%\]; "
                                   r"without it 0 of \d+ runs, 0% \[0%, [\d.]+%\]\.$")
        self.assertRegex(lines[1], r"^Confidence 9\d\.\d+%")
        self.assertRegex(lines[2], r"^\d+ probes, \d+ of them failed; \d+ s\.$")
        self.assertIn("printf '%s\\n' pkg.test_004 pkg.test_009 | testr run --load-list /dev/stdin --until-failure", result.out)

    def test_load_is_a_candidate_when_it_is_asked_for(self):
        self.fail_once(tests=6, victim=5, after=[2], rate=1)
        answer = self.bisect("--load")
        self.assertEqual(("polluter", [name(2)]), (answer["verdict"], answer["tests"]))
        self.assertGreaterEqual(answer["kinds"]["load"], 0)


class Storage(BisectTest):
    def test_probes_are_runs_of_a_part(self):
        self.fail_once(tests=10, victim=9, after=[4], rate=1)
        latest = self.runs()[0]["run"]
        answer = self.bisect()
        probes = [run for run in self.runs() if run["run"] > latest]
        self.assertEqual(answer["probes"], len(probes))
        for run in probes:
            self.assertTrue(run["partial"])
            meta = run["meta"]
            self.assertEqual(name(9), meta["bisect.victim"])
            self.assertEqual(str(latest), meta["bisect.run"])
        self.assertEqual(1, len({run["meta"]["bisect.id"] for run in probes}))
        # Neither victim nor history of a new search are taken from them.
        again = self.bisect()
        self.assertEqual((answer["run"], answer["probes"]), (again["run"], again["probes"]))

    def test_resume_takes_up_what_is_stored(self):
        self.fail_once(tests=12, victim=10, after=[7], rate=0.8, seed=33)
        first = self.bisect()
        again = self.bisect("--resume")
        for key in ("verdict", "tests", "confidence", "probes", "failures", "rates"):
            self.assertEqual(first[key], again[key])
        surer = self.bisect("--resume", "--confidence", "0.999")
        self.assertEqual([name(7)], surer["tests"])
        self.assertGreater(surer["probes"], first["probes"])
        self.assertGreater(surer["confidence"], 0.999)

    def killed(self, times, seed, **rule):
        self.fail_once(tests=16, victim=14, after=[11], **rule)
        latest = self.runs()[0]["run"]
        dice = random.Random(seed)
        arguments = ["bisect", "--json", "--confidence", "0.999"]
        streams = self.path(".testrepository/streams")
        for turn in range(times):
            # One probe has to be there for a search to be resumed.
            wanted = len(os.listdir(streams)) + (1 if turn else 2)
            process = self.start(*arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.wait_for(lambda: process.poll() is not None or len(os.listdir(streams)) >= wanted)
            try:
                process.wait(dice.random() * 0.5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            arguments = ["bisect", "--json", "--resume", "--confidence", "0.999"]
        finished = [run for run in self.runs() if run["run"] > latest and run["state"] == "finished"]
        answer = self.bisect("--resume", "--confidence", "0.999")
        self.assertEqual(("polluter", [name(11)]), (answer["verdict"], answer["tests"]))
        probes = [run for run in self.runs() if run["run"] > latest and run["state"] == "finished"]
        self.assertEqual(answer["probes"], len(probes))
        self.assertEqual([run["run"] for run in finished], [run["run"] for run in probes][-len(finished) or len(probes):])
        self.assertEqual(1, len({run["meta"]["bisect.id"] for run in probes}))

    def test_killed_and_resumed(self):
        self.killed(2, 3, rate=1)

    @tap.long
    def test_killed_and_resumed_many_times(self):
        """Two in three probes with the polluter fail, whichever they are and wherever it was killed: luck that is fixed might favour
        another explanation, and what favours it would be asked again."""
        self.killed(20, 4, cycle=3)

    def test_interrupted(self):
        self.fail_once(tests=10, victim=9, after=[4], rate=1)
        self.write("RULE", json.dumps(dict(tests=10, victim=9, hang=True)))
        process = self.start("bisect", "--json")
        self.wait_for(lambda: self.stored(b"hanging"))
        process.send_signal(signal.SIGINT)
        result = self.finish(process)
        self.assertEqual(130, result.code, result)
        answer = json.loads(result.out)
        self.assertEqual(("unknown", 0), (answer["verdict"], answer["probes"]))
        self.assertEqual([], self.wait_for(lambda: not self.processes(["chance.py"]) and [[]])[0])


class Isolation(BisectTest):
    """run --analyze-isolation asks the same engine, and stores nothing."""

    def analyzed(self, cause, **rule):
        """What it says on standard error; None when the victim passes at first."""
        before = self.runs()
        self.write("RULE", json.dumps(rule))
        result = self.call("run", "--analyze-isolation")
        if result.code == 0:
            return None
        self.assertEqual(3, result.code, result)
        self.assertRegex(result.out, r"failing test +caused by test\n-+  -+\n%s +%s\n$" % (name(rule["victim"]), cause))
        self.assertEqual(before, self.runs())
        return result.err

    def test_what_is_sure(self):
        rule = dict(tests=40, victim=30, after=[4, 21], rate=1)
        self.fail_once(**rule)
        self.assertNotIn("note:", self.analyzed("%s with %s" % (name(4), name(21)), **rule))

    def test_what_is_statistical(self):
        rule = dict(tests=10, victim=8, after=[3], rate=0.9)
        self.fail_once(seed=1, **rule)
        # Whether it passes after its polluter while that is looked for is a matter of luck.
        for seed in range(1, 100):
            os.remove(self.path("LUCK"))
            said = self.analyzed(name(3), seed=seed, **rule)
            if said:
                break
        self.assertRegex(said, r"note: '%s' failed in \d+ of \d+ runs with the cause and in 0 of \d+ without: the answer is "
                         r"statistical, 9[5-9](\.\d+)?%% sure\n" % name(8))

    def test_what_fails_alone_by_chance(self):
        rule = dict(tests=10, victim=9, rate=0.5, seed=1)
        self.fail_once(**rule)
        said = self.analyzed("unknown - it fails by chance", **rule)
        self.assertRegex(said, r"note: '%s' failed in \d+ of \d+ probes, whatever ran before it: the answer is "
                         r"statistical, 9[5-9](\.\d+)?%% sure\n" % name(9))

    def test_what_does_not_happen_again(self):
        rule = dict(tests=10, victim=9, after=[4])
        self.fail_once(rate=1, **rule)
        said = self.analyzed("unknown - no conflicts", rate=0, **rule)
        self.assertIn("note: '%s' failed in 0 of 30 probes, without a verdict; `testr bisect` searches longer\n" % name(9), said)


class Trouble(BisectTest):
    def test_victim_that_never_fails(self):
        self.fail_once(tests=10, victim=9, rate=1)
        self.write("RULE", json.dumps(dict(tests=10, victim=9, rate=0)))
        answer = self.bisect("--budget", "1s", expect=1)
        self.assertEqual(("unknown", [], 0, None), (answer["verdict"], answer["tests"], answer["failures"], answer["reproduce"]))
        result = self.call("bisect", "--resume", "--budget", "1s", expect=1)
        self.assertRegex(result.out, r"It never failed in \d+ probes: its rate in them is below [\d.]+%, with 95% confidence")
        self.assertIn("--resume", result.out)

    def test_several_tests_failed(self):
        self.project("fail.a pass.b fail.c")
        self.call("run", expect=1)
        result = self.call("bisect", expect=2)
        self.assertIn("2 tests failed in run 0", result.err)
        self.assertIn("fail.a", result.err)
        self.assertIn("fail.c", result.err)
        self.assertEqual("alone", self.bisect("fail.c")["verdict"])
        self.assertEqual(1, len({run["meta"].get("bisect.id") for run in self.runs()} - {None}))

    def test_nothing_to_look_for(self):
        self.project("pass.a")
        self.assertIn("there is no run", self.call("bisect", expect=3).err)
        self.call("run", expect=0)
        self.assertIn("no test failed in run 0", self.call("bisect", expect=4).err)
        self.assertIn("is named 'nobody'", self.call("bisect", "nobody", expect=4).err)
        self.assertIn("is named 'nobody'", self.call("bisect", "nobody", "-r", "0", expect=4).err)
        self.assertIn("No such run", self.call("bisect", "-r", "7", expect=3).err)
        self.assertIn("no search", self.call("bisect", "--resume", expect=3).err)

    def test_wrong_options(self):
        self.project("fail.a")
        self.call("run", expect=1)
        for wrong in (["--confidence", "1"], ["--confidence", "0.2"], ["--confidence", "nan"], ["--confidence", "0.9x"],
                      ["--budget", "0"], ["--budget", "soon"], ["--resume", "-r", "0"]):
            self.assertEqual(2, self.call("bisect", *wrong).code, wrong)
        self.assertNotEqual(0, self.call("bisect", "a", "b").code)
        self.assertEqual(1, len(self.runs()))

    def test_suite_that_changed(self):
        self.fail_once(tests=12, victim=9, after=[4], rate=1)
        self.write("RULE", json.dumps(dict(tests=10, victim=9, after=[4], rate=1)))
        self.bisect()
        self.write("RULE", json.dumps(dict(tests=8, victim=9, after=[4], rate=1)))
        self.assertIn("not a test of the project any more", self.call("bisect", "-r", "0", name(9), expect=4).err)
        self.configure("pass.a")
        self.assertIn("not a test of the project any more", self.call("bisect", "-r", "0", name(9), expect=4).err)

    def test_candidates_that_are_gone(self):
        self.project("pass.a polluter pass.b victim")
        self.call("run", expect=1)
        self.configure("polluter pass.b victim")
        result = self.call("bisect", expect=0)
        self.assertIn("victim fails after polluter", result.out)
        self.assertIn("1 test that ran before it", result.err.replace("1 tests", "1 test"))

    def test_probes_that_crash(self):
        self.fail_once(tests=6, victim=5, after=[2], rate=1)
        self.write("RULE", json.dumps(dict(tests=6, victim=5, crash=2, rate=0)))
        answer = self.bisect("--budget", "20s", expect=1)
        self.assertEqual("unknown", answer["verdict"])

    def test_probes_in_an_order_of_their_own(self):
        rule = dict(tests=8, victim=2, after=[5], rate=1)
        self.prepare(**rule)
        self.write("list", "".join(name(n) + "\n" for n in (7, 5, 0, 2, 1)))
        self.call("run", "--load-list", "list", expect=1)
        self.assertEqual([name(5)], self.bisect()["tests"])
        self.write("RULE", json.dumps(dict(rule, sorted=True)))
        result = self.call("bisect", "--budget", "2s", expect=1)
        self.assertRegex(result.err, r"note: in a probe, \d+ of the \d+ tests that were to run before pkg.test_002 had not")
        self.assertEqual(1, result.err.count("note: in a probe"))

    def test_victim_that_crashes(self):
        self.project("pass.a crash pass.b")
        self.call("run", expect=1)
        self.assertEqual("alone", self.bisect()["verdict"])

    def test_format_1(self):
        self.configure("pass.a polluter pass.b victim")
        self.call("init", "--format", "1", expect=0)
        self.call("run", expect=1)
        answer = self.bisect()
        self.assertEqual(("polluter", ["polluter"]), (answer["verdict"], answer["tests"]))

    def test_directory_is_in_the_commands(self):
        self.fail_once(tests=10, victim=9, after=[4], rate=1)
        answer = self.bisect("-d", self.dir)
        self.assertIn(" -d " + self.dir, answer["reproduce"])
        self.assertEqual(1, self.shell(answer["reproduce"]))


SUITE = '''
import random
import unittest

SEEN = set()
CHANCE = random.SystemRandom()


def make(module, n):
    def test(self):
        SEEN.add((module, n))
        %s
    return test


def tests(module):
    members = {"test_%%03d" %% n: make(module, n) for n in range(100)}
    members["__module__"] = "test_" + module
    return type("Test", (unittest.TestCase,), members)
'''


@tap.long
class LongSuite(BisectTest):
    """300 tests of Python's unittest, from the first failure to the verdict by the commands that a person types."""

    def suite(self, rule):
        os.mkdir(self.path("suite"))
        self.write("suite/common.py", SUITE % rule)
        for module in "abc":
            self.write("suite/test_%s.py" % module, "import common\nTest%s = common.tests(%r)\n" % (module.upper(), module))
        self.write(".testr.conf", """[DEFAULT]
test_command=/usr/bin/python3 -m subunit.run discover -s suite -t suite $LISTOPT $IDOPTION
test_id_option=--load-list $IDFILE
test_list_option=--list
group_regex=([^.]+)
""")
        self.call("init", expect=0)

    def find(self):
        self.call("run", "--parallel", "--concurrency", "2", "--until-failure", expect=1)
        process = self.start("bisect", "--json", "--confidence", "0.99", "--parallel", "--concurrency", "2")
        out, err = process.communicate(timeout=3600)
        self.assertEqual(0, process.returncode, err)
        return json.loads(out)

    def test_polluter(self):
        self.suite("self.assertFalse((module, n) == ('b', 80) and ('b', 17) in SEEN and CHANCE.random() < 0.2)")
        answer = self.find()
        self.assertEqual("polluter", answer["verdict"])
        self.assertEqual(["test_b.Test.test_017"], answer["tests"])

    def test_alone(self):
        self.suite("self.assertFalse((module, n) == ('c', 50) and CHANCE.random() < 0.1)")
        self.assertEqual("alone", self.find()["verdict"])

    def test_two_together(self):
        self.suite("self.assertFalse((module, n) == ('b', 80) and {('b', 17), ('b', 60)} <= SEEN and CHANCE.random() < 0.5)")
        answer = self.find()
        self.assertEqual("set", answer["verdict"])
        self.assertEqual(["test_b.Test.test_017", "test_b.Test.test_060"], answer["tests"])

    def test_missing_set_up(self):
        self.suite("self.assertFalse((module, n) == ('b', 80) and ('b', 17) not in SEEN)")
        self.call("run", expect=0)
        self.write("list", "test_b.Test.test_080\n")
        self.call("run", "--load-list", "list", expect=1)
        answer = self.bisect()
        self.assertEqual(("setup", ["test_b.Test.test_017"]), (answer["verdict"], answer["tests"]))


if __name__ == "__main__":
    tap.main()
