#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The server does what docs/openapi.json says: every path, every parameter, the errors."""
import hashlib
import json
import os
import re
import sys
import xml.etree.ElementTree
from urllib.parse import quote

import jsonschema

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402
from webcase import ODD, GatedRun, Server, WebTest, everywhere, stream  # noqa: E402

SOURCE = os.environ.get("TESTR_SOURCE") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
RESULTS = [("pkg.test_%d" % n, "fail" if n == 3 else "success", 0.1, b"text" if n == 3 else None) for n in range(9)] + [
    (ODD, "skip", 0.1, b"why"), ("pkg.never", "unfinished", 0.1, None)]
# A value that there is for each part of a path, and one that there is not.
PARTS = {"run": ("1", "99"), "base": ("0", "99"), "test": ("pkg.test_3", "none"), "attempt": ("1", "7"), "name": ("traceback", "none"),
         "search": ("search", "none")}
# A value for each parameter that is right, and one that is wrong, where any is.
PARAMS = {
    "limit": ("2", "0"), "state": ("finished,running", "dead"), "since": ("2020-01-01", "soon"), "until": ("2040-01-01T00:00:00Z", "x"),
    "status": ("fail,skip", "bad"), "worker": ("1", "-1"), "q": ("test", None), "sort": ("test", "name"), "prefix": ("pkg", None),
    "from": ("2020-01-01", "x"), "to": ("2040-01-01", "x"), "max": ("10", "5001"), "resolution": ("hour", "year"),
    "group_by": ("host", None), "window": ("20", "-1"), "meta.KEY": ("", None), "cursor": (None, None), "profile": ("none", "mars"),
    "show": ("partly", "some"), "test": ("pkg.test_3", None), "partial": ("true", "x")}
ENTRY = {"reason": "resets", "owner": "ana", "expires": "2199-12-31"}
WRITER = {"Authorization": "Bearer writes"}


