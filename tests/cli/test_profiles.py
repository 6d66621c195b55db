#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Profiles: the same tests in several configurations, and nothing overwritten."""
import collections
import json
import os
import random
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import project  # noqa: E402
import suite  # noqa: E402
import tap  # noqa: E402
from project import ProjectTest  # noqa: E402

try:
    import jsonschema
except ImportError:
    jsonschema = None

SOURCE = os.environ.get("TESTR_SOURCE") or os.path.join(project.HERE, "..", "..")
PYTHON = ["py37", "py39", "py311"]
DATABASES = ["sqlite", "mysql"]
MATRIX = ["+".join(sorted((python, database))) for python in PYTHON for database in DATABASES]

TWO = """profiles=py39 py311
[profile py39]
env.WHERE=py39
[profile py311]
env.WHERE=py311
"""


class ProfileTest(ProjectTest):
    def matrix(self, tests, extra=""):
        sections = ["profiles=%s\nwhere=\nenv.WHERE=%%(where)s %%(other)s\nother=\n" % " ".join(PYTHON + DATABASES), extra]
        sections += ["[profile %s]\nwhere=%s\n" % (python, python) for python in PYTHON]
        sections += ["[profile %s]\nother=%s\n" % (database, database) for database in DATABASES]
        sections += ["[profile %s]\n" % profile for profile in MATRIX]
        self.project(tests, "".join(sections))

    def json(self, *args, expect=0):
        answer = json.loads(self.call(*args, "--json", expect=expect).out)
        if jsonschema:
            with open(os.path.join(SOURCE, "docs", "answers.schema.json"), encoding="utf-8") as f:
                jsonschema.validate(answer, json.load(f))
        return answer

    def by_profile(self, *args, expect=0):
        return {"+".join(p["profile"]): p["tests"] for p in self.json(*args, expect=expect)["profiles"]}

    def rows(self):
        """(test, profile): status of the last run, which has each only once."""
        rows = self.json("last", expect=None)["results"]
        found = {(r["test"], "+".join(t for t in r["tags"] if t in PYTHON + DATABASES)): r["status"] for r in rows}
        self.assertEqual(len(rows), len(found))
        return found


class Example(ProfileTest):
    """A test that fails on one of two configurations, loaded in both orders."""

    def stream(self, where):
        env = dict(self.env, WHERE=where)
        return subprocess.run(["/usr/bin/python3", os.path.join(project.HERE, "suite.py"), "on.py39", "pass.a"],
                              stdout=subprocess.PIPE, env=env, check=True).stdout

    def test_stays_failing_for_its_profile(self):
        for order in (["py39", "py311"], ["py311", "py39"]):
            for option in ("--tag", "--profile"):
                with self.subTest(order=order, option=option):
                    self.setUp()
                    self.project("pass.a", TWO)
                    for where in order:
                        self.call("load", option, where, input=self.stream(where), expect=1 if where == "py39" else 0)
                    shown = self.call("failing", expect=1)
                    self.assertIn("on.py39: fails only on py39\n", shown.out)
                    self.assertEqual({"py39": ["on.py39"]}, self.by_profile("failing", "--list", expect=1))
                    self.assertEqual(["on.py39"], self.lines("failing", "--list", "--profile", "py39", expect=1))
                    self.assertEqual([], self.lines("failing", "--list", "--profile", "py311", expect=0))
                    self.assertEqual(2, self.call("failing", "--list").code)

    @unittest.skipUnless(os.path.exists("/usr/bin/testr"), "Python's testr is not installed")
    def test_the_original_loses_it(self):
        failing = []
        for order in (["py39", "py311"], ["py311", "py39"]):
            self.setUp()
            self.configure("pass.a")
            for args, where in [(["init"], None)] + [(["load"], where) for where in order]:
                subprocess.run(["/usr/bin/python3", "/usr/bin/testr", *args], cwd=self.dir, stdout=subprocess.DEVNULL,
                               input=self.stream(where) if where else b"")
            shown = subprocess.run(["/usr/bin/python3", "/usr/bin/testr", "failing", "--list"], cwd=self.dir,
                                   stdout=subprocess.PIPE).stdout
            failing.append(shown.decode().split())
        self.assertEqual([[], ["on.py39"]], failing)


