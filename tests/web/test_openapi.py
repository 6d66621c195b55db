#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The server does what docs/openapi.json says: every path, every parameter, the errors."""
import json
import os
import re
import sys
import xml.etree.ElementTree
from urllib.parse import quote

import jsonschema

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402
from webcase import ODD, WebTest, everywhere  # noqa: E402

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
    "show": ("partly", "some"), "test": ("pkg.test_3", None)}


class Document(WebTest):
    RUNS = (RESULTS, RESULTS)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for search in "another", "search":
            cls.load(RESULTS, "--meta=probe=bisect", "--meta=bisect.id=" + search, "--meta=bisect.victim=pkg.test_3", "--meta=bisect.run=0")
        cls.document = cls.server.get("/openapi.json").json()

    def resolve(self, item):
        while "$ref" in item:
            found = self.document
            for part in item["$ref"][2:].split("/"):
                found = found[part]
            item = found
        return item

    def gets(self):
        for path, methods in self.document["paths"].items():
            get = methods["get"]
            yield path, get, [self.resolve(p) for p in get["parameters"]]

    @staticmethod
    def fill(path, missing=None):
        return re.sub(r"\{(\w+)\}", lambda m: quote(PARTS[m.group(1)][m.group(1) == missing], safe=""), path)

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
                right, wrong = PARAMS[param["name"]]
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

    def test_other_methods(self):
        for path, methods in self.document["paths"].items():
            for method in "PUT", "DELETE", "PATCH", "POST":
                if method.lower() not in methods:
                    self.assertEqual(405, self.server.request(method, self.fill(path)).status, (method, path))


setUpModule, tearDownModule = everywhere(globals())

if __name__ == "__main__":
    tap.main()
