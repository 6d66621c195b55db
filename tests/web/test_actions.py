#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a client may do to a project by testr serve."""
import hashlib
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402
from webcase import PATIENCE, GatedRun, Server, WebTest, everywhere, stream  # noqa: E402

RESULTS = [("pkg.test_a", "success", 0.1, None), ("pkg.test_b", "fail", 0.1, b"text")]
WRITER = {"Authorization": "Bearer writes"}


class Actions(WebTest):
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

    def test_what_one_may(self):
        for headers, may in (({}, False), ({"Authorization": "Bearer reads"}, False), ({"Authorization": "Bearer no"}, False), (WRITER, True)):
            self.assertEqual({"write": may, "token": True}, self.ask("GET", "/api/v1", 200, headers=headers).json()["may"])
        self.assertEqual({"write": False, "token": False}, type(self).server.get("/api/v1").json()["may"])

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


setUpModule, tearDownModule = everywhere(globals())

if __name__ == "__main__":
    tap.main()
