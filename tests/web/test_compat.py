#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""openstack-health's API: what it answers is compared with a naive model, and with docs/openstack-health.json."""
import collections
import datetime
import json
import math
import os
import random
import re
import sys
import xml.etree.ElementTree
from urllib.parse import quote

import jsonschema

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402
from webcase import ODD, START, Postgres, Server, WebTest, packet  # noqa: E402

SOURCE = os.environ.get("TESTR_SOURCE") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
BASE = "/compat/openstack-health"
SECOND = 10**9
UNITS = {"sec": 1, "min": 60, "hour": 3600, "day": 86400}
WORDS = {"success": "success", "xfail": "success", "fail": "fail", "uxsuccess": "fail", "unfinished": "fail", "skip": "skip"}
TESTS = ["tempest.api.compute.test_%d[id-%d,smoke]" % (n, n) for n in range(8)] + [
    "setUpClass (tempest.api.volume.Test)", "neutron.tests.a/b", "whole", ODD]
JOB, OTHER, PROJECT = "gate-tempest-dsvm-full", "gate/odd ü&%41", "openstack/nova"


class Result:
    def __init__(self, test, status, start, seconds, worker):
        self.test, self.status, self.start, self.worker = test, status, start, worker
        self.word = WORDS[status]
        self.stop = None if status == "unfinished" else start + round(seconds * SECOND)


class Run:
    def __init__(self, start, meta, results):
        self.start, self.meta, self.results, now = start, meta, [], start
        for number, (test, status, seconds) in enumerate(results):
            self.results.append(Result(test, status, now, seconds, number % 3))
            now = self.results[-1].stop or now
        self.stop = now
        counts = collections.Counter(r.word for r in self.results)
        self.passes, self.fails, self.skips = counts["success"], counts["fail"], counts["skip"]
        self.status = "fail" if self.fails else "success" if self.passes else None
        # Of each test the last one counts.
        self.last = {r.test: r for r in self.results}

    def stream(self):
        out = []
        for r in self.results:
            tags = ["worker-%d" % r.worker, "py3"]
            out.append(packet(r.test, "inprogress", r.start, tags))
            if r.stop is not None:
                out.append(packet(r.test, r.status, r.stop, tags))
        return b"".join(out)


def make_runs():
    rng = random.Random(8)
    runs, start = [], START + 5 * 3600 * SECOND + 250000000
    for number in range(14):
        meta = {"project": PROJECT if number % 4 else "openstack/cinder", "build_queue": "gate"}
        if number != 5:
            meta["build_name"] = JOB if number % 2 else OTHER
        if number % 4 == 1:
            meta.update(artifacts="http://logs.example/%d?a&b" % number, build_uuid="uuid-%d" % number)
        statuses = ["skip"] if number == 6 else ["success"] * 6 + ["fail", "skip", "xfail", "unfinished", "uxsuccess"] * (number % 3 == 0)
        results = [(t, rng.choice(statuses), rng.randrange(1, 9 * 10**6) / 10**6) for t in rng.sample(TESTS, 9)]
        if number == 3:
            results.append((results[0][0], "success", 1.5))
        results.append(("last", "skip" if number == 6 else "success", 0.5))
        runs.append(Run(start, meta, results))
        start += rng.choice([40, 1000, 7200, 90000, 200000]) * SECOND
    return runs


def iso(time):
    micros = round(time / 1000)
    return (datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=micros)).isoformat()


def http_date(time):
    return time if time is None else (datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=time // SECOND)).strftime(
        "%a, %d %b %Y %H:%M:%S GMT")


def floor(time, resolution):
    return time - time % (UNITS[resolution] * SECOND)


def stamp(time, resolution):
    text = iso(floor(time, resolution))
    return text[:10] if resolution == "day" else text


def mean(values):
    return sum(values) / len(values) if values else 0


