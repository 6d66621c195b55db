#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a client may do to a project by testr serve."""
import hashlib
import json
import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402
from webcase import PATIENCE, GatedRun, Server, WebTest, everywhere, stream  # noqa: E402

RESULTS = [("pkg.test_a", "success", 0.1, None), ("pkg.test_b", "fail", 0.1, b"text")]
WRITER = {"Authorization": "Bearer writes"}


ENTRY = {"reason": "resets, T-118", "owner": "ana", "expires": "2199-12-31"}


class ActionsTest(WebTest):
    RUNS = (RESULTS,)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with open(os.path.join(cls.dir, "tokens"), "w") as f:
            for token, scopes in ("reads", "read"), ("writes", "write"):
                f.write("%s %s %s\n" % (hashlib.sha256(token.encode()).hexdigest(), scopes, "Ana's " + token))

    def setUp(self):
        self.server = Server(self.dir, "--token-file", os.path.join(self.dir, "tokens"))
        self.addCleanup(self.stop)

    def stop(self):
        self.assertEqual((0, ""), self.server.stop())

    def ask(self, method, path, expect, title=None, headers=WRITER, body=None):
        answer = self.server.request(method, path, headers, body)
        self.assertEqual(expect, answer.status, answer)
        if expect >= 400:
            self.assertEqual(title, answer.json()["title"], answer)
        return answer


class Cancelling(ActionsTest):
    def test_what_one_may(self):
        for headers, may in (({}, False), ({"Authorization": "Bearer reads"}, False), ({"Authorization": "Bearer no"}, False), (WRITER, True)):
            self.assertEqual({"write": may, "token": True, "quarantine": False}, self.ask("GET", "/api/v1", 200, headers=headers).json()["may"])
        self.assertEqual({"write": False, "token": False, "quarantine": False}, type(self).server.get("/api/v1").json()["may"])

    def cancelled(self, run):
        """The run when it is over."""
        while True:
            found = self.json("/api/v1/runs/%d" % run)
            if found["state"] != "running":
                return found

    def test_a_run_is_cancelled(self):
        with GatedRun(self.dir, ["pkg.test_a", "pkg.test_b"]) as going:
            going.say("success")
            run = going.wait_for(self.server)
            path = "/api/v1/runs/%d/cancel" % run
            self.ask("POST", path, 401, "token-needed", {})
            self.ask("POST", path, 403, "token-needed", {"Authorization": "Bearer reads"})
            self.ask("GET", path, 405, "wrong-method")
            self.ask("POST", path, 413, "no-body", body=b"x")
            self.assertIsNone(going.process.poll())
            if self.postgres:
                self.ask("POST", path, 409, "not-here")
                return
            self.assertEqual(run, self.ask("POST", path, 202).json()["run"])
            self.assertNotEqual(0, going.process.wait(PATIENCE))
            self.assertEqual([], going.suites())
            self.assertEqual("interrupted", self.cancelled(run)["state"])
            self.ask("POST", path, 409, "not-running")

    def test_what_cannot_be_cancelled(self):
        self.ask("POST", "/api/v1/runs/0/cancel", 409, "not-running")
        self.ask("POST", "/api/v1/runs/99/cancel", 404, "no-such-run")
        # One that is sent: the server itself writes it, whatever it says.
        connection = self.server.connect()
        self.addCleanup(connection.close)
        connection.putrequest("POST", "/api/v1/runs")
        for key, value in {**WRITER, "Content-Length": "1000000"}.items():
            connection.putheader(key, value)
        connection.endheaders()
        connection.send(stream(RESULTS))
        while not (runs := self.server.get("/api/v1/runs?state=running").json()["runs"]):
            self.assertIsNone(self.server.process.poll())
        self.ask("POST", "/api/v1/runs/%d/cancel" % runs[0]["run"], 409, "not-here")
        connection.close()
        self.cancelled(runs[0]["run"])