class Runs(ProfileTest):
    TESTS = "pass.a pass.b on.py39 on.mysql skip.c"

    def check_matrix(self):
        rows = self.rows()
        self.assertEqual({(test, profile) for test in self.TESTS.split() for profile in MATRIX}, set(rows))
        for (test, profile), status in rows.items():
            kind, place = test.split(".")
            want = "skip" if kind == "skip" else "fail" if kind == "on" and place in profile.split("+") else "success"
            self.assertEqual(want, status, (test, profile))
        self.assertEqual({p: [t for t in ("on.py39", "on.mysql") if t[3:] in p.split("+")] for p in MATRIX
                          if "py39" in p or "mysql" in p},
                         {p: sorted(t, key=self.TESTS.split().index) for p, t in
                          self.by_profile("failing", "--list", expect=1).items()})

    def test_a_matrix_is_one_run(self):
        self.matrix(self.TESTS)
        run = self.call("run", "--parallel", "--concurrency=2", expect=1)
        self.assertIn("Ran 30 tests", run.out)
        self.check_matrix()
        self.assertEqual(["0"], [line.split()[0] for line in self.lines("runs")[2:]])
        workers = collections.Counter(r["worker"] for r in self.json("last", expect=None)["results"])
        self.assertEqual({0, 1}, set(workers))
        # Once more, now with history; and what failed, in its profiles alone.
        self.call("run", "--parallel", "--concurrency=2", expect=1)
        self.check_matrix()
        self.call("run", "--failing", expect=1)
        self.assertEqual({(t, p) for t in ("on.py39", "on.mysql") for p in MATRIX if t[3:] in p.split("+")}, set(self.rows()))

    @unittest.skipUnless(os.path.isdir("/usr/lib/python3/dist-packages/testtools"), "there is no python3-testtools")
    def test_a_matrix_over_a_real_suite(self):
        """python3-testtools with three seeds of hashes and two encodings: six times what it is alone, where one test fails for
        want of its scenarios."""
        names = " ".join("testtools.tests.test_" + name for name in ("content", "tags", "testcase"))
        plain = ("[DEFAULT]\ntest_command=/usr/bin/python3 -W ignore -m testr_python.unittest %s $LISTOPT $IDOPTION\n"
                 "test_id_option=--load-list $IDFILE\ntest_list_option=--list\n" % names)
        seeds, encodings = ("hash0", "hash1", "hash2"), ("utf8", "locale")
        lines = ["profiles=%s\nseed=\nutf8=\nenv.PYTHONHASHSEED=%%(seed)s\nenv.PYTHONUTF8=%%(utf8)s\n" % " ".join(seeds + encodings)]
        lines += ["[profile %s]\nseed=%s\n" % (seed, seed[-1]) for seed in seeds]
        lines += ["[profile utf8]\nutf8=1\n[profile locale]\nutf8=0\n"]
        lines += ["[profile %s+%s]\n" % (seed, encoding) for seed in seeds for encoding in encodings]
        self.env["PYTHONPATH"] = os.path.join(SOURCE, "python")
        self.write(".testr.conf", plain)
        self.call("init", expect=0)
        self.call("run", expect=1)
        alone = {r["test"]: r["status"] for r in self.json("last", expect=None)["results"]}
        self.assertLess(200, len(alone))
        self.write(".testr.conf", plain + "".join(lines))
        self.call("run", "--parallel", "--concurrency=2", expect=1)
        found = collections.defaultdict(dict)
        results = self.json("last", expect=None)["results"]
        for r in results:
            found[frozenset(t for t in r["tags"] if t in seeds + encodings)][r["test"]] = r["status"]
        self.assertEqual({frozenset((seed, encoding)): alone for seed in seeds for encoding in encodings}, dict(found))
        self.assertEqual({0, 1}, {r["worker"] for r in results})
        self.assertEqual(["1", "0"], [line.split()[0] for line in self.lines("runs")[2:]])

    def test_servers(self):
        server = "test_server_command=/usr/bin/python3 %s/server.py good %s\n" % (project.HERE, self.TESTS)
        self.matrix(self.TESTS, server)
        self.call("run", "--parallel", "--concurrency=2", expect=1)
        self.check_matrix()
        # The server that lists a profile is also the one that runs it, but where a worker helps another one in the end.
        starts = self.read("STARTS").splitlines()
        self.assertLessEqual(len(starts), len(MATRIX) + 2)
        # The same where nothing is listed.
        self.write("STARTS", "")
        self.write("list", self.call("last", "--json", "--list", expect=None).out)
        self.call("run", "--parallel", "--concurrency=2", "--load-list", "list", expect=1)
        self.check_matrix()
        self.assertLessEqual(len(self.read("STARTS").splitlines()), len(MATRIX) + 2)

    def test_servers_that_wait(self):
        """More profiles than servers wait for, more workers than profiles, a profile that nothing is left of."""
        server = "test_server_command=/usr/bin/python3 %s/server.py good pass.a on.p3\n" % project.HERE
        names = ["p%d" % i for i in range(10)]
        self.project("pass.a on.p3", server + "profiles=%s\n" % " ".join(names) + "".join(
            "[profile %s]\nenv.WHERE=%s\n" % (name, name) for name in names))
        want = {(test, name): "fail" if (test, name) == ("on.p3", "p3") else "success" for test in ("pass.a", "on.p3") for name in names}
        for workers, chosen, starts in ((1, names, 12), (2, names, 14), (9, names[2:5], 12)):
            self.write("STARTS", "")
            self.call("run", "--parallel", "--concurrency=%d" % workers, *["--profile=" + name for name in chosen], expect=1)
            found = {(r["test"], t): r["status"] for r in self.json("last", expect=None)["results"] for t in r["tags"] if t in names}
            self.assertEqual({key: status for key, status in want.items() if key[1] in chosen}, found)
            self.assertLessEqual(len(self.read("STARTS").splitlines()), starts)
        self.call("run", "p3", expect=1)

    def test_a_server_that_cannot_list(self):
        """The others are ended, and it is said which profile it was."""
        self.matrix("pass.a", "mode=good\ntest_server_command=/usr/bin/python3 %s/server.py %%(mode)s pass.a\n" % project.HERE)
        self.write(".testr.conf", self.read(".testr.conf").replace("[profile py37]\n", "[profile py37]\nmode=list\n"))
        run = self.call("run", "--parallel", "--concurrency=3", expect=9)
        self.assertIn("py37", run.err)
        self.assertIn("did not list its tests", run.err)
        self.assertEqual([], self.processes(["server.py"]))

    def test_chosen_profiles(self):
        self.matrix("pass.a on.py39")
        run = self.call("run", "--profile", "py39+mysql", "--profile", "py311+mysql", expect=1)
        self.assertEqual({"mysql+py39", "mysql+py311"}, {profile for _, profile in self.rows()})
        self.assertEqual(2, self.call("run", "--profile", "py38").code)
        self.assertIn("did you mean 'py39'", self.call("run", "--profile", "py93").err)
        # What is not run keeps its state, and what is run is replaced.
        self.call("run", "--profile", "py311+mysql", expect=0)
        self.assertEqual({"mysql+py39": ["on.py39"]}, self.by_profile("failing", "--list", expect=1))
        self.assertNotIn("lost", run.err)

    def test_the_environment(self):
        self.project("on.x", "profiles=a\nenv.WHERE=y\n[profile a]\nenv.WHERE=x\n")
        self.call("run", "--profile", "none", expect=0)
        self.call("run", expect=1)
        self.write(".testr.conf", "[DEFAULT]\nprofiles=a b\ntest_command=echo $TESTR_PROFILE > OUT; true $IDLIST $LISTOPT\n"
                   "test_list_option=\n[profile a+b]\n")
        self.call("run")
        self.assertEqual("a+b\n", self.read("OUT"))

    def test_a_dead_process_costs_its_profile_alone(self):
        self.project("pass.a crash.b pass.c", TWO)
        self.call("run", "--parallel", "--concurrency=2", expect=1)
        self.assertEqual({("pass.a", p): "success" for p in ("py39", "py311")} | {("crash.b", p): "fail" for p in ("py39", "py311")}
                         | {("pass.c", p): "success" for p in ("py39", "py311")}, self.rows())