class Model:
    """What openstack-health says of the runs."""

    def __init__(self, runs):
        self.runs = [r for r in runs if "probe" not in r.meta]

    def where(self, key=None, value=None, start=None, stop=None):
        return [r for r in self.runs if (key is None or key in r.meta) and (value is None or r.meta.get(key) == value) and
                (start is None or r.start >= start) and (stop is None or r.start <= stop)]

    @staticmethod
    def run(run):
        return {"id": run.id, "uuid": run.uuid, "passes": run.passes, "fails": run.fails, "skips": run.skips,
                "run_time": (run.stop - run.start) / SECOND, "artifacts": run.meta.get("artifacts"), "run_at": http_date(run.start)}

    @staticmethod
    def build(run):
        return {"build_name": run.meta["build_name"]} if "build_name" in run.meta else {}

    @staticmethod
    def over_time(runs, resolution):
        """Runs by time, and nothing where there were none in between."""
        times = collections.defaultdict(list)
        for run in runs:
            times[floor(run.start, resolution)].append(run)
        unit = UNITS[resolution] * SECOND
        between = range(min(times), max(times), unit) if times else ()
        if sum(t not in times for t in between) <= 10000:
            for time in between:
                times[time]
        return {stamp(t, resolution): times[t] for t in sorted(times)}

    def by_key(self, runs, resolution):
        entries = []
        for time, some in self.over_time(runs, resolution).items():
            jobs = collections.defaultdict(list)
            for run in some:
                jobs[run.meta.get("build_name", "")].append(run)
            entries.append({"datetime": time, "job_data": [
                {"job_name": name, "fail": sum(r.status == "fail" for r in jobs[name]), "pass": sum(r.status == "success" for r in jobs[name]),
                 "mean_run_time": mean([(r.stop - r.start) / SECOND for r in jobs[name]])} for name in sorted(jobs)]})
        return {"timedelta": entries}

    def grouped(self, runs, key, resolution):
        entries = {}
        for time, some in self.over_time(runs, resolution).items():
            groups = collections.defaultdict(list)
            for run in some:
                groups[run.meta[key]].append({"pass": run.passes, "fail": run.fails, "skip": run.skips})
            entries[time] = dict(groups) or []
        return {"runs": entries}

    def job(self, name, resolution, start, stop):
        cells = collections.defaultdict(lambda: collections.defaultdict(list))
        for run in self.where("build_name", name):
            for r in run.last.values():
                if (start is None or r.start >= start) and (stop is None or r.start <= stop):
                    cells[stamp(r.start, resolution)][r.test].append(r)
        return {"tests": {time: {test: {
            "pass": sum(r.word == "success" for r in some), "fail": sum(r.word == "fail" for r in some),
            "skip": sum(r.word == "skip" for r in some),
            "run_time": mean([(r.stop - r.start) / SECOND for r in some if r.word == "success"])} for test, some in tests.items()}
            for time, tests in cells.items()}}

    def history(self, test):
        return [(run, run.last[test]) for run in self.runs if test in run.last]

    def test(self, name):
        passes = [r for _, r in self.history(name) if r.word == "success"]
        failures = [r for _, r in self.history(name) if r.word == "fail"]
        return {"test_id": name, "success": len(passes), "failure": len(failures), "run_count": len(passes) + len(failures),
                "run_time": mean([(r.stop - r.start) / SECOND for r in passes])}

    def series(self, test, resolution):
        data, times = {}, collections.defaultdict(list)
        for run, r in self.history(test):
            data[iso(r.start)] = {"run_id": run.id, "status": r.word}
            if r.word == "success":
                times[floor(r.start, resolution)].append((r.stop - r.start) / SECOND)
        unit = UNITS[resolution] * SECOND
        line, known = [], sorted(times)
        for before, after in zip(known, known[1:] + [None]):
            a = mean(times[before])
            line.append((before, a))
            for step in range(1, ((after or 0) - before) // unit):
                b = mean(times[after])
                line.append((before + step * unit, None if step > 20 else a + (b - a) * step * unit / (after - before)))
                if step > 20:
                    break
        numeric = {}
        for i, (time, value) in enumerate(line):
            last = [v for _, v in line[max(0, i - 19):i + 1]]
            whole = len(last) == 20 and None not in last
            average = mean(last) if whole else None
            if value is not None:
                numeric[iso(time)] = {"run_time": value, "avg_run_time": average, "std_dev_run_time": math.sqrt(
                    sum((v - average)**2 for v in last) / 19) if whole else None}
        return {"data": data, "numeric": numeric}


class Compat(WebTest):
    # A value for each part of a path; one that is right for each parameter, and one that is wrong, where there is.
    PARTS = {"key": "project", "value": "openstack/nova", "build_name": JOB, "run_id": "1", "test_id": TESTS[0], "prefix": "tempest", "status": "fail"}
    PARAMS = {"start_date": ("2026-01-01", "x"), "stop_date": ("2026-01-09T00:00:00.000Z", "x"), "datetime_resolution": ("hour", "year"),
              "num_runs": ("2", "x"), "limit": ("2", "x"), "offset": ("1", "x"), "callback": (None, "1")}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.runs = make_runs()
        cls.runs.append(Run(cls.runs[-1].start + SECOND, {"probe": "try", "build_name": JOB, "project": PROJECT}, [(TESTS[0], "fail", 1)]))
        for run in cls.runs:
            cls.call_testr("load", *["--meta=%s=%s" % pair for pair in run.meta.items()], input=run.stream())
        listed = {r["run"]: r for r in json.loads(cls.call_testr("runs", "--json", "--limit", "100"))["runs"]}
        for number, run in enumerate(cls.runs):
            run.id, run.uuid = number, listed[number]["uid"]
        cls.model = Model(cls.runs)
        with open(os.path.join(SOURCE, "docs", "openstack-health.json"), encoding="utf-8") as f:
            cls.document = json.load(f)

    def ask(self, path, expect=200):
        answer = self.get(BASE + path, expect)
        self.assertEqual("application/json", answer.headers["Content-Type"])
        return answer.json()

    def refused(self, path, text, status=400):
        answer = self.get(BASE + path, status)
        self.assertEqual("text/plain; charset=utf-8", answer.headers["Content-Type"])
        self.assertEqual(text, answer.body.decode())

    def same(self, expected, found):
        """Numbers are the same to a millionth."""
        if isinstance(expected, dict):
            self.assertEqual(sorted(expected), sorted(found))
            for key, value in expected.items():
                self.same(value, found[key])
        elif isinstance(expected, list):
            self.assertEqual(len(expected), len(found))
            for a, b in zip(expected, found):
                self.same(a, b)
        elif isinstance(expected, float):
            self.assertAlmostEqual(expected, found, 6)
        else:
            self.assertEqual(expected, found)

    def test_runs(self):
        runs = [self.model.run(r) for r in self.model.runs]
        self.same({"runs": runs}, self.ask("/runs"))
        # The ends belong to it; an empty date is none.
        start, stop = self.runs[3].start, self.runs[8].start
        self.same({"runs": runs[3:9]}, self.ask("/runs?start_date=%sZ&stop_date=%s" % (iso(start), quote(iso(stop)))))
        self.same({"runs": runs[3:]}, self.ask("/runs?start_date=%s&stop_date=" % iso(start).replace("T", "+")))
        self.same({"runs": runs}, self.ask("/runs?start_date=2026-01-01&_=1767"))
        self.same({"runs": []}, self.ask("/runs?stop_date=2025-12-31T23:59:59.000Z"))

    def test_runs_of_a_job(self):
        for job in JOB, OTHER, "none":
            runs = [self.model.run(r) for r in self.model.where("build_name", job)]
            self.same({"runs": runs}, self.ask("/build_name/%s/runs" % quote(quote(job, safe=""), safe="")))

    def test_keys(self):
        keys = {key for run in self.model.runs for key in run.meta}
        self.assertLessEqual(keys, set(self.ask("/runs/metadata/keys")))
        self.assertNotIn("probe", self.ask("/runs/metadata/keys"))

    def test_runs_over_time(self):
        for resolution in UNITS:
            for key in "project", "build_name", "none":
                expected = self.model.grouped(self.model.where(key), key, resolution)
                self.same(expected, self.ask("/runs/group_by/%s?datetime_resolution=%s" % (key, resolution)))
            for key, value in ("project", PROJECT), ("build_name", JOB), ("build_queue", "gate"), ("build_queue", "none"):
                expected = self.model.by_key(self.model.where(key, value), resolution)
                self.same(expected, self.ask("/runs/key/%s/%s?datetime_resolution=%s" % (key, value, resolution)))
        # What is meant when nothing is said.
        for path, resolution in (("/runs/group_by/project", "sec"), ("/runs/key/project/" + PROJECT, "day")):
            self.assertEqual(self.ask(path), self.ask(path + "?datetime_resolution=" + resolution))
        start, stop = self.runs[2].start, self.runs[4].start
        query = "?datetime_resolution=sec&start_date=%s&stop_date=%s" % (iso(start), iso(stop))
        self.same(self.model.by_key(self.model.where("project", PROJECT, start, stop), "sec"), self.ask("/runs/key/project/" + PROJECT + query))
        self.same(self.model.grouped(self.model.where("project", None, start, stop), "project", "sec"),
                  self.ask("/runs/group_by/project" + query))

    def test_recent_runs(self):
        for count in 10, 3, 0, 1000:
            latest = self.model.where("project", PROJECT)[::-1][:count]
            short = [{"id": r.uuid, "status": r.status, "start_date": iso(r.start), "link": r.meta.get("artifacts"), **self.model.build(r)}
                     for r in latest if r.status]
            query = "" if count == 10 else "?num_runs=%d" % count
            self.same(short, self.ask("/runs/key/project/openstack/nova/recent" + query))
            self.same([{**self.model.run(r), **self.model.build(r)} for r in latest],
                      self.ask("/runs/key/project/openstack%2Fnova/recent/detail" + query))
        self.assertEqual([], self.ask("/runs/key/none/x/recent"))

    def test_feed(self):
        answer = self.get(BASE + "/runs/key/project/openstack/nova/recent/rss")
        self.assertEqual("application/rss+xml", answer.headers["Content-Type"])
        root = xml.etree.ElementTree.fromstring(answer.body)
        self.assertEqual(("rss", "2.0"), (root.tag, root.get("version")))
        self.assertEqual("Failures for project: openstack/nova", root.findtext("channel/title"))
        self.assertEqual("en", root.findtext("channel/language"))
        failed = [r for r in self.model.where("project", PROJECT)[::-1] if r.status == "fail"][:10]
        items = root.findall("channel/item")
        self.assertEqual([r.meta.get("build_uuid", r.uuid) for r in failed], [i.findtext("guid") for i in items])
        for run, item in zip(failed, items):
            self.assertEqual("Failed Run " + item.findtext("guid"), item.findtext("title"))
            self.assertEqual(http_date(run.start).replace("GMT", "+0000"), item.findtext("pubDate"))
            if "artifacts" in run.meta:
                self.assertEqual(run.meta["artifacts"], item.findtext("link"))
            else:
                self.get("/" + item.findtext("link").split("/", 3)[3])
            named = item.findtext("description").split("\n")[1:]
            self.assertEqual(sorted(r.test for r in run.last.values() if r.word == "fail"), sorted(named))
        self.refused("/runs/key/project/%3Cb%3E/recent/rss", "No Failed Runs for run metadata project: <b>")

    def test_results_of_a_job(self):
        for job in JOB, OTHER:
            for resolution in UNITS:
                path = "/build_name/%s/test_runs?datetime_resolution=%s" % (quote(quote(job, safe=""), safe=""), resolution)
                self.same(self.model.job(job, resolution, None, None), self.ask(path))
        # Results are bounded, not runs.
        run = self.model.where("build_name", JOB)[2]
        start, stop = run.results[2].start, run.results[7].start
        self.same(self.model.job(JOB, "sec", start, stop),
                  self.ask("/build_name/%s/test_runs?start_date=%s&stop_date=%s" % (JOB, iso(start), iso(stop))))
        self.assertEqual({"tests": {}}, self.ask("/build_name/none/test_runs"))

    def without_ids(self, tests):
        for test in tests:
            self.assertEqual(test["test_id"], self.json("/api/v1/tests/" + test.pop("id"))["test"])
        return tests

    def test_tests(self):
        names = sorted({r.test for run in self.model.runs for r in run.results}, key=str.encode)
        self.same([self.model.test(n) for n in names], self.without_ids(self.ask("/tests")["tests"]))
        prefixes = ["tempest", "neutron", "whole", "last", ODD]
        self.assertEqual(sorted(prefixes), sorted(self.ask("/tests/prefix")))
        for prefix in prefixes + ["empest", "none"]:
            some = [n for n in names if n.split(".")[0].endswith(prefix)]
            path = "/tests/prefix/" + quote(prefix, safe="")
            self.same([self.model.test(n) for n in some], self.without_ids(self.ask(path)["tests"]))
            self.assertEqual(some[2:5], [t["test_id"] for t in self.ask(path + "?limit=3&offset=2")["tests"]])

    def test_results_of_a_run(self):
        for run in self.model.runs:
            expected = {}
            for r in run.last.values():
                expected[r.test] = {"status": r.word, "start_time": http_date(r.start), "stop_time": http_date(r.stop),
                                    "metadata": {"tags": "worker-%d,py3" % r.worker}}
                attrs = re.search(r"\[(.*)\]", r.test)
                if attrs:
                    expected[r.test]["metadata"]["attrs"] = attrs.group(1)
            self.assertEqual(expected, self.ask("/run/%s/test_runs" % run.uuid))
        tests = [self.model.test(n) for n in sorted(self.runs[1].last, key=str.encode)]
        for name in "1", self.runs[1].uuid:
            self.same(tests, self.without_ids(self.ask("/run/%s/tests" % name)["tests"]))
        for name in "999", "none", "%20":
            self.assertEqual({}, self.ask("/run/%s/test_runs" % name))
            self.assertEqual({"tests": []}, self.ask("/run/%s/tests" % name))

    def test_recent_tests(self):
        for count in 10, 2, 0:
            failed = [r for r in self.model.runs[::-1] if r.status == "fail"][:count]
            for word in "fail", "success", "skip", "exists":
                expected = [{"test_id": r.test, "link": run.meta.get("artifacts"), "start_time": iso(r.start),
                             "stop_time": iso(r.stop) if r.stop else None, "uuid": run.uuid}
                            for run in failed for r in run.last.values() if r.word == word]
                found = self.ask("/tests/recent/%s%s" % (word, "" if count == 10 else "?num_runs=%d" % count))
                self.assertEqual({}, found["bugs"])
                self.assertEqual(sorted(expected, key=str), sorted(found["test_runs"], key=str))

    def test_a_test_over_time(self):
        for test in TESTS + ["last"]:
            for resolution in UNITS:
                self.same(self.model.series(test, resolution),
                          self.ask("/test_runs/%s?datetime_resolution=%s" % (quote(quote(test, safe=""), safe=""), resolution)))
        self.assertEqual(self.ask("/test_runs/last"), self.ask("/test_runs/last?datetime_resolution=min"))
        # A '/' may also stand as it is.
        self.assertEqual(self.ask("/test_runs/neutron.tests.a%2Fb"), self.ask("/test_runs/neutron.tests.a/b"))
        self.assertTrue(self.ask("/test_runs/neutron.tests.a/b")["data"])
        self.assertEqual({"numeric": {}, "data": {}}, self.ask("/test_runs/none"))
        start, stop = self.runs[3].stop - SECOND // 2, self.runs[6].stop
        self.assertEqual([3, 4, 5, 6], sorted(r["run_id"] for r in self.ask(
            "/test_runs/last?start_date=%s&stop_date=%s" % (iso(start), iso(stop)))["data"].values()))
        self.assertTrue(any(v["std_dev_run_time"] for v in self.ask("/test_runs/last?datetime_resolution=hour")["numeric"].values()))

    def test_status(self):
        self.assertEqual({"status": {"availability": {"database": True, "elastic-recheck": "NotInstalled"}}}, self.ask("/status"))

    def test_errors(self):
        for path in "/runs/group_by/project", "/runs/key/project/openstack/trove", "/build_name/x/test_runs", "/test_runs/x":
            self.refused(path + "?datetime_resolution=century", "Datetime resolution: century, is not a valid choice")
            self.refused(path + "?start_date=soon", "start_date: soon, is not a date such as 2026-01-31T12:00:00")
        self.refused("/runs?stop_date=2026-01-01x", "stop_date: 2026-01-01x, is not a date such as 2026-01-31T12:00:00")
        for path in "/runs/key/a/b/recent?num_runs=", "/tests/recent/fail?num_runs=", "/tests/prefix/a?offset=", "/tests/prefix/a?limit=":
            self.refused(path + "-1", "%s: -1, is not a number" % re.search(r"\?(\w+)=", path).group(1))
        self.refused("/tests/recent/fail?num_runs=1001", "num_runs: at most 1000 runs are looked at")
        self.json(BASE + "/none", 404)

    def test_scripts(self):
        # A page of any site could ask for one.
        self.refused("/runs?callback=f", "callback: scripts are only given by `testr serve --open`, because pages of any site could run them",
                     403)
        server = Server(self.dir, "--open")
        try:
            for path in "/runs", "/", "/status", "/test_runs/last?datetime_resolution=day":
                plain = server.get(BASE + path)
                for name in "f", "angular.callbacks._0", "$.x1":
                    answer = server.get(BASE + path + ("&" if "?" in path else "?") + "callback=" + name)
                    self.assertEqual(("application/javascript", "cross-origin"),
                                     (answer.headers["Content-Type"], answer.headers["Cross-Origin-Resource-Policy"]))
                    begin, end = b"/**/%s(" % name.encode(), b");\n"
                    self.assertTrue(answer.body.startswith(begin) and answer.body.endswith(end), answer)
                    body = answer.body[len(begin):-len(end)]
                    # Python reads what JavaScript has besides JSON.
                    self.assertEqual(plain.body.strip(), body.replace(b"NaN", b"null"))
                self.assertEqual("same-origin", plain.headers["Cross-Origin-Resource-Policy"])
            self.assertIn(b"NaN", answer.body)
            for name in "1", "a b", "a(", ".a", "a.", "a..b", "a.1", "é", "a;b", "x" * 201:
                self.assertEqual(400, server.get(BASE + "/runs?callback=" + quote(name)).status, name)
        finally:
            self.assertEqual((0, ""), server.stop())

    def params(self, path):
        named = [self.document["components"]["parameters"][p["$ref"].rsplit("/", 1)[1]] for p in self.document["paths"][path]["get"]["parameters"]]
        return {p["name"] for p in named if p["in"] == "query"}, {p["name"] for p in named if p["in"] == "path"}

    def test_rows_and_routes(self):
        with open(os.path.join(SOURCE, "src", "web", "api.c"), encoding="utf-8") as f:
            text = f.read()
        span = re.search(r'#define SPAN "(.*)"', text).group(1)
        rows = {}
        for pattern, params in re.findall(r'\{METHOD_GET, COMPAT(?: "([^"]*)")?,\s+("[^"]*"|SPAN),', text):
            rows[BASE + pattern.replace("...}", "}")] = set((span if params == "SPAN" else params.strip('"')).split()) - {"*"}
        self.assertEqual(rows.pop(BASE + "/"), rows[BASE])
        self.assertEqual(rows, {path: self.params(path)[0] for path in self.document["paths"]})
        for path in self.document["paths"]:
            self.assertEqual(set(re.findall(r"\{(\w+)\}", path)), self.params(path)[1])
        routes = self.ask("/")["routes"]
        self.assertEqual(18, len({r["name"] for r in routes}))
        urls = {r["url"].replace("run_metadata_key", "key").replace("[", "{").replace("]", "}").rstrip("/") for r in routes}
        self.assertEqual(set(rows), urls)

    def test_shapes(self):
        for path, methods in self.document["paths"].items():
            ok = methods["get"]["responses"]["200"]["content"]
            filled = re.sub(r"\{(\w+)\}", lambda m: quote(self.PARTS[m.group(1)]), path)
            for name in [None] + sorted(self.params(path)[0]):
                right, wrong = self.PARAMS.get(name, ("", None))
                if right is not None:
                    answer = self.get(filled + ("?%s=%s" % (name, right) if name else ""))
                    self.assertIn(answer.headers["Content-Type"], ok, path)
                    if answer.headers["Content-Type"] == "application/json":
                        schema = {**ok["application/json"]["schema"], "components": self.document["components"]}
                        jsonschema.Draft202012Validator(schema).validate(answer.json())
                if wrong is not None:
                    self.assertIn("400", methods["get"]["responses"])
                    self.get("%s?%s=%s" % (filled, name, wrong), 400)

    def test_is_served(self):
        self.assertEqual(self.document, self.get("/openstack-health.json").json())


class Long(WebTest):
    """Answers that no memory is held for."""

    def put(self, count):
        run = Run(START, {"build_name": JOB}, [("pkg.test_%06d" % n, "success", 0.001) for n in range(count)])
        self.call_testr("load", "--meta=build_name=" + JOB, input=run.stream())
        return run

    def test_an_answer_in_a_file(self):
        run = self.put(12000)
        expected = {r.test: {"status": "success", "start_time": http_date(r.start), "stop_time": http_date(r.stop),
                             "metadata": {"tags": "worker-%d,py3" % r.worker}} for r in run.results}
        server = Server(self.dir, "--open")
        try:
            plain = server.get(BASE + "/run/latest/test_runs")
            self.assertGreater(len(plain.body), 1 << 20)
            self.assertEqual(str(len(plain.body)), plain.headers["Content-Length"])
            self.assertEqual(expected, plain.json())
            script = server.get(BASE + "/run/latest/test_runs?callback=f")
            self.assertEqual(b"/**/f(" + plain.body[:-1] + b");\n", script.body)
            part = server.get(BASE + "/run/latest/test_runs", Range="bytes=1048570-1048590")
            self.assertEqual((206, plain.body[1048570:1048591]), (part.status, part.body))
        finally:
            self.assertEqual((0, ""), server.stop())

    @tap.long
    def test_too_much(self):
        self.put((1 << 19) + 1)
        path = BASE + "/build_name/" + JOB + "/test_runs?datetime_resolution="
        for resolution in UNITS:
            self.assertIn(b"coarser datetime_resolution", self.get(path + resolution, 400).body)
        stop = "&stop_date=" + iso(START + 10 * SECOND)
        self.assertEqual({"pass": 1, "fail": 0, "skip": 0, "run_time": 0.001},
                         self.get(path + "day" + stop).json()["tests"]["2026-01-01"]["pkg.test_000007"])


POSTGRES = []


def setUpModule():
    POSTGRES.append(Postgres())
    CompatPostgres.postgres = POSTGRES[0]


def tearDownModule():
    POSTGRES.pop().stop()


class CompatPostgres(Compat):
    """The same over PostgreSQL."""


if __name__ == "__main__":
    tap.main()
