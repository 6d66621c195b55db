#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What testr serve answers, over a real connection and a real repository."""
import gzip
import json
import os
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree
from urllib.parse import quote

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402
from webcase import ODD, PATIENCE, TESTR, Server, WebTest, events, everywhere, stream  # noqa: E402

TEXT = b"Traceback: <script>alert(1)</script> \x1b[31m\n" * 3
FIRST = [("pkg.test_%02d" % n, "fail" if n % 10 == 0 else "success", n / 100, TEXT if n % 10 == 0 else None)
         for n in range(25)] + [(ODD, "skip", 0.5, b"not now\n")]
SECOND = [("pkg.test_%02d" % n, "fail" if n == 7 else "success", 0.25, None) for n in range(25)] + [
    ("pkg.test_07", "success", 0.25, None), ("pkg.never", "unfinished", 0.25, None)]


class Reading(WebTest):
    RUNS = (FIRST, SECOND)

    def results(self, run):
        return json.loads(self.call_testr("last", "-r", run, "--json"))["results"]

    def test_runs_are_those_of_the_command_line(self):
        self.assertEqual(json.loads(self.call_testr("runs", "--json"))["runs"], self.json("/api/v1/runs")["runs"])

    def test_runs_page_by_page(self):
        self.assertEqual([1, 0], [run["run"] for run in self.pages("/api/v1/runs?limit=1", "runs")])
        self.assertEqual([], self.json("/api/v1/runs?state=running")["runs"])
        self.assertEqual([], self.json("/api/v1/runs?since=2030-01-01")["runs"])
        self.assertEqual(2, len(self.json("/api/v1/runs?meta.command=")["runs"]))
        self.assertEqual([], self.json("/api/v1/runs?meta.command=x")["runs"])

    def test_names_of_a_run(self):
        run = self.json("/api/v1/runs/1")
        for name in ("latest", "-1", run["uid"], run["uid"][:8]):
            self.assertEqual(run, self.json("/api/v1/runs/" + name))
        self.assertEqual(0, self.json("/api/v1/runs/-2")["run"])
        for name in ("2", "-3", "-0", "abc", run["uid"][:3], "x", "99999999999999999999", "%20", "..%2F0"):
            self.assertEqual("no-such-run", self.json("/api/v1/runs/" + name, 404)["title"])

    def test_results(self):
        for run in "0", "1":
            expected = self.results(run)
            for result in expected:
                result.pop("details", None)
            for sort in "test", "seen", "-duration", "start":
                items = self.pages("/api/v1/runs/%s/results?limit=4&sort=%s" % (run, sort), "results")
                self.assertEqual(sorted(expected, key=str), sorted(items, key=str))
            self.assertEqual(expected, self.pages("/api/v1/runs/%s/results?limit=7&sort=test" % run, "results"))
            slowest = [r["duration"] or -1 for r in self.pages("/api/v1/runs/%s/results?limit=5&sort=-duration" % run, "results")]
            self.assertEqual(sorted(slowest, reverse=True), slowest)

    def test_filters_of_results(self):
        for query, wanted in (
                ("status=fail", lambda r: r["status"] == "fail"), ("status=failures", lambda r: r["fails"]),
                ("status=skip,fail", lambda r: r["status"] in ("skip", "fail")), ("worker=2", lambda r: r["worker"] == 2),
                ("q=test_1", lambda r: "test_1" in r["test"]), ("status=unfinished", lambda r: r["status"] == "unfinished"),
                ("q=" + quote(ODD[4:], safe=""), lambda r: r["test"] == ODD)):
            for run in "0", "1":
                expected = [r["test"] for r in self.results(run) if wanted(r)]
                found = self.pages("/api/v1/runs/%s/results?limit=3&sort=test&%s" % (run, query), "results")
                self.assertEqual(expected, [r["test"] for r in found], query)

    def test_attempts_and_attachments(self):
        base = "/api/v1/runs/0/results/" + quote("pkg.test_10", safe="")
        (attempt,) = self.json(base + "/attempts")["attempts"]
        self.assertEqual("traceback", attempt["details"][0]["name"])
        self.assertEqual(TEXT.decode(), attempt["details"][0]["text"])
        answer = self.get(base + "/attempts/1/attachments/traceback")
        self.assertEqual(TEXT, answer.body)
        self.assertIn("sandbox", answer.headers["Content-Security-Policy"])
        self.assertEqual("application/octet-stream", answer.headers["Content-Type"])
        part = self.get(base + "/attempts/1/attachments/traceback", 206, Range="bytes=3-9")
        self.assertEqual((TEXT[3:10], "bytes 3-9/%d" % len(TEXT)), (part.body, part.headers["Content-Range"]))
        self.get(base + "/attempts/1/attachments/traceback", 416, Range="bytes=1000-")
        for wrong in ("/attempts/2/attachments/traceback", "/attempts/1/attachments/other", "/attempts/x/attachments/traceback"):
            self.json(base + wrong, 404)
        self.assertEqual([1, 2], [a["attempt"] for a in self.json("/api/v1/runs/1/results/pkg.test_07/attempts")["attempts"]])

    def test_tests(self):
        names = sorted({r[0] for r in FIRST + SECOND}, key=str.encode)
        self.assertEqual(names, [t["test"] for t in self.pages("/api/v1/tests?limit=4", "tests")])
        self.assertEqual(["pkg.never"], [t["test"] for t in self.json("/api/v1/tests?prefix=pkg.n")["tests"]])
        self.assertEqual([n for n in names if "_1" in n], [t["test"] for t in self.json("/api/v1/tests?q=_1")["tests"]])

    def test_names_of_a_test(self):
        for name in ODD, "pkg.test_07":
            test = self.json("/api/v1/tests/" + quote(name, safe=""))
            self.assertEqual(name, test["test"])
            self.assertEqual(test, self.json("/api/v1/tests/" + test["key"]))
        self.json("/api/v1/tests/h:0000000000000000", 404)
        self.json("/api/v1/tests/pkg.test_7", 404)

    def test_history(self):
        expected = json.loads(self.call_testr("history", "--all", "--json", "pkg.test_07"))["results"]
        self.assertEqual(expected, self.json("/api/v1/tests/pkg.test_07/history")["results"])
        self.assertEqual(expected, self.pages("/api/v1/tests/pkg.test_07/history?limit=1", "results"))
        test = self.json("/api/v1/tests/pkg.test_07")
        self.assertEqual((2, 3, 2, 1), (test["runs"], test["attempts"], test["passes"], test["failures"]))
        self.assertEqual(2, test["latest"]["attempt"])
        self.json("/api/v1/tests/none/history", 404)

    def test_stream(self):
        answer = self.get("/api/v1/runs/0/stream")
        self.assertEqual("application/vnd.subunit-v2", answer.headers["Content-Type"])
        with tempfile.TemporaryDirectory() as other:
            for command, data in (("init", b""), ("load", answer.body)):
                subprocess.run([TESTR, command, "-R", other], input=data, stdout=subprocess.DEVNULL)
            copy = json.loads(subprocess.run([TESTR, "last", "--json", "-R", other], stdout=subprocess.PIPE).stdout)
        self.assertEqual(self.results("0"), copy["results"])

    def test_diff(self):
        expected = json.loads(self.call_testr("diff", "0", "1", "--json"))
        found = self.json("/api/v1/runs/1/diff/0")
        counts = found.pop("counts")
        self.assertEqual({k: v for k, v in expected.items() if k not in ("version", "command")}, found)
        self.assertEqual({k: len(v) for k, v in found.items() if isinstance(v, list)}, counts)
        self.assertEqual(1, len(self.json("/api/v1/runs/1/diff/0?limit=1")["fixed"]))

    def test_junit(self):
        root = xml.etree.ElementTree.fromstring(self.get("/api/v1/runs/0/junit.xml").body)
        self.assertEqual(["26", "3", "1"], [root.get(k) for k in ("tests", "failures", "skipped")])
        self.assertEqual(26, len(root.findall("testcase")))
        self.assertIn("<script>alert(1)</script>", root.find("testcase/failure").text)

    def test_timeline(self):
        bars = self.json("/api/v1/runs/0/timeline")["bars"]
        self.assertEqual(26, len(bars))
        self.assertEqual({r[0] for r in FIRST}, {b["test"] for b in bars})
        few = self.json("/api/v1/runs/0/timeline?max=8")["bars"]
        self.assertLessEqual(len(few), 8)
        self.assertEqual((26, 3), (sum(b["tests"] for b in few), sum(b["failures"] for b in few)))
        middle = bars[10]
        part = self.json("/api/v1/runs/0/timeline?from=%s&to=%s" % (middle["start"], middle["stop"]))["bars"]
        self.assertIn(middle, part)
        self.assertLess(len(part), 6)

    def test_tree(self):
        nodes = {n["prefix"]: n for n in self.json("/api/v1/tests/tree")["nodes"]}
        self.assertEqual({"prefix": "pkg.", "leaf": False, "tests": 26, "failing": 1}, nodes["pkg."])
        leaves = self.pages("/api/v1/tests/tree?prefix=pkg.&limit=4", "nodes")
        self.assertEqual(26, len(leaves))
        self.assertTrue(all(n["leaf"] and n["tests"] == 1 for n in leaves))
        self.assertEqual(1, sum(n["failing"] for n in leaves))

    def test_durations(self):
        found = self.json("/api/v1/tests/pkg.test_07/durations")
        self.assertEqual((2, 0.07, 0.25), (found["passes"], found["median"], found["longest"]))
        self.assertEqual(3, len(found["durations"]))
        self.json("/api/v1/tests/none/durations", 404)

    def test_slowest_and_failing(self):
        slow = self.pages("/api/v1/slowest?limit=5", "tests")
        self.assertEqual(26, len(slow))
        expected = json.loads(self.call_testr("failing", "--json"))["results"]
        for result in expected:
            result.pop("details")
        self.assertEqual(expected, self.pages("/api/v1/failing?limit=1", "results"))

    def test_failure_rate(self):
        (point,) = self.json("/api/v1/stats/failure-rate")["points"]
        self.assertEqual({"group": None, "start": "2026-01-01T00:00:00.000000Z", "runs": 2, "failed": 2, "tests": 53, "failures": 5},
                         point)
        (point,) = self.json("/api/v1/stats/failure-rate?group_by=workers&resolution=minute")["points"]
        self.assertEqual("1", point["group"])

    def test_feed_badge_metrics(self):
        feed = xml.etree.ElementTree.fromstring(self.get("/api/v1/feeds/failures.atom").body)
        entries = feed.findall("{http://www.w3.org/2005/Atom}entry")
        self.assertEqual(2, len(entries))
        self.assertIn("pkg.test_20", entries[1].find("{http://www.w3.org/2005/Atom}content").text)
        self.assertIn(b"2 failed", self.get("/api/v1/badge.svg").body)
        self.assertIn(b"no runs", self.get("/api/v1/badge.svg?meta.x=").body)
        metrics = self.get("/metrics").body.decode().splitlines()
        self.assertEqual("# EOF", metrics[-1])
        self.assertIn("testr_runs_total 2", metrics)
        self.assertIn("testr_tests 27", metrics)

    def test_same_lists_by_line(self):
        answer = self.get("/api/v1/runs/0/results?limit=5&q=a%26b", Accept="application/x-ndjson")
        self.assertEqual(b"", answer.body)
        answer = self.get("/api/v1/runs/0/results?limit=5&q=pkg", Accept="application/x-ndjson")
        lines = [json.loads(line) for line in answer.body.splitlines()]
        page = self.json("/api/v1/runs/0/results?limit=5&q=pkg")
        self.assertEqual(page["results"], lines)
        self.assertEqual('</api/v1/runs/0/results?cursor=%s&limit=5&q=pkg>; rel="next"' % page["next"], answer.headers["Link"])

    def test_compressed(self):
        plain = self.get("/api/v1/runs/0/results")
        packed = self.get("/api/v1/runs/0/results", Accept_Encoding="gzip")
        self.assertEqual("gzip", packed.headers["Content-Encoding"])
        self.assertEqual(plain.body, gzip.decompress(packed.body))
        self.assertNotEqual(plain.headers["ETag"], packed.headers["ETag"])

    def test_not_sent_twice(self):
        for path in "/api/v1/runs", "/", "/testr.css":
            tag = self.get(path).headers["ETag"]
            self.assertEqual(b"", self.get(path, 304, If_None_Match='"x", ' + tag).body)
            self.get(path, 200, If_None_Match='"x"')

    def test_connections_are_kept(self):
        connection = self.server.connect()
        for path in ("/api/v1/runs", "/api/v1/runs/77", "/", "/none") * 3:
            self.server.request("GET", path, connection=connection)
            socket = connection.sock
            self.assertIsNotNone(socket, path)
        connection.close()

    def test_head(self):
        answer = self.server.request("HEAD", "/api/v1/runs")
        self.assertEqual((200, b""), (answer.status, answer.body))

    def test_what_is_refused(self):
        for path, status in (("/api/v1/none", 404), ("/api/v1/runs/", 404), ("/../etc/passwd", 404), ("/%2e%2e/index.html", 404),
                             ("/index.html/x", 404), ("/api/v1/runs?limt=1", 400), ("/api/v1/runs?limit=0", 400),
                             ("/api/v1/runs?limit=1001", 400), ("/api/v1/runs?limit=x", 400), ("/api/v1/runs?cursor=-1", 400),
                             ("/api/v1/runs?since=yesterday", 400), ("/api/v1/runs?state=dead", 400), ("/%zz", 400),
                             ("/api/v1/runs/0/results?sort=name", 400), ("/api/v1/runs/0/results?cursor=1", 400),
                             ("/api/v1/runs?meta.a=1&meta.b=2", 400)):
            self.json(path, status)
        for method in "POST", "DELETE", "PUT", "OPTIONS":
            answer = self.server.request(method, "/api/v1/runs/0")
            self.assertEqual((405, "GET, HEAD"), (answer.status, answer.headers["Allow"]))
        self.assertEqual(413, self.server.request("GET", "/api/v1/runs", body=b"x" * 100000).status)

    def test_who_may_ask(self):
        self.json("/api/v1/runs", 421, Host="evil.example")
        self.get("/api/v1/runs", 200, Host="localhost:1")
        self.json("/api/v1/runs", 403, Origin="http://evil.example")
        self.get("/api/v1/runs", 200, Origin="http://%s:%d" % (self.server.host, self.server.port))