class Lists(ProfileTest):
    """Every command with a flat list: of one profile, of several, --profile, --json, and back through --load-list."""

    def setUp(self):
        super().setUp()
        self.project("pass.a on.py39 on.py311", TWO)
        self.call("run", expect=1)

    COMMANDS = {("list-tests",): {"py39": ["pass.a", "on.py39", "on.py311"], "py311": ["pass.a", "on.py39", "on.py311"]},
                ("last", "--list"): {"py39": ["pass.a", "on.py39", "on.py311"], "py311": ["pass.a", "on.py39", "on.py311"]},
                ("failing", "--list"): {"py39": ["on.py39"], "py311": ["on.py311"]}}

    def test_all(self):
        for command, want in self.COMMANDS.items():
            with self.subTest(command=command):
                several = self.call(*command)
                self.assertEqual(2, several.code)
                self.assertEqual("", several.out)
                self.assertIn("py39", several.err)
                self.assertIn("py311", several.err)
                for profile, tests in want.items():
                    listed = [line for line in self.lines(*command, "--profile", profile) if not line.startswith("running=")]
                    self.assertEqual(tests, listed)
                    self.assertEqual({profile: tests}, self.by_profile(*command, "--profile", profile, expect=None))
                answer = self.call(*command, "--json")
                self.assertEqual(want, {p["profile"][0]: p["tests"] for p in json.loads(answer.out)["profiles"]})
                self.write("list.json", answer.out)
                self.call("run", "--load-list", "list.json", expect=1)
                self.assertEqual({(t, p) for p, tests in want.items() for t in tests}, set(self.rows()))
        self.call("run", expect=1)

    def test_plain_lists_and_filters_are_for_all(self):
        self.write("list", "on.py39\npass.a\n")
        self.call("run", "--load-list", "list", expect=1)
        self.assertEqual({(t, p) for p in ("py39", "py311") for t in ("on.py39", "pass.a")}, set(self.rows()))
        self.call("run", "on[.]", expect=1)
        self.assertEqual({(t, p) for p in ("py39", "py311") for t in ("on.py39", "on.py311")}, set(self.rows()))
        self.write("list.json", '{"version": 1, "profiles": [{"profile": ["py39"], "tests": ["pass.a"]}, {"profile": ["x"], "tests": ["y"]}]}')
        run = self.call("run", "--load-list", "list.json", expect=0)
        self.assertIn("profile x, which is not run", run.err)
        self.assertEqual({("pass.a", "py39")}, set(self.rows()))
        self.call("run", "--load-list", "list.json", "--profile", "py311", expect=4)

    def test_lists_that_are_wrong(self):
        for text in ("{", '{"version": 2}', '{"version": 1}', '{"version": 1, "profiles": 3}', '{"version": 1, "profiles": [{"tests": []}]}',
                     '{"version": 1, "profiles": [{"profile": [""], "tests": []}]}', '{"version": 1, "tests": [1]}',
                     '{"version": 1, "profiles": [{"profile": ["py39"], "tests": {}}]}'):
            self.write("list.json", text)
            with self.subTest(text=text):
                self.assertIn("list.json", self.call("run", "--load-list", "list.json", expect=3).err)

    def test_recipes(self):
        """Those of the manual."""
        with open(os.path.join(SOURCE, "docs", "testr.1.scd"), encoding="utf-8") as f:
            page = f.read()
        text = page.partition("\n# PROFILES\n")[2].partition("With jq(1):")[2].split("```\n")[1]
        recipes = text.replace("|\n\t", "| ").splitlines()
        os.mkdir(self.path("bin"))
        os.symlink(project.TESTR, self.path("bin/testr"))
        self.env["PATH"] = self.path("bin") + ":" + self.env["PATH"]
        said = [subprocess.run(["sh", "-c", recipe], cwd=self.dir, env=self.env, stdout=subprocess.PIPE).stdout.decode() for recipe in recipes]
        self.assertEqual(["on.py39\n", "py311: on.py311\npy39: on.py39\n", "on.py311\non.py39\n"],
                         ["".join(sorted(lines.splitlines(True))) for lines in said])

    def test_one_profile_needs_no_choice(self):
        self.write(".testr.conf", self.read(".testr.conf").replace("[profile py311]\nenv.WHERE=py311\n", ""))
        self.assertEqual(["pass.a", "on.py39", "on.py311"],
                         [line for line in self.lines("list-tests", expect=0) if not line.startswith("running=")])