class Document(WebTest):
    RUNS = (RESULTS, RESULTS)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for search in "another", "search":
            cls.load(RESULTS, "--meta=probe=bisect", "--meta=bisect.id=" + search, "--meta=bisect.victim=pkg.test_3", "--meta=bisect.run=0")
        with open(os.path.join(cls.dir, ".testr.quarantine"), "w") as f:
            f.write("# none\n")
        # The project is looked for at the start.
        cls.end()
        cls.server = Server(cls.dir)
        cls.document = cls.server.get("/openapi.json").json()
        with open(os.path.join(cls.dir, "tokens"), "w") as f:
            for token, scope in ("reads", "read"), ("writes", "write"):
                f.write("%s %s %s\n" % (hashlib.sha256(token.encode()).hexdigest(), scope, token))

    def resolve(self, item):
        while "$ref" in item:
            found = self.document
            for part in item["$ref"][2:].split("/"):
                found = found[part]
            item = found
        return item

    def operations(self, *methods):
        for path, operations in self.document["paths"].items():
            for method, operation in operations.items():
                if method in methods:
                    yield path, method, operation, [self.resolve(p) for p in operation["parameters"]]

    def gets(self):
        for path, _, get, params in self.operations("get"):
            yield path, get, params

    def values(self, parameter):
        """One that is right and one that is wrong, or None: those of the tables, or what the document has."""
        name, schema = parameter["name"], parameter["schema"]
        table = PARTS if parameter["in"] == "path" else PARAMS
        if name in table:
            return table[name]
        right = parameter.get("example", schema.get("default", schema.get("enum", [None])[0]))
        self.assertIsNotNone(right, "the document, or this file, needs an example of the parameter " + name)
        unconstrained = schema.get("type") == "string" and not {"enum", "pattern", "format", "anyOf"} & set(schema)
        return str(right), None if unconstrained else "none\\"

    def fill(self, path, missing=None):
        def value(match):
            (parameter,) = [p for p in (self.resolve(p) for m in self.document["paths"][path].values() for p in m["parameters"])
                            if (p["in"], p["name"]) == ("path", match.group(1))][:1]
            right, wrong = self.values(parameter)
            return quote((wrong or "none") if match.group(1) == missing else right, safe="")
        return re.sub(r"\{(\w+)\}", value, path)

    def check(self, value, schema):
        jsonschema.Draft202012Validator({**schema, "components": self.document["components"]}).validate(value)

    def test_is_what_is_kept(self):
        with open(os.path.join(SOURCE, "docs", "openapi.json"), encoding="utf-8") as f:
            self.assertEqual(json.load(f), self.document)

    def test_paths_are_the_routes(self):
        with open(os.path.join(SOURCE, "src", "web", "api.c"), encoding="utf-8") as f:
            text = re.sub(r'"\s+"', "", f.read())
        rows = re.findall(r'\{METHOD_(\w+), (V1 )?(?:"([^"]*)"|V1), "([^"]*)"', text.replace('V1, "', 'V1 "", "'))
        routes = {}
        for method, v1, pattern, params in rows:
            if not pattern.startswith("/compat/"):
                routes[method.lower(), ("/api/v1" if v1 else "") + pattern] = {p + "KEY" if p[-1] == "." else p for p in params.split()}
        described = {}
        for path, methods in self.document["paths"].items():
            for method, operation in methods.items():
                names = {self.resolve(p)["name"] for p in operation["parameters"] if self.resolve(p)["in"] == "query"}
                described[method, path] = names
        self.assertEqual(routes, {k: v for k, v in described.items() if k[1] != "/openapi.json"})

    def test_answers_have_their_schemas(self):
        for path, get, _ in self.gets():
            # These go on; test_serve looks at them.
            if "text/event-stream" in get["responses"]["200"]["content"]:
                continue
            answer = self.get(self.fill(path))
            kind = answer.headers["Content-Type"].split(";")[0]
            self.assertIn(kind, get["responses"]["200"]["content"], path)
            schema = get["responses"]["200"]["content"][kind]["schema"]
            if kind == "application/json":
                self.check(answer.json(), schema)
            elif kind.endswith("xml"):
                xml.etree.ElementTree.fromstring(answer.body)

    def test_lists_by_line(self):
        for path, get, _ in self.gets():
            if "application/x-ndjson" not in get["responses"]["200"]["content"]:
                continue
            answer = self.get(self.fill(path), Accept="application/x-ndjson")
            self.assertEqual("application/x-ndjson", answer.headers["Content-Type"], path)
            for line in answer.body.splitlines():
                self.check(json.loads(line), get["responses"]["200"]["content"]["application/x-ndjson"]["schema"])

    def test_parameters(self):
        for path, get, params in self.gets():
            for param in params:
                if param["in"] != "query":
                    continue
                name = param["name"].replace("KEY", "host")
                right, wrong = self.values(param)
                base = self.fill(path) + "?" + name + "="
                if right is not None:
                    answer = self.get(base + quote(right, safe=""))
                    if answer.headers["Content-Type"] == "application/json":
                        self.check(answer.json(), get["responses"]["200"]["content"]["application/json"]["schema"])
                if wrong is not None:
                    self.assertIn("400", get["responses"], path)
                    self.check(self.json(base + quote(wrong, safe=""), 400), self.document["components"]["schemas"]["Problem"])
            if path != "/openapi.json":
                self.assertEqual("unknown-parameter", self.json(self.fill(path) + "?nonsense=1", 400)["title"])

    def test_what_is_not_there(self):
        for path, get, _ in self.gets():
            for part in re.findall(r"\{(\w+)\}", path):
                self.assertIn("404", get["responses"], path)
                self.check(self.json(self.fill(path, part), 404), self.document["components"]["schemas"]["Problem"])

    def test_cursors(self):
        for path, get, params in self.gets():
            if "cursor" not in {p["name"] for p in params}:
                continue
            (key,) = set(self.json(self.fill(path))) - {"next"}
            self.assertEqual(self.json(self.fill(path) + "?limit=1000")[key], self.pages(self.fill(path) + "?limit=1", key), path)

    def answers(self, path, operation, params):
        """Requests, (method, path, headers, body), for each status that an answer to GET may have."""
        full = self.fill(path)
        yield "200", ("GET", full, {}, None)
        yield "204", ("GET", full, {"Last-Event-ID": "end"}, None)
        yield "206", ("GET", full, {"Range": "bytes=0-0"}, None)
        yield "416", ("GET", full, {"Range": "bytes=999999999-"}, None)
        wrong = [(p, self.values(p)[1]) for p in params if p["in"] == "query"]
        yield "400", ("GET", full, {"Last-Event-ID": "x"}, None)
        yield "400", ("GET", full + "?nonsense=1", {}, None)
        yield from (("400", ("GET", full + "?" + p["name"] + "=" + quote(value, safe=""), {}, None)) for p, value in wrong if value)
        yield from (("404", ("GET", self.fill(path, part), {}, None)) for part in re.findall(r"\{(\w+)\}", path))

    def uploads(self, path, operation, params):
        """The same for POST of a run."""
        run, keyed = stream(RESULTS), {**WRITER, "Idempotency-Key": "k"}
        yield "201", ("POST", path, keyed, run)
        yield "200", ("POST", path, keyed, run)
        yield "400", ("POST", path + "?partial=x", WRITER, run)
        yield "401", ("POST", path, {}, None)
        yield "403", ("POST", path, {"Authorization": "Bearer reads"}, None)
        yield "422", ("POST", path, WRITER, b"hello\n")
        # As many as there may be, each of which has begun a run, and one more.
        begun = []
        for n in range(16):
            connection = self.writable.connect()
            self.addCleanup(connection.close)
            connection.putrequest("POST", path)
            for key, value in {**WRITER, "Content-Length": "1000000", "Idempotency-Key": "open %d" % n}.items():
                connection.putheader(key, value)
            connection.endheaders()
            connection.send(run)
            begun.append(connection)
            while len(self.writable.get("/api/v1/runs?state=running").json()["runs"]) <= n:
                self.assertIsNone(self.writable.process.poll())
        yield "503", ("POST", path, WRITER, None)
        begun.pop().close()
        while len(self.writable.get("/api/v1/runs?state=running").json()["runs"]) > 15:
            self.assertIsNone(self.writable.process.poll())
        yield "409", ("POST", path, {**WRITER, "Idempotency-Key": "open 0"}, run)

    def cancels(self, path, operation, params):
        """The same for POST that ends one."""
        yield "401", ("POST", self.fill(path), {}, None)
        yield "403", ("POST", self.fill(path), {"Authorization": "Bearer reads"}, None)
        yield "404", ("POST", self.fill(path, "run"), WRITER, None)
        yield "409", ("POST", self.fill(path), WRITER, None)
        # Streams in a database do not say who writes them: test_actions has that.
        if not self.postgres:
            with GatedRun(self.dir, ["pkg.test_3"]) as going:
                yield "202", ("POST", "/api/v1/runs/%d/cancel" % going.wait_for(self.writable), WRITER, None)

    def quarantines(self, path, operation, params):
        """The same for PUT, and then DELETE, of a test in quarantine."""
        full = self.fill(path)
        method, body = ("PUT", json.dumps(ENTRY)) if "requestBody" in operation else ("DELETE", None)
        yield "200", (method, full, WRITER, body)
        yield "400", (method, full, WRITER, "[]" if body else None)
        yield "401", (method, full, {}, body)
        yield "403", (method, full, {"Authorization": "Bearer reads"}, body)
        yield "404", (method, path.replace("{test}", "h:0000000000000000"), WRITER, body)
        yield "412", (method, full, {**WRITER, "If-Match": '"old"'}, body)
        yield "422", (method, full, WRITER, "{}" if body else None)

    def test_every_answer_that_is_documented(self):
        kinds = {"/api/v1/runs": self.uploads, "/api/v1/runs/{run}/cancel": self.cancels, "/api/v1/quarantine/{test}": self.quarantines}
        self.writable = Server(self.dir, "--token-file", os.path.join(self.dir, "tokens"))
        for path, method, operation, params in self.operations("get", "post", "put", "delete"):
            missing = set(operation["responses"]) - {"default"}
            # It never ends.
            if path == "/api/v1/events":
                missing.discard("200")
            if path == "/api/v1/runs/{run}/cancel" and self.postgres:
                missing.discard("202")
            for status, request in (self.answers if method == "get" else kinds[path])(path, operation, params):
                if status not in missing:
                    continue
                answer = self.writable.request(request[0], request[1], request[2], request[3])
                if str(answer.status) != status:
                    continue
                missing.discard(status)
                content = self.resolve(operation["responses"][status]).get("content", {})
                kind = answer.headers.get("Content-Type", "").split(";")[0]
                self.assertTrue(kind in content if content else not answer.body, (path, status, kind))
                if kind.endswith("json"):
                    self.check(answer.json(), content[kind]["schema"])
            self.assertEqual(set(), missing, "there are no such answers of " + path)
        self.assertEqual((0, ""), self.writable.stop())

    def test_other_methods(self):
        for path, methods in self.document["paths"].items():
            for method in "PUT", "DELETE", "PATCH", "POST":
                if method.lower() not in methods:
                    self.assertEqual(405, self.server.request(method, self.fill(path)).status, (method, path))


setUpModule, tearDownModule = everywhere(globals())

if __name__ == "__main__":
    tap.main()
