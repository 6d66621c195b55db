#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""schemathesis, with docs/openapi.json, against a server of a repository with everything in it that is odd: whatever is asked,
the answer is one that the document has. With TESTR_LONG for longer."""
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import pages_repository  # noqa: E402
import tap  # noqa: E402
from webcase import TESTR, Server, stream  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGES = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "testr-pypi")
# Parts of paths that the repository has; others are made from the document as well.
THERE = {"run": ["1", "latest", "-2"], "base": ["0"], "attempt": [1], "name": ["traceback"], "search": ["found"],
         "test": ["attack.binary", "attack.test_00", pages_repository.NAMES[0], pages_repository.NAMES[5]]}


class Any(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="testr-test-")
        self.addCleanup(directory.cleanup)
        self.dir = directory.name
        os.environ.pop("TESTR_REPOSITORY", None)
        subprocess.run([sys.executable, os.path.join(HERE, "pages_repository.py"), self.dir, "6"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([TESTR, "load", "--meta=probe=bisect", "--meta=bisect.id=found", "--meta=bisect.victim=attack.test_00", "--meta=bisect.run=1"],
                       cwd=self.dir, check=True, input=stream([(t, "success", 1, None) for t in ("attack.test_01", "attack.test_00")]), stdout=subprocess.DEVNULL)
        with open(os.path.join(self.dir, "tokens"), "w") as f:
            f.write("%s write x\n" % hashlib.sha256(b"writes").hexdigest())
        with open(os.path.join(self.dir, ".testr.quarantine"), "w") as f:
            f.write("[attack.test_00]\nreason = r\nowner = o\nexpires = 2199-12-31\n")
        self.server = Server(self.dir, "--token-file", os.path.join(self.dir, "tokens"))
        self.addCleanup(self.stop)

    def stop(self):
        self.assertEqual((0, ""), self.server.stop())

    def document(self):
        """That of the server; what names something there may also be one of THERE."""
        document = self.server.get("/openapi.json").json()
        for name, parameter in document["components"]["parameters"].items():
            if parameter["in"] == "path" and name in THERE:
                parameter["schema"] = {"anyOf": [{"enum": THERE[name]}, parameter["schema"]]}
            if (parameter["in"], name) == ("query", "profile"):
                # There are no others.
                parameter["schema"] = {"enum": ["none"]}
        # This one never ends.
        del document["paths"]["/api/v1/events"]
        path = os.path.join(self.dir, "openapi.json")
        with open(path, "w") as f:
            json.dump(document, f)
        # A range may lie behind the end, a tag be an old one, and a text no line or a day over.
        with open(os.path.join(self.dir, "schemathesis.toml"), "w") as f:
            f.write("[checks]\npositive_data_acceptance.expected-statuses = [%s]\n" % ", ".join(
                '"%s"' % status for status in ("2xx", 401, 403, 404, 409, 412, 416, 422)))
        return path

    def test_documented_answers_only(self):
        done = subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", "run", self.document(), "--url=http://%s:%d" % (self.server.host, self.server.port),
             "--header=Authorization: Bearer writes", "--phases=examples,coverage,fuzzing", "--continue-on-failure", "--no-color",
             "--max-examples=%d" % (300 if tap.LONG else 3), "--seed=8", "--generation-deterministic", "--generation-allow-x00=false",
             "--output-sanitize=false"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=self.dir,
            env={**os.environ, "PYTHONPATH": PACKAGES, "SCHEMATHESIS_HOOKS": os.path.join(HERE, "schemathesis_hooks.py")})
        self.assertEqual(0, done.returncode, done.stdout.decode())


if __name__ == "__main__":
    tap.main()