class Live(WebTest):
    """Runs that go on, of a command that says what the test gives it."""

    def start_run(self):
        """The process, and what writes to it."""
        fifo = os.path.join(self.dir, "fifo")
        if not os.path.exists(fifo):
            os.mkfifo(fifo)
            with open(os.path.join(self.dir, ".testr.conf"), "w") as f:
                f.write("[DEFAULT]\ntest_command=cat fifo\n")
        run = subprocess.Popen([TESTR, "run"], cwd=self.dir, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        pipe = open(fifo, "wb")
        self.addCleanup(pipe.close)
        return run, pipe

    def follow(self, server, path, after=None):
        connection = server.connect()
        self.addCleanup(connection.close)
        connection.request("GET", "/api/v1/" + path, headers={"Last-Event-ID": after} if after else {})
        response = connection.getresponse()
        self.assertEqual("text/event-stream", response.headers["Content-Type"])
        return events(response)

    def test_all_events_also_across_a_restart(self):
        results = [("test_%d" % n, "success", 0.01, b"text" * 50 if n % 3 == 0 else None) for n in range(60)]
        packets = [stream([r]) for r in results]
        run, pipe = self.start_run()

        def feed(some):
            pipe.write(b"".join(some))
            pipe.flush()

        feed(packets[:20])
        server = Server(self.dir)
        while not server.get("/api/v1/runs?state=running").json()["runs"]:
            self.assertIsNone(run.poll())
        number = server.get("/api/v1/runs").json()["runs"][0]["run"]
        events_path = "runs/%d/events" % number
        early = self.follow(server, events_path)
        seen = []
        while len([e for e in seen if e["event"] == "result"]) < 20:
            seen.append(next(early))
        feed(packets[20:40])
        while len([e for e in seen if e["event"] == "result"]) < 30:
            seen.append(next(early))
        self.assertEqual((0, ""), server.stop())
        feed(packets[40:])
        server = Server(self.dir)
        late = self.follow(server, events_path, seen[-1]["id"])
        pipe.close()
        rest = list(late)
        self.assertEqual(0, run.wait(PATIENCE))
        whole = list(self.follow(server, events_path))
        self.assertEqual(seen + rest, whole)
        self.assertEqual([r[0] for r in results], [e["data"]["test"] for e in whole if e["event"] == "result"])
        self.assertEqual([r[0] for r in results], [e["data"]["test"] for e in whole if e["event"] == "start"])
        self.assertEqual(("end", "end", "passed"), (whole[-1]["id"], whole[-1]["event"], whole[-1]["data"]["outcome"]))
        self.assertEqual(204, server.get("/api/v1/" + events_path, Last_Event_ID="end").status)
        # From every place.
        for place in range(0, len(whole) - 1, 7):
            self.assertEqual(whole[place + 1:], list(self.follow(server, events_path, whole[place]["id"])))
        self.assertEqual(400, server.get("/api/v1/" + events_path, Last_Event_ID="x").status)
        self.assertEqual((0, ""), server.stop())

    def test_a_run_whose_process_is_killed(self):
        server = Server(self.dir)
        run, pipe = self.start_run()
        pipe.write(stream([("a", "success", 1, None), ("b", "unfinished", 1, None)]))
        pipe.flush()
        while not server.get("/api/v1/runs?state=running").json()["runs"]:
            self.assertIsNone(run.poll())
        number = server.get("/api/v1/runs?state=running").json()["runs"][0]["run"]
        seen = self.follow(server, "runs/%d/events" % number)
        self.assertEqual("start", next(seen)["event"])
        run.kill()
        run.wait(PATIENCE)
        rest = list(seen)
        self.assertEqual("interrupted", rest[-1]["data"]["state"])
        self.assertEqual([("b", "unfinished")], [(e["data"]["test"], e["data"]["status"]) for e in rest if e["event"] == "result"][1:])
        self.assertEqual((0, ""), server.stop())

    def test_all_runs(self):
        server = Server(self.dir)
        stream_of_runs = self.follow(server, "events")
        count = int(self.call_testr("stats").split(b"=")[1])
        run, pipe = self.start_run()
        begun = next(stream_of_runs)
        self.assertEqual(("run", "running", count), (begun["event"], begun["data"]["outcome"], begun["data"]["run"]))
        pipe.write(stream([("a", "fail", 1, None)]))
        pipe.close()
        run.wait(PATIENCE)
        ended = next(stream_of_runs)
        self.assertEqual((count, "failed"), (ended["data"]["run"], ended["data"]["outcome"]))
        self.load([("a", "success", 1, None)])
        self.load([("b", "success", 1, None)])
        later = self.follow(server, "events", ended["id"])
        # A run may be told twice: when it begins and when it ends.
        seen = set()
        while seen != {count + 1, count + 2}:
            event = next(later)
            self.assertGreater(event["data"]["run"], count)
            if event["data"]["state"] == "finished":
                seen.add(event["data"]["run"])
        again = self.follow(server, "events", begun["id"])
        self.assertEqual(ended, next(again))
        self.assertEqual(400, server.get("/api/v1/events", Last_Event_ID="1").status)
        self.assertEqual((0, ""), server.stop())


class Places(WebTest):
    def test_news_are_seen_at_once(self):
        for count in range(1, 6):
            self.load([("a", "success", 1, None)])
            for _ in range(8):
                self.assertEqual(count, len(self.json("/api/v1/runs")["runs"]))
        tag = self.get("/api/v1/runs").headers["ETag"]
        self.get("/api/v1/runs", 304, If_None_Match=tag)
        self.load([("a", "success", 1, None)])
        self.get("/api/v1/runs", 200, If_None_Match=tag)

    def test_socket(self):
        path = os.path.join(self.dir, "socket")
        for _ in range(2):
            server = Server(self.dir, bind="unix:" + path)
            self.assertEqual(0o600, os.stat(path).st_mode & 0o777)
            self.assertEqual(self.json("/api/v1/runs")["runs"], server.get("/api/v1/runs", Host="anything").json()["runs"])
            # A socket that was left behind is taken over.
            server.process.kill()
            server.process.communicate()
        server = Server(self.dir, bind="unix:" + path)
        self.assertEqual((0, ""), server.stop())
        self.assertFalse(os.path.exists(path))

    def test_no_repository(self):
        env = {**os.environ, "TESTR_REPOSITORY": self.postgres.url()} if self.postgres else None
        with self.assertRaisesRegex(AssertionError, "No repository found"):
            Server(os.path.join(self.dir, "none"), env=env)


setUpModule, tearDownModule = everywhere(globals())

if __name__ == "__main__":
    tap.main()
