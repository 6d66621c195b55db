#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The commands that ask: what they say is what the stored streams say, in either format, and their JSON is as documented."""
import base64
import datetime
import fnmatch
import json
import os
import random
import re
import resource
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import project  # noqa: E402
from suite import packet  # noqa: E402
import tap  # noqa: E402
from project import PATIENCE, ProjectTest, SUBUNIT, TESTR  # noqa: E402

SOURCE = os.environ.get("TESTR_SOURCE") or os.path.join(project.HERE, "..", "..")
BEGINNING = datetime.datetime(2026, 11, 1, 12, tzinfo=datetime.timezone.utc)
UNFINISHED = "unfinished"

try:
    import jsonschema
except ImportError:
    jsonschema = None


def read_source(*names):
    with open(os.path.join(SOURCE, *names), encoding="utf-8") as f:
        return f.read()


SCHEMA = json.loads(read_source("docs", "answers.schema.json"))


def time_text(seconds):
    return (BEGINNING + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def stream(results):
    """The packets of results (test, status, start, duration, tags, attachments); times in seconds."""
    lines = []

    def event(**fields):
        lines.append(json.dumps(fields))

    for test, status, start, duration, tags, details in results:
        times = [{"timestamp": time_text(t)} for t in (start, start + duration)]
        event(test_id=test, test_status="inprogress", test_tags=tags, **times[0])
        for name, mime, content in details:
            event(test_id=test, file_name=name, mime_type=mime, test_tags=tags,
                  file_bytes=base64.b64encode(content).decode(), **times[0])
        if status != UNFINISHED:
            event(test_id=test, test_status=status, test_tags=tags, **times[1])
    return subprocess.run([SUBUNIT, "json2subunit"], input="".join(line + "\n" for line in lines).encode(),
                          stdout=subprocess.PIPE, check=True).stdout


def simple(**outcomes):
    return stream([(test, status, 0, 1, [], [("traceback", "text/plain;charset=utf8", b"it failed\n")] if status == "fail" else [])
                   for test, status in outcomes.items()])


def fails(status):
    return status in ("fail", "uxsuccess")


def passes(status):
    return status in ("success", "xfail")


class AskTest(ProjectTest):
    def json(self, *args, expect=0):
        result = self.call(*args, "--json", expect=expect)
        answer = json.loads(result.out)
        if jsonschema:
            jsonschema.validate(answer, SCHEMA)
        self.assertEqual(1, answer["version"])
        return answer

    def load(self, content, *args):
        self.call("load", "-q", *args, input=content)

    def make(self, format):
        self.call("init", "--format=%d" % format, expect=0)


class Model:
    """What the streams of a repository say, by the plainest of code."""

    def __init__(self, test, runs):
        self.runs = [self.read(test, run) for run in range(runs)]

    def read(self, test, run):
        packets = subprocess.run([TESTR, "last", "-r", str(run), "--subunit"], cwd=test.dir, stdout=subprocess.PIPE).stdout
        text = subprocess.run([SUBUNIT, "subunit2json"], input=packets, stdout=subprocess.PIPE, check=True).stdout
        results, open_since = [], {}
        for event in map(json.loads, text.splitlines()):
            name, status = event["test_id"], event["test_status"]
            open_since.setdefault(name, event["timestamp"])
            if status in (None, "inprogress"):
                continue
            start, stop = open_since.pop(name), event["timestamp"]
            results.append({"test": name, "run": run, "attempt": 1 + sum(r["test"] == name for r in results), "status": status,
                            "fails": fails(status), "start": start, "duration": self.seconds(start, stop), "worker": 0,
                            "tags": [tag for tag in event["test_tags"] if tag != "worker-0"]})
        return results

    @staticmethod
    def seconds(start, stop):
        parse = datetime.datetime.fromisoformat
        return (parse(stop[:-1]) - parse(start[:-1])).total_seconds()

    def tests(self):
        return sorted({r["test"] for run in self.runs for r in run}, key=str.encode)

    def rows(self, run):
        return sorted(self.runs[run], key=lambda r: (r["test"].encode(), r["attempt"]))

    def last(self, run):
        """The status of the last attempt of each test."""
        return {r["test"]: r["status"] for r in self.runs[run]}

    def history(self, test):
        """(run, its results) for each run that has the test, the newest first."""
        all_runs = [(n, [r for r in run if r["test"] == test]) for n, run in enumerate(self.runs)]
        return [(n, results) for n, results in reversed(all_runs) if results]

    def stretches(self, test):
        stretches = []
        for n, results in self.history(test):
            statuses = [r["status"] for r in results]
            flaky = any(map(fails, statuses)) and any(map(passes, statuses))
            outcome = "flaky" if flaky else statuses[-1]
            if not stretches or stretches[-1]["outcome"] != outcome:
                stretches.append({"outcome": outcome, "runs": 0, "attempts": 0, "passes": 0, "failures": 0,
                                  "last": self.end(n, results)})
            stretch = stretches[-1]
            stretch["first"] = self.end(n, results)
            stretch["runs"] += 1
            stretch["attempts"] += len(statuses)
            stretch["passes"] += sum(map(passes, statuses))
            stretch["failures"] += sum(map(fails, statuses))
        return stretches

    @staticmethod
    def end(run, results):
        return {"run": run, "start": results[0]["start"]}

    def diff(self, old, new, old_whole, new_whole):
        a, b = self.last(old), self.last(new)
        kinds = {
            "new_failures": [t for t in b if fails(b[t]) and not fails(a.get(t, "skip"))],
            "fixed": [t for t in a if fails(a[t]) and passes(b.get(t, "skip"))],
            "still_failing": [t for t in a if fails(a[t]) and fails(b.get(t, "skip"))],
            "skipped": [t for t in a if fails(a[t]) and b.get(t) == "skip"],
            "appeared": [t for t in b if t not in a and old_whole],
            "vanished": [t for t in a if t not in b and new_whole],
        }
        return {kind: sorted(tests, key=str.encode) for kind, tests in kinds.items()}


class Laws(AskTest):
    """Random repositories: every answer is the one that the model finds."""
    NAMES = ["pkg.a.TestA.test_%d" % i for i in range(6)] + ["with blanks", "tést.ünï", "p[a-b]", "pa", "back\\slash", "q'\"?*"]
    RUNS = 9

    def build(self, dice, format):
        """Returns which runs are of a part of the suite."""
        self.make(format)
        partial = []
        for n in range(self.RUNS):
            results, clock = [], 1000.0 * n
            for name in dice.sample(self.NAMES, dice.randint(0, len(self.NAMES))) + dice.choices(self.NAMES, k=dice.randint(0, 4)):
                status = dice.choice(["success"] * 4 + ["fail", "fail", "skip", "xfail", "uxsuccess"])
                details = [("log", "text/plain;charset=utf8", b"x" * dice.randint(1, 50))] if dice.random() < 0.3 else []
                results.append((name, status, clock, dice.choice([0, 0.000001, 0.25, 3]), dice.sample(["a", "b", "c"], dice.randint(0, 2)),
                                details))
                clock += dice.choice([0.5, 7])
            some = dice.random() < 0.3
            partial.append(some and format == 2)
            self.load(stream(results), *(["--partial"] if some else []))
        return partial

    def check_rows(self, model):
        for run in range(self.RUNS):
            answer = self.call("last", "-r", str(run), "--json")
            got = json.loads(answer.out)["results"]
            self.assertEqual([r["fails"] for r in got], ["details" in r for r in got])
            self.assertEqual(model.rows(run), [{k: v for k, v in r.items() if k != "details"} for r in got])
            self.assertEqual(int(any(r["fails"] for r in got)), answer.code)

    def check_history(self, model):
        for test in model.tests():
            got = self.json("history", "--all", test)
            self.assertEqual([r for _, results in model.history(test) for r in results], got["results"])
            for stretch in got["stretches"]:
                for end in ("first", "last"):
                    self.assertEqual({"run", "start", "commit"}, set(stretch[end]))
                    del stretch[end]["commit"]
            self.assertEqual(model.stretches(test), got["stretches"])
            for key in ("runs", "attempts", "passes", "failures"):
                self.assertEqual(sum(s[key] for s in got["stretches"]), got[key])

    def check_diff(self, model, partial, dice):
        for _ in range(12):
            old, new = dice.randrange(self.RUNS), dice.randrange(self.RUNS)
            wanted = model.diff(old, new, not partial[old], not partial[new])
            got = self.json("diff", str(old), str(new), expect=int(bool(wanted["new_failures"])))
            self.assertEqual(wanted, {kind: got[kind] for kind in wanted})
            lines = self.lines("diff", "-q", str(old), str(new))
            self.assertEqual(sum(map(len, wanted.values())), len(lines))
            self.assertEqual(wanted["fixed"], [line[len("fixed: "):] for line in lines if line.startswith("fixed: ")])

    def check_log(self, model, dice):
        for pattern in ["*", "pkg.*", "p[a-b]", "*_[135]", "with blanks", "back\\slash"]:
            names = [t for t in model.tests() if t == pattern or fnmatch.fnmatchcase(t, pattern) and "\\" not in pattern]
            wanted = [r for t in names for r in model.history(t)[0][1]]
            got = self.json("log", pattern, expect=0 if wanted else 4)["results"]
            self.assertEqual(wanted, [{k: v for k, v in r.items() if k != "details"} for r in got])
            run = dice.randrange(self.RUNS)
            wanted = [r for r in model.rows(run) if r["test"] in names]
            got = self.json("log", "-r", str(run), pattern, expect=0 if wanted else 4)["results"]
            self.assertEqual(wanted, [{k: v for k, v in r.items() if k != "details"} for r in got])

    def check_runs(self, model):
        facts = [self.json("info", str(run))["run"] for run in range(self.RUNS)]
        for fact, run in zip(facts, model.runs):
            self.assertEqual(len(run), fact["tests"])
            self.assertEqual(sum(r["fails"] for r in run), fact["failures"])
            self.assertEqual(sum(r["status"] == "skip" for r in run), fact["skips"])
        listed, before = [], []
        while before is not None:
            page = self.json("runs", "--limit=4", *before)
            listed += page["runs"]
            before = None if page["before"] is None else ["--before=%d" % page["before"]]
        self.assertEqual(facts[::-1], listed)
        for since in (None, facts[2]["start"]):
            for until in (None, facts[6]["start"]):
                wanted = [f["run"] for f in facts if since is until is None or
                          f["start"] and (not since or f["start"] >= since) and (not until or f["start"] < until)]
                args = (["--since", since] if since else []) + (["--until", until] if until else [])
                self.assertEqual(wanted[::-1], [r["run"] for r in self.json("runs", "--limit=0", *args)["runs"]])

    def check_repository(self, model, format):
        info = self.json("info")
        self.assertEqual((format, self.RUNS, 0, self.RUNS - 1), (info["format"], info["runs"], info["oldest"], info["latest"]))
        self.assertEqual((len(model.tests()), sum(map(len, model.runs))), (info["tests"], info["results"]))
        failing = self.lines("failing", "--list")
        self.assertEqual(len(failing), info["failing"])
        self.assertEqual(failing, [r["test"] for r in self.json("failing", expect=int(bool(failing)))["results"]])
        self.assertEqual(self.RUNS, self.json("stats")["runs"])
        slowest = self.json("slowest", "--all")
        self.assertEqual({r["test"] for r in model.runs[-1] if r["duration"] is not None} - {t["test"] for t in slowest["tests"]}, set())
        self.assertEqual(sorted((t["duration"] for t in slowest["tests"]), reverse=True), [t["duration"] for t in slowest["tests"]])

    def check_repositories(self, seed, format):
        dice = random.Random(seed)
        partial = self.build(dice, format)
        model = Model(self, self.RUNS)
        self.check_rows(model)
        self.check_history(model)
        self.check_diff(model, partial, dice)
        self.check_log(model, dice)
        self.check_runs(model)
        self.check_repository(model, format)

    def test_format_1(self):
        self.check_repositories(1, 1)

    def test_format_2(self):
        self.check_repositories(2, 2)


class Log(AskTest):
    def setUp(self):
        super().setUp()
        self.make(2)
        self.load(stream([("a.fails", "fail", 0, 0.5, ["slow"], [("traceback", "text/plain;charset=utf8", b"line one\nline two\n")]),
                          ("a.passes", "success", 1, 0.25, [], []),
                          ("a.fails", "success", 2, 1, [], [])]))
        self.load(stream([("a.passes", "skip", 100, 0, [], [("reason", "text/plain;charset=utf8", b"no database")])]))

    def test_a_failure_with_all_its_attempts(self):
        self.assertEqual("""\
======================================================================
FAIL: a.fails
run 0, attempt 1 of 2, 2026-11-01 12:00:00Z, 0.500s, worker 0
tags: slow
----------------------------------------------------------------------
line one
line two
PASS: a.fails
run 0, attempt 2 of 2, 2026-11-01 12:00:02Z, 1.000s, worker 0
""", re.sub(r", commit [0-9a-f+dirty]+", "", self.call("log", "a.fails", expect=0).out))

    def test_the_latest_run_that_has_the_test(self):
        self.assertIn("SKIP: a.passes\nrun 1, ", self.call("log", "a.passes", expect=0).out)
        self.assertIn("PASS: a.passes\nrun 0, ", self.call("log", "a.passes", "-r", "0", expect=0).out)
        self.assertIn("PASS: a.passes\nrun 0, ", self.call("log", "-2", "a.passes", expect=0).out)

    def test_unknown_tests(self):
        for args in (["log", "nothing"], ["log", "nothing*"], ["log", "a.fails", "-r", "1"], ["history", "nothing"], ["history", "n*"]):
            result = self.call(*args, expect=4)
            self.assertEqual("", result.out)
            self.assertRegex(result.err, r"^no test (in run 1 )?(is named|matches) '")
            self.assertEqual(1, len(result.err.splitlines()))

    def test_a_test_that_never_ended(self):
        self.load(stream([("a.hangs", UNFINISHED, 0, 1, [], [])]))
        self.assertIn("UNFINISHED: a.hangs\n", self.call("log", "a.hangs", expect=0).out)
        self.assertEqual([("unfinished", True)],
                         [(r["status"], r["fails"]) for r in self.json("log", "a.hangs")["results"]])

    def test_globs_with_several_matches_are_no_history(self):
        self.assertIn("2 tests match 'a.*'", self.call("history", "a.*", expect=3).err)
        self.assertIn("passed", self.call("history", "*passes", expect=0).out)


class Large(AskTest):
    """The head and the tail of a large attachment, all of it on demand, and neither in memory."""
    SIZE = 80 * 1000 * 1000
    LINE = "%011d é €\n"

    def setUp(self):
        super().setUp()
        self.make(2)
        self.lines_count = self.SIZE // len((self.LINE % 0).encode())

    def limited(self, *args):
        def limit():
            resource.setrlimit(resource.RLIMIT_DATA, (50 * 1000 * 1000, 50 * 1000 * 1000))
        return subprocess.Popen([TESTR, *args], cwd=self.dir, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                preexec_fn=limit if os.environ.get("TESTR_SANITIZE", "none") == "none" else None)

    def content(self):
        for start in range(0, self.lines_count, 50000):
            yield "".join(self.LINE % i for i in range(start, min(start + 50000, self.lines_count))).encode()

    def load_large(self):
        with subprocess.Popen([TESTR, "load", "-q"], cwd=self.dir, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as load:
            load.stdin.write(packet("big", "inprogress"))
            for piece in self.content():
                # Characters are cut between packets, too.
                for part in (piece[:70001], piece[70001:]):
                    load.stdin.write(packet("big", None, ("log", part)))
            load.stdin.write(packet("big", "fail"))

    def test_head_tail_and_all(self):
        self.load_large()
        size = sum(map(len, self.content()))
        shown, err = self.limited("log", "big").communicate(timeout=PATIENCE)
        text = shown.decode()
        self.assertLess(len(shown), 70000)
        self.assertIn(self.LINE % 0, text)
        self.assertIn((self.LINE % (self.lines_count - 1)).strip(), text)
        left_out = int(re.search(rb"(\d+) bytes of attachments are left out", err).group(1))
        self.assertEqual(size - 65536, left_out)
        whole = self.limited("log", "--all", "big")
        head = b"".join(whole.stdout.readline() for _ in range(4))
        self.assertIn(b"FAIL: big\n", head)
        self.assertEqual(b"log: {{{\n", whole.stdout.readline())
        for piece in self.content():
            self.assertEqual(piece, whole.stdout.read(len(piece)))
        self.assertEqual(b"\n}}}\n", whole.stdout.read())
        whole.stdout.close()
        whole.stderr.close()
        self.assertEqual(0, whole.wait())

    def test_json_says_how_much_is_left_out(self):
        self.load(stream([("t", "fail", 0, 1, [], [("log", "text/plain;charset=utf8", b"y" * 100000),
                                                    ("core", "application/octet-stream", b"\0\xff")])]))
        details = {d["name"]: d for d in self.json("log", "t")["results"][0]["details"]}
        self.assertEqual((100000, None, 2, 0), (details["log"]["bytes"], details["core"]["text"], details["core"]["bytes"],
                                                details["core"]["left_out"]))
        kept = 100000 - details["log"]["left_out"]
        self.assertTrue(65000 < kept <= 65536)
        self.assertEqual(kept, len(re.sub(r"\n.*\n", "", details["log"]["text"])))
        whole = {d["name"]: d for d in self.json("log", "t", "--all")["results"][0]["details"]}
        self.assertEqual(("y" * 100000, 0), (whole["log"]["text"], whole["log"]["left_out"]))


class Diff(AskTest):
    def setUp(self):
        super().setUp()
        self.make(2)

    def test_what_people_see(self):
        self.load(simple(a="success", b="fail", c="fail", d="fail", e="success"))
        self.load(simple(a="fail", b="success", c="fail", d="skip", f="fail"))
        result = self.call("diff", expect=1)
        self.assertEqual("""\
new failure: a
new failure: f
fixed: b
still failing: c
skipped: d
appeared: f
vanished: e
From run 0 to run 1: 2 new failures, 1 fixed, 1 still failing, 1 skipped, 1 appeared, 1 vanished
""", result.out)
        self.assertEqual("", result.err)

    def test_only_new_failures_are_a_failure(self):
        self.load(simple(a="fail", b="fail"))
        self.load(simple(a="fail"))
        self.call("diff", expect=0)
        self.assertIn("From run 1 to run 1: 1 still failing\n", self.call("diff", "-1", "-1", expect=0).out)
        self.assertIn("From run 0 to run 1: ", self.call("diff", "-2", expect=0).out)
        self.assertIn("From run 1 to run 0: 1 new failure,", self.call("diff", "1", "-2", expect=1).out)

    def test_parts_of_the_suite(self):
        self.load(simple(a="fail", b="success"))
        self.load(simple(a="success"), "--partial")
        result = self.call("diff", expect=0)
        self.assertEqual("fixed: a\nFrom run 0 to run 1: 1 fixed\n", result.out)
        self.assertEqual("note: run 1 is one of a part of the suite; tests that are not in it are not taken as vanished\n", result.err)

    def test_no_run_to_compare_with(self):
        self.assertEqual("'No tests in repository'\n", self.call("diff", expect=3).err)
        self.load(simple(a="success"))
        self.assertEqual("there is no run -2: there are 1, the latest is 0\n", self.call("diff", expect=3).err)
        self.assertEqual("No such run.\n", self.call("diff", "7", expect=3).err)
        self.assertIn("Unexpected arguments: ['3']", self.call("diff", "1", "2", "3", expect=1).err)


class Flaky(AskTest):
    def test_history_of_a_flaky_test(self):
        self.make(2)
        for status in ["success"] * 3 + ["fail"] * 2 + ["success"] * 4:
            self.load(simple(a=status))
        self.load(stream([("a", "fail", 0, 1, [], []), ("a", "success", 2, 1, [], [])]))
        rows = [line.split() for line in self.lines("history", "a", expect=0)]
        self.assertEqual([["flaky", "1", "9"], ["passed", "4", "5..8"], ["failed", "2", "3..4"], ["passed", "3", "0..2"]],
                         [row[:3] for row in rows[2:-1]])
        self.assertEqual("Failed 3 of 11 times (27.3%).".split(), rows[-1])
        self.assertEqual(2 + 11, len(self.lines("history", "--all", "a")))


class Empty(AskTest):
    def test_a_repository_without_runs(self):
        for format in (1, 2):
            with self.subTest(format):
                self.make(format)
                for args in (["log", "a"], ["history", "a"], ["diff"], ["info", "-1"], ["info", "0"], ["last"]):
                    self.assertEqual("'No tests in repository'\n", self.call(*args, expect=3).err)
                    self.assertEqual("'No tests in repository'\n", self.call(*args, "--json", expect=3).err)
                self.assertEqual([], self.lines("runs", expect=0))
                self.assertEqual([], self.json("runs")["runs"])
                info = self.json("info")
                self.assertEqual((0, None, None, 0, 0, 0), tuple(info[key] for key in (
                    "runs", "oldest", "latest", "tests", "results", "failing")))
                self.assertEqual([], self.json("failing")["results"])
                subprocess.run(["rm", "-r", self.path(".testrepository")], check=True)

    def test_no_repository(self):
        for args in (["log", "a"], ["history", "a"], ["diff"], ["info"], ["runs"]):
            self.assertIn("No repository found in ", self.call(*args, expect=3).err)

    def test_wrong_usage(self):
        self.make(2)
        self.load(simple(a="success"))
        for args in (["log"], ["history"], ["runs", "--state=odd"], ["runs", "--since=tuesday"], ["runs", "--limit=-1"],
                     ["runs", "--meta=a", "--meta=b"], ["info", "xyz"], ["last", "-r", "1x"], ["run", "--meta=novalue"],
                     ["load", "--meta==value"], ["load", "--meta=%s=1" % ("k" * 201)]):
            self.assertIn("testr: error: ", self.call(*args, expect=2).err)
        self.assertEqual(["runs=1"], self.lines("stats"))


class Json(AskTest):
    def test_commands_that_list(self):
        self.project("pass.a fail.b")
        self.call("run", expect=1)
        result = self.call("list-tests", "--json", expect=0)
        self.assertEqual(["pass.a", "fail.b"], json.loads(result.out)["tests"])
        self.assertTrue(result.err.startswith("running="))
        last = self.json("last", expect=1)
        self.assertEqual([("fail.b", "it failed\n"), ("pass.a", None)],
                         [(r["test"], r["details"][0]["text"] if r["fails"] else None) for r in last["results"]])

    def test_last_knows_what_was_lost(self):
        self.project("pass.a forget.b")
        self.call("run", expect=6)
        last = self.json("last", expect=6)
        self.assertEqual(["forget.b"], [text.split(":")[0] for text in last["lost"]])
        self.assertEqual((6, "failed", True), tuple(last["run"][key] for key in ("exit_status", "outcome", "partial")))

    def test_an_interrupted_run(self):
        self.project("pass.a wait.b")
        process = self.start("run")
        self.wait_for(lambda: self.stored(b"wait.b"))
        process.terminate()
        self.assertEqual(128 + 15, self.finish(process).code)
        last = self.json("last", expect=128 + 15)
        self.assertEqual([("pass.a", "success", False), ("wait.b", "unfinished", False)],
                         [(r["test"], r["status"], r["fails"]) for r in last["results"]])
        self.assertEqual("interrupted", last["run"]["outcome"])
        self.assertEqual([0], [r["run"] for r in self.json("runs", "--state=interrupted")["runs"]])
        self.assertEqual([], self.json("runs", "--state=finished")["runs"])

    def test_every_key_is_documented(self):
        """json.md names the keys that the schema has, and no others."""
        page = read_source("docs", "json.md")
        keys = set()

        def collect(schema):
            for name, value in schema.items() if isinstance(schema, dict) else []:
                if name == "properties":
                    keys.update(value)
                collect(value)

        collect(SCHEMA)
        cells = [line.split("|")[-3] for line in page.splitlines() if line.startswith("|")]
        documented = {key for cell in cells for key in re.findall(r"`([a-z_]+)`", cell)}
        objects = {key for key in re.findall(r"objects? with (.*)", page) for key in re.findall(r"`([a-z_]+)`", key)}
        self.assertEqual(keys, documented | objects - {"null"})
        commands = {d["properties"]["command"]["const"] for d in SCHEMA["$defs"].values() if "command" in d.get("properties", {})}
        self.assertEqual(commands, {command.split()[0] for command in re.findall(r"^\| `([a-z -]+|info RUN)` \|", page, flags=re.M)
                                    if command.split()[0] in commands})


class Metadata(AskTest):
    def setUp(self):
        super().setUp()
        self.env = {k: v for k, v in self.env.items() if not k.startswith("GIT_")}
        self.env.update(GIT_CONFIG_NOSYSTEM="1", HOME=self.dir, GIT_CEILING_DIRECTORIES=os.path.dirname(self.dir))
        self.project("pass.a")

    def git(self, *args):
        return subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *args], cwd=self.dir, env=self.env,
                              stdout=subprocess.PIPE, check=True).stdout.decode().strip()

    def commit(self):
        self.git("init", "-q", "-b", "trunk")
        self.git("add", ".testr.conf")
        self.git("commit", "-q", "-m", "first")
        return self.git("rev-parse", "HEAD")

    def meta(self, *args):
        self.call(*args, expect=0)
        return self.json("info", "-1")["run"]["meta"]

    def test_what_is_recorded(self):
        self.env.update(TZ="UTC", CI="yes", HARMLESS="1", MY_TOKEN="secret")
        for name in ("LC_ALL", "LANG"):
            self.env.pop(name, None)
        meta = self.meta("run", "--parallel", "--concurrency=3")
        self.assertEqual(("3", "1"), (meta["workers"], meta["planned"]))
        self.assertEqual(os.path.realpath(self.dir), meta["directory"])
        self.assertEqual(os.uname().nodename, meta["host"])
        self.assertTrue(meta["command"].endswith("testr run --parallel --concurrency=3"))
        self.assertEqual(("UTC", "yes"), (meta["env.TZ"], meta["env.CI"]))
        self.assertEqual(set(), {"env.LC_ALL", "env.HARMLESS", "env.MY_TOKEN", "git.commit"} & set(meta))

    def test_the_environment_is_for_the_project_to_choose(self):
        self.env.update(TZ="UTC", CI="yes", MY_SIZE="1", MY_TOKEN="secret", MY_KEY="k", MY_OTHER="2")
        self.configure("pass.a", "record_environment=MY_* -MY_OTHER -T[A-Z] MY_KEY\n")
        meta = self.meta("run")
        self.assertEqual({"env.CI": "yes", "env.MY_SIZE": "1", "env.MY_KEY": "k"},
                         {k: v for k, v in meta.items() if k in ("env.TZ", "env.CI") or k.startswith("env.MY_")})
        self.configure("pass.a", "record_environment=-*\n")
        self.assertEqual([], [key for key in self.meta("run") if key.startswith("env.")])

    def test_git(self):
        commit = self.commit()
        for args in (["run"], ["load"]):
            meta = self.meta(*args)
            self.assertEqual((commit, "trunk", "false"), (meta["git.commit"], meta["git.branch"], meta["git.dirty"]))
        self.configure("pass.a pass.b")
        self.git("checkout", "-q", "--detach")
        meta = self.meta("run")
        self.assertEqual((commit, None, "true"), (meta["git.commit"], meta.get("git.branch"), meta["git.dirty"]))
        self.assertIn(commit[:9] + "+dirty", self.call("history", "pass.a").out)
        self.assertIn(commit[:9] + "+dirty", self.call("log", "pass.a").out)
        self.assertIn(commit[:9] + " ", self.call("runs").out)
        self.assertIn("git.dirty: true\n", self.call("info", "-1").out)

    def test_many_changed_files(self):
        commit = self.commit()
        os.mkdir(self.path("many"))
        for i in range(3000):
            self.write("many/a file with quite a long name %d" % i, "1")
        self.git("add", "many")
        meta = self.meta("run")
        self.assertEqual((commit, "true"), (meta["git.commit"], meta["git.dirty"]))

    def test_a_directory_with_odd_characters(self):
        inner = self.path("it's $HOME")
        os.mkdir(inner)
        commit = self.commit()
        self.call("init", "-d", inner, expect=0)
        self.call("load", "-d", inner, input=simple(a="success"), expect=0)
        answer = json.loads(self.call("info", "-d", inner, "-1", "--json", expect=0).out)
        self.assertEqual(commit, answer["run"]["meta"]["git.commit"])

    def test_no_git_at_all(self):
        self.commit()
        os.mkdir(self.path("bin"))
        os.symlink("/usr/bin/python3", self.path("bin/python3"))
        self.env["PATH"] = self.path("bin")
        run = self.call("run", expect=0)
        self.assertEqual("", run.err)
        self.assertNotIn("git.commit", self.json("info", "-1")["run"]["meta"])

    def test_before_the_first_commit(self):
        self.git("init", "-q")
        self.assertEqual([], [key for key in self.meta("run") if key.startswith("git.")])

    def test_given_metadata(self):
        self.commit()
        meta = self.meta("load", "--meta=git.commit=0123456789abcdef", "--meta", "job=a=b", "--meta=empty=", "--meta=host=other")
        self.assertEqual(("0123456789abcdef", None, "a=b", "", "other"), (
            meta["git.commit"], meta.get("git.dirty"), meta["job"], meta["empty"], meta["host"]))
        self.meta("load", "--meta=job=c")
        self.assertEqual([1], [r["run"] for r in self.json("runs", "--meta=job=c")["runs"]])
        self.assertEqual([0], [r["run"] for r in self.json("runs", "--meta=job=a=b")["runs"]])
        self.assertEqual([1, 0], [r["run"] for r in self.json("runs", "--meta=job")["runs"]])
        self.assertEqual([], self.json("runs", "--meta=job=")["runs"])

    def test_runs_by_uid(self):
        for _ in range(3):
            self.call("run", expect=0)
        uids = [r["uid"] for r in self.json("runs")["runs"]]
        self.assertEqual(3, len(set(uids)))
        for n, uid in enumerate(uids):
            letter = re.search("[a-f]", uid).end()
            self.assertEqual(2 - n, self.json("info", uid[:max(12, letter)])["run"]["run"])
        self.assertEqual("no run has a uid that begins with 'abcdefabcdef'\n", self.call("info", "abcdefabcdef", expect=3).err)

    def test_format_1_has_no_place_for_it(self):
        subprocess.run(["rm", "-r", self.path(".testrepository")], check=True)
        self.make(1)
        self.assertEqual({}, self.meta("run", "--meta=a=b"))


if __name__ == "__main__":
    tap.main()