class Questions(ProfileTest):
    def setUp(self):
        super().setUp()
        self.project("pass.a on.py39", TWO)
        self.call("run", expect=1)

    def test_what_is_shown(self):
        self.assertIn("on.py39: fails only on py39\n", self.call("last", expect=1).out)
        self.call("last", "--profile", "py311", expect=0)
        slowest = self.json("slowest")["tests"]
        self.assertEqual({(t, p) for t in ("pass.a", "on.py39") for p in ("py39", "py311")},
                         {(s["test"], *s["profile"]) for s in slowest})
        history = self.json("history", "on.py39")["stretches"]
        self.assertEqual({("py39", "fail"), ("py311", "success")}, {(*s["profile"], s["outcome"]) for s in history})
        self.write(".testr.conf", self.read(".testr.conf").replace("WHERE=py311", "WHERE=py39"))
        self.call("run", expect=1)
        diff = self.call("diff", expect=1).out
        self.assertIn("new failure: on.py39 (py311)\n", diff)
        self.assertIn("still failing: on.py39 (py39)\n", diff)
        self.assertIn("on.py39: fails on all 2 profiles\n", self.call("failing", expect=1).out)
        self.assertEqual([{"test": "on.py39", "profile": ["py311"]}], self.json("diff", expect=1)["new_failures"])

    def test_what_became_of_a_test_is_told_for_each_profile(self):
        self.call("run", "--profile", "py311", expect=0)
        self.call("run", "--profile", "py39", "--retries=1", expect=1)

        def logged(*args, expect=0):
            return sorted((r["run"], r["tags"][-1]) for r in self.json("log", "on.py39", *args, expect=expect)["results"])
        self.assertEqual([(1, "py311"), (2, "py39"), (2, "py39")], logged())
        self.assertEqual([(1, "py311")], logged("--profile", "py311"))
        self.assertEqual([(0, "py311"), (0, "py39")], logged("-r", "0"))
        self.assertEqual([(0, "py39")], logged("-r", "0", "--profile", "py39"))
        self.assertNotIn("attempt", self.call("log", "on.*", "-r", "0").out)
        for attempt in ("1 of 2", "2 of 2"):
            self.assertEqual(1, self.call("log", "on.*").out.count("attempt " + attempt))
        listed = [line.split()[:3] for line in self.lines("history", "on.py39", "--all") if line[:1].isdigit()]
        self.assertEqual([["0", "1", "failed"], ["0", "1", "passed"], ["1", "1", "passed"], ["2", "1", "failed"],
                          ["2", "2", "failed"]], sorted(listed))
        self.assertIn("in run 2 in profile py311", self.call("log", "on.py39", "-r", "2", "--profile", "py311", expect=4).err)

    def test_causes_of_one_profile(self):
        self.assertEqual(1, self.json("causes")["failures"])
        self.assertEqual(["on.py39"], self.json("causes", "--profile", "py39")["causes"][0]["tests"])
        self.assertEqual(0, self.json("causes", "--profile", "py311")["failures"])
        self.assertIn("Nothing failed in run 0", self.call("causes", "--profile", "py311", expect=0).out)

    def test_a_profile_that_was_not_run_has_not_vanished(self):
        self.call("run", "--profile", "py311", expect=0)
        self.assertIn("no change", self.call("diff", expect=0).out)
        self.assertEqual(["new failure: on.py39 (py39)"], self.lines("diff", "1", "0", expect=1)[:-1])
        self.write(".testr.conf", self.read(".testr.conf").replace("pass.a", "pass.b"))
        self.call("run", "--profile", "py311", expect=0)
        self.assertEqual(["appeared: pass.b (py311)", "vanished: pass.a (py311)"], self.lines("diff", expect=0)[:-1])

    def test_what_fails_in_one_profile_is_not_flaky(self):
        for _ in range(3):
            self.call("load", "--profile", "py39", input=suite.packet("x", "fail"), expect=1)
            self.call("load", "--profile", "py311", input=suite.packet("x", "success"), expect=0)
        found = {(t["test"], *t["profile"]): t["failures"] for t in self.json("flaky")["flaky"]}
        self.assertEqual(3, found[("x", "py39")])
        self.assertNotIn(("x", "py311"), found)

    def test_profiles(self):
        known = {p["name"]: (p["known"], p["failing"], p["run"]) for p in self.json("profiles")["profiles"]}
        self.assertEqual({"py39": (2, 1, 0), "py311": (2, 0, 0)}, known)
        self.call("run", "--profile", "py39", expect=1)
        self.assertEqual({"py39": 1, "py311": 0}, {p["name"]: p["run"] for p in self.json("profiles")["profiles"]})

    def test_another_setting_reads_history_anew(self):
        conf = self.read(".testr.conf")
        self.write(".testr.conf", conf.split("profiles=")[0])
        # Without profiles the last result of all counts, as ever.
        self.assertEqual(0, len(self.json("profiles")["profiles"]) - 1)
        self.assertNotIn("fails only", self.call("failing").out)
        self.write(".testr.conf", conf)
        self.assertEqual({"py39": ["on.py39"]}, self.by_profile("failing", "--list", expect=1))
        # One that is only read, and named, may be another project's.
        self.write(".testr.conf", conf.split("profiles=")[0])
        self.assertEqual(2, len(self.json("profiles", "-R", self.dir)["profiles"]))

    def test_config(self):
        values = {v["key"]: (v["value"], v["origin"]) for v in self.json("config", "--profile", "py39", "-R", "x")["values"]}
        self.assertEqual("py39", values["env.WHERE"][0])
        self.assertEqual("profile py39", values["env.WHERE"][1]["section"])
        self.assertEqual(("x", {"from": "option"}), values["repository"])
        self.assertEqual(("auto", {"from": "default"}), values["test_timeout"])
        line = self.read(".testr.conf").splitlines().index("env.WHERE=py39") + 1
        self.assertEqual(line, values["env.WHERE"][1]["line"])
        self.env["TESTR_REPOSITORY"] = "y"
        self.assertIn("environment\trepository=y\n", self.call("config", expect=0).out)
        self.write(".testr.conf", "[DEFAULT]\ntest_comand=x\nvariable=y\n")
        shown = self.call("config", expect=0)
        self.assertIn(".testr.conf:2: testr has no use for 'test_comand'; did you mean 'test_command'?", shown.err)
        self.assertNotIn("variable", shown.err)

    def test_load(self):
        self.assertEqual(2, self.call("load", "--profile", "py38", input=b"").code)
        self.assertEqual(2, self.call("load", "--profile", "py39", "--profile", "py311", input=b"").code)
        stream = subprocess.run([project.TESTR, "last", "--subunit"], cwd=self.dir, stdout=subprocess.PIPE).stdout
        self.call("load", "--tag", "night", "--tag", "py39", input=stream)
        tags = {tuple(r["tags"]) for r in self.json("last", expect=None)["results"]}
        self.assertEqual({("night", "py39"), ("night", "py311", "py39")}, tags)