class Quarantine(ActionsTest):
    def setUp(self):
        self.path = os.path.join(self.dir, ".testr.quarantine")
        self.log = self.path + ".log"
        with open(self.path, "w") as f:
            f.write("# why\n\n[old]\nreason = r\nowner = o\nexpires = 2020-01-31\n")
        for name in self.path, self.log:
            self.addCleanup(lambda name=name: os.path.exists(name) and os.unlink(name))
        super().setUp()

    def text(self):
        with open(self.path) as f:
            return f.read()

    def put(self, test, expect=200, title=None, body=None, **headers):
        headers = {**WRITER, **{k.replace("_", "-"): v for k, v in headers.items()}}
        return self.ask("PUT", "/api/v1/quarantine/" + test, expect, title, headers, json.dumps(ENTRY if body is None else body))

    def test_what_one_may(self):
        self.assertTrue(self.ask("GET", "/api/v1", 200).json()["may"]["quarantine"])

    def test_changes(self):
        before = self.text()
        self.put("pkg.test_b")
        self.assertEqual(before + "\n[pkg.test_b]\nreason = resets, T-118\nowner = ana\nexpires = 2199-12-31\n", self.text())
        # It is what the command line sees, and what a run goes by.
        (entry,) = [e for e in json.loads(self.call_testr("quarantine", "list", "--json"))["tests"] if e["test"] == "pkg.test_b"]
        self.assertEqual(ENTRY, {key: entry[key] for key in ENTRY})
        self.put("a%2Fb%20%5B%23%5D", body={**ENTRY, "expires": "2100-01-01"})
        found = self.put("pkg.test_b", body={**ENTRY, "owner": " bo "}).json()
        self.assertEqual([("old", "2020-01-31", True, "o"), ("a/b [#]", "2100-01-01", False, "ana"), ("pkg.test_b", "2199-12-31", False, "bo")],
                         [(e["test"], e["expires"], e["expired"], e["owner"]) for e in found["tests"]])
        self.assertEqual([("Ana's writes", "pkg.test_b", "changed"), ("Ana's writes", "a/b [#]", "added"), ("Ana's writes", "pkg.test_b", "added")],
                         [(c["who"], c["test"], c["change"]) for c in found["changes"]])
        with open(self.log) as f:
            self.assertEqual(found["changes"], [json.loads(line) for line in f][::-1])
        self.assertEqual(found, self.json("/api/v1/quarantine"))
        for test in "pkg.test_b", "a%2Fb%20%5B%23%5D":
            found = self.ask("DELETE", "/api/v1/quarantine/" + test, 200).json()
        self.assertEqual(before, self.text())
        self.assertEqual("removed", found["changes"][0]["change"])
        self.ask("DELETE", "/api/v1/quarantine/pkg.test_b", 404, "not-in-quarantine")

    def test_what_is_refused(self):
        before = self.text()
        for field in ENTRY:
            for body in ({k: v for k, v in ENTRY.items() if k != field}, {**ENTRY, field: 1}, {**ENTRY, field: " "}, {**ENTRY, field: "a\n[b]"}):
                self.assertIn('"%s"' % field, self.put("t", 422, "bad-field", body).json()["detail"])
        for day in "tomorrow", "2199-02-30", "2020-01-01":
            self.assertIn('"expires"', self.put("t", 422, "bad-field", {**ENTRY, "expires": day}).json()["detail"])
        self.put("t", 400, "bad-body", {**ENTRY, "more": ""})
        self.put("a%0Ab", 422, "bad-test")
        self.put("h:0000000000000000", 404, "no-such-test")
        for body in b"", b"[]", b"{", b"\xff", b'{"reason":"a","reason":"b"}':
            self.ask("PUT", "/api/v1/quarantine/t", 400, "bad-body", body=body)
        self.ask("PUT", "/api/v1/quarantine/t", 413, "too-large", body=b" " * 100000)
        for method in "PUT", "DELETE":
            self.ask(method, "/api/v1/quarantine/old", 401, "token-needed", {})
            self.ask(method, "/api/v1/quarantine/old", 403, "token-needed", {"Authorization": "Bearer reads"})
            self.ask(method, "/api/v1/quarantine/old", 403, "foreign-origin", {**WRITER, "Origin": "http://evil.example"})
        self.assertEqual(before, self.text())
        self.assertFalse(os.path.exists(self.log))

    def test_only_what_was_seen_is_changed(self):
        for gzip in "gzip", "identity":
            seen = self.get("/api/v1/quarantine", Accept_Encoding=gzip).headers["ETag"]
            self.get("/api/v1/quarantine", 304, If_None_Match=seen, Accept_Encoding=gzip)
            self.put("one", If_Match=seen, If_None_Match="*")
            self.put("two", 412, "changed", If_Match=seen)
            self.ask("DELETE", "/api/v1/quarantine/one", 412, "changed", {**WRITER, "If-Match": seen})
            self.get("/api/v1/quarantine", 200, If_None_Match=seen, Accept_Encoding=gzip)
            self.assertNotIn("[two]", self.text())
            now = self.get("/api/v1/quarantine", Accept_Encoding=gzip).headers["ETag"]
            with open(self.path, "a") as f:
                f.write("# by hand\n")
            self.put("one", 412, "changed", If_Match=now)

    def test_none_is_lost(self):
        """By several clients, and the command line, at once."""
        threads = [threading.Thread(target=lambda n=n: [self.put("test_%d_%d" % (n, i)) for i in range(8)]) for n in range(3)]
        for thread in threads:
            thread.start()
        for i in range(4):
            self.call_testr("quarantine", "add", "cli_%d" % i, "--reason=r", "--owner=o", "--expires=2199-01-01")
        for thread in threads:
            thread.join()
        found = self.json("/api/v1/quarantine")
        self.assertEqual(1 + 3 * 8 + 4, len(found["tests"]))
        self.assertEqual(3 * 8, len(found["changes"]))

    def test_without_a_project(self):
        os.unlink(self.path)
        server = Server(self.dir)
        self.assertEqual((404, "no-project"), (server.get("/api/v1/quarantine").status, server.get("/api/v1/quarantine").json()["title"]))
        self.assertEqual((0, ""), server.stop())


setUpModule, tearDownModule = everywhere(globals())

if __name__ == "__main__":
    tap.main()
