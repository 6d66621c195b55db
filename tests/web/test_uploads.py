#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs that are sent to testr serve: by any client, and by load and run --to."""
import gzip
import hashlib
import http.client
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402
from webcase import PATIENCE, TESTR, Server, WebTest, everywhere, stream  # noqa: E402

RESULTS = [("pkg.test_%d" % n, "fail" if n == 3 else "success", 0.1, b"text" if n == 3 else None) for n in range(9)]
WRITER = {"Authorization": "Bearer writes"}


class Uploads(WebTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with open(os.path.join(cls.dir, "tokens"), "w") as f:
            f.write("# made by sha256sum\n\n")
            for token, scopes in ("reads", "read"), ("writes", "read,write"):
                f.write("%s %s %s\n" % (hashlib.sha256(token.encode()).hexdigest(), scopes, token))

    def setUp(self):
        self.server = Server(self.dir, "--token-file", os.path.join(self.dir, "tokens"))
        self.addCleanup(self.stop)

    def stop(self):
        self.assertEqual((0, ""), self.server.stop())

    def post(self, body, expect=201, path="/api/v1/runs", **headers):
        headers = {**WRITER, **{k.replace("_", "-"): v for k, v in headers.items()}}
        answer = self.server.request("POST", path, headers, body)
        self.assertEqual(expect, answer.status, answer)
        return answer

    def results(self, run):
        return [(r["test"], r["status"]) for r in self.pages("/api/v1/runs/%d/results" % run, "results")]

    def test_what_is_sent_is_stored(self):
        packets = stream(RESULTS)
        pieces = (packets[i:i + 100] for i in range(0, len(packets), 100))
        v1 = b"test: a\nsuccess: a\ntest: b\nfailure: b [\nwhy\n]\n"
        for body, expected in ((packets, RESULTS), (pieces, RESULTS), (gzip.compress(packets), RESULTS),
                               (b"noise\n" + packets, RESULTS), (v1, [("a", "success"), ("b", "fail")])):
            answer = self.post(body)
            run = answer.json()
            self.assertEqual("/api/v1/runs/%d" % run["run"], answer.headers["Location"])
            self.assertEqual(("finished", "failed", False), (run["state"], run["outcome"], run["partial"]))
            self.assertEqual([r[:2] for r in expected], self.results(run["run"]))
        self.assertTrue(self.post(packets, path="/api/v1/runs?partial=true").json()["partial"])

    def test_what_is_no_run(self):
        before = self.call_testr("stats")
        for body in b"", b"hello\n", gzip.compress(b"hello"), b"\x1f\x8b\x08\x00" + b"x" * 100, b"x" * 3000000:
            self.post(body, 422)
        self.assertEqual(before, self.call_testr("stats"))

    def test_sent_again(self):
        first = self.post(stream(RESULTS), Idempotency_Key="build 17").json()
        self.assertEqual(first, self.post(stream(RESULTS), 200, Idempotency_Key="build 17").json())
        self.assertNotEqual(first["run"], self.post(stream(RESULTS), Idempotency_Key="build 18").json()["run"])

    def test_cut_off(self):
        packets = stream(RESULTS)
        connection = self.server.connect()
        connection.putrequest("POST", "/api/v1/runs")
        for key, value in {**WRITER, "Content-Length": "1000000", "Idempotency-Key": "cut"}.items():
            connection.putheader(key, value)
        connection.endheaders()
        connection.send(packets)
        while not self.server.get("/api/v1/runs?state=running").json()["runs"]:
            self.assertIsNone(self.server.process.poll())
        (run,) = self.server.get("/api/v1/runs?state=running").json()["runs"]
        self.post(packets, 409, Idempotency_Key="cut")
        connection.close()
        while self.server.get("/api/v1/runs/%d" % run["run"]).json()["state"] == "running":
            self.assertIsNone(self.server.process.poll())
        self.assertEqual("interrupted", self.json("/api/v1/runs/%d" % run["run"])["state"])
        self.assertEqual([r[:2] for r in RESULTS], self.results(run["run"]))
        # It can be sent again, whole.
        self.assertEqual("finished", self.post(packets, Idempotency_Key="cut").json()["state"])

    def test_who_may(self):
        body = stream(RESULTS)
        for headers, status in (({}, 401), ({"Authorization": "Bearer reads"}, 403), ({"Authorization": "Bearer x"}, 403),
                                ({"Authorization": "Basic writes"}, 403), ({"Authorization": "Bearer "}, 403),
                                ({**WRITER, "Origin": "http://evil.example"}, 403), ({**WRITER, "Host": "evil"}, 421)):
            try:
                answer = self.server.request("POST", "/api/v1/runs", headers, body)
                self.assertEqual(status, answer.status, headers)
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                # Refused before the body was read.
                pass
        self.assertEqual(401, self.server.request("POST", "/api/v1/runs").status)
        self.assertEqual("Bearer realm=\"testr\"", self.server.request("POST", "/api/v1/runs").headers["WWW-Authenticate"])

    def test_changed_tokens(self):
        path = os.path.join(self.dir, "changed")

        def write(*tokens):
            with open(path, "w") as f:
                f.writelines("%s write x\n" % hashlib.sha256(token).hexdigest() for token in tokens)

        def status(token):
            return server.request("POST", "/api/v1/runs", {"Authorization": "Bearer " + token}).status

        write(b"a")
        server = Server(self.dir, "--token-file", path)
        self.assertEqual((422, 403), (status("a"), status("b")))
        write(b"b")
        self.assertEqual((403, 422), (status("a"), status("b")))
        write(b"a", b"b")
        self.assertEqual((422, 422), (status("a"), status("b")))
        with open(path, "a") as f:
            f.write("nonsense\n")
        self.assertEqual((422, 403), (status("a"), status("c")))
        os.unlink(path)
        self.assertEqual((403, 403), (status("a"), status("b")))
        write(b"b")
        self.assertEqual((403, 422), (status("a"), status("b")))
        code, complaints = server.stop()
        self.assertEqual(0, code)
        self.assertRegex(complaints, "^testr: the tokens stay as they were: .*, line 3: [^\n]*\n$")

    def test_reading_from_elsewhere_needs_a_token(self):
        for args, headers, status in (((), {}, 401), ((), {"Authorization": "Bearer reads"}, 200), (("--open",), {}, 200)):
            server = Server(self.dir, "--token-file", os.path.join(self.dir, "tokens"), *args, bind="0.0.0.0:0")
            self.assertEqual(status, server.request("GET", "/api/v1/runs", headers).status)
            self.assertEqual(421, server.request("GET", "/api/v1/runs", {**headers, "Host": "localhost"}).status)
            self.assertEqual((0, ""), server.stop())
        server = Server(self.dir, "--open", "--host", "ci.example, other", bind="0.0.0.0:0")
        self.assertEqual(200, server.request("GET", "/", {"Host": "CI.example:1"}).status)
        self.assertEqual(200, server.request("GET", "/", {"Host": "other"}).status)
        self.assertEqual((0, ""), server.stop())

    def test_bad_token_files(self):
        path = os.path.join(self.dir, "bad")
        for text, mode, words in (("abc read me\n", 0o600, "line 1"), ("a" * 64 + " all me\n", 0o600, "line 1"),
                                  ("", 0o666, "chmod o-w")):
            with open(path, "w") as f:
                f.write(text)
            os.chmod(path, mode)
            with self.assertRaisesRegex(AssertionError, words):
                Server(self.dir, "--token-file", path)

    def send(self, *args, input=b"", token="writes"):
        """From a repository in a directory of its own."""
        env = {key: value for key, value in os.environ.items() if key != "TESTR_REPOSITORY"}
        return subprocess.run([TESTR, *args], cwd=self.dir, input=input, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env={**env, "TESTR_TOKEN": token}, timeout=PATIENCE)

    def test_load_and_run_to(self):
        to = "http://%s:%d/" % (self.server.host, self.server.port)
        elsewhere = os.path.join(self.dir, "elsewhere")
        os.mkdir(elsewhere)
        self.assertEqual(0, self.send("init", "-d", elsewhere).returncode)
        with open(os.path.join(elsewhere, ".testr.conf"), "w") as f:
            f.write("[DEFAULT]\ntest_command=cat %s/packets\n" % elsewhere)
        with open(os.path.join(elsewhere, "packets"), "wb") as f:
            f.write(stream(RESULTS))
        for args, data in ((("load", "--meta", "a=b"), stream(RESULTS)), (("run", "--meta", "a=b"), b"")):
            sent = self.send(*args, "-d", elsewhere, "--to", to, input=data)
            self.assertEqual(1, sent.returncode, sent)
            number = int(sent.stdout.split()[-1])
            self.assertIn(b"sent to %s as run %d" % (to.encode(), number), sent.stdout)
            here = json.loads(self.send("info", "-1", "--json", "-d", elsewhere).stdout)["run"]
            there = self.json("/api/v1/runs/%d" % number)
            self.assertEqual({**here, "run": number}, there)
            self.assertEqual([r[:2] for r in RESULTS], self.results(number))
        refused = self.send("load", "-d", elsewhere, "--to", to, input=stream(RESULTS), token="reads")
        self.assertEqual(3, refused.returncode)
        self.assertIn(b"403", refused.stderr)


setUpModule, tearDownModule = everywhere(globals())

if __name__ == "__main__":
    tap.main()