class Searches(ProfileTest):
    """A test that fails in one of two profiles, where another test comes before it; both run in the same worker."""

    def setUp(self):
        super().setUp()
        command = "test_command=/usr/bin/python3 %s/suite.py $LISTOPT $IDOPTION pass.b victim.v\n" % project.HERE
        self.project("pass.a polluter.p victim.v", TWO + command)
        self.call("run", expect=1)
        self.assertEqual({"py39": ["victim.v"]}, self.by_profile("failing", "--list", expect=1))

    def probes(self):
        """The profiles and tests of the runs that decide nothing."""
        last = max(run["run"] for run in self.json("runs")["runs"])
        rows = [r for run in range(1, last + 1) for r in self.json("last", "-r", str(run), expect=None)["results"]]
        return {t for r in rows for t in r["tags"] if t in ("py39", "py311")}, {r["test"] for r in rows}

    def test_bisect(self):
        self.assertIn("--profile, one of: py39 py311", self.call("bisect", "victim.v", expect=2).err)
        self.assertIn("no test failed in run 0 in profile py311", self.call("bisect", "--profile", "py311", expect=4).err)
        verdict = self.json("bisect", "--profile", "py39", "--confidence=0.9")
        self.assertEqual(("polluter", ["polluter.p"]), (verdict["verdict"], verdict["tests"]))
        self.assertIn(" --profile py39 ", verdict["reproduce"])
        profiles, tests = self.probes()
        self.assertEqual({"py39"}, profiles)
        self.assertLessEqual(tests, {"pass.a", "polluter.p", "victim.v"})
        resumed = self.json("bisect", "--resume", "--profile", "py39", "--confidence=0.9")
        self.assertEqual((verdict["probes"], verdict["tests"]), (resumed["probes"], resumed["tests"]))
        self.assertIn("no search in profile py311", self.call("bisect", "--resume", "--profile", "py311", expect=3).err)
        # What is known of the other profile is its own results, whichever profile comes first in the run.
        self.json("bisect", "victim.v", "--profile", "py311", "--budget=1s", expect=None)
        self.assertIn("pass.b", self.probes()[1])
        last = str(max(run["run"] for run in self.json("runs")["runs"]))
        self.assertNotIn("py39", {t for r in self.json("last", "-r", last, expect=None)["results"] for t in r["tags"]})
        # The latest run that has the profile, and is no probe.
        self.call("run", "--profile", "py311", expect=0)
        self.assertEqual(0, self.json("bisect", "--profile", "py39", "--confidence=0.9")["run"])

    def test_stress(self):
        self.call("stress", "victim.v", "--profile", "py39", "--in-list", "--below=0.5", expect=1)
        self.assertEqual(({"py39"}, {"pass.a", "polluter.p", "victim.v"}), self.probes())
        self.call("stress", "victim.v", "--profile", "py311", "--in-list", "--below=0.5", expect=0)
        self.assertEqual({"pass.a", "pass.b", "polluter.p", "victim.v"}, self.probes()[1])


class Mixed(ProfileTest):
    def test_twenty_mixed_runs(self):
        """What fails in each profile after runs of some tests in some profiles, by the rules in their plainest form."""
        dice = random.Random(6)
        tests = ["t%d" % i for i in range(4)]
        self.project("pass.a", TWO)
        fails = {profile: set() for profile in ("py39", "py311")}
        for _ in range(20):
            profile, partial = dice.choice(("py39", "py311")), dice.random() < 0.5
            ran = {test: dice.choice(("success", "fail")) for test in tests if dice.random() < 0.7}
            stream = b"".join(suite.packet(test, status) for test, status in ran.items())
            self.call("load", "--profile", profile, *(["--partial"] if partial else []), input=stream)
            if ran and not partial:
                fails[profile] = set()
            fails[profile] -= {test for test in ran}
            fails[profile] |= {test for test, status in ran.items() if status == "fail"}
            shown = self.by_profile("failing", "--list", expect=None)
            self.assertEqual({p: f for p, f in fails.items() if f}, {p: set(t) for p, t in shown.items()})


if __name__ == "__main__":
    tap.main()
