# SPDX-License-Identifier: Apache-2.0
"""What is done with stored runs: prune, export, import, sync, repository."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
for place in ("..", ".", "../repository"):
    sys.path.insert(0, os.path.join(HERE, place))
import tap  # noqa: E402
from project import TESTR, ProjectTest  # noqa: E402
from test_ask import SCHEMA, jsonschema  # noqa: E402
from test_interop import START, packet  # noqa: E402

CLOCK = START * 1000000


class Keep(ProjectTest):
    def setUp(self):
        super().setUp()
        self.call("init", expect=0)
        self.other = tempfile.mkdtemp(prefix="testr-test-")
        self.addCleanup(shutil.rmtree, self.other)

    def load(self, *tests, place=None):
        """A run of a part of the suite: ids, with "!" before those that fail."""
        data = b"".join(packet(t.strip("!"), "fail" if t[0] == "!" else "success", CLOCK) for t in tests)
        self.call("load", "-q", "--partial", *(["-d", place] if place else []), input=data)

    def json(self, *args, expect=0):
        answer = json.loads(self.call(*args, "--json", expect=expect).out)
        if jsonschema:
            jsonschema.validate(answer, SCHEMA)
        return answer

    def ids(self, place=None):
        return sorted(int(name) for name in os.listdir(os.path.join(place or self.dir, ".testrepository", "streams")) if name.isdigit())

    def test_prune(self):
        for n in range(6):
            self.load("!t.%d" % n)
        failing = self.call("failing", "--subunit").out
        self.assertEqual("would remove 4 runs: 0-3\n", self.call("prune", "--keep", "2", "--dry-run", expect=0).out)
        self.assertEqual(([0, 1, 2, 3], True), (lambda a: (a["removed"], a["dry_run"]))(self.json("prune", "--keep=2", "--dry-run")))
        self.assertEqual("removed 3 runs: 0, 2-3\n", self.call("prune", "3", "0", "2", "0", expect=0).out)
        self.assertEqual([1, 4, 5], self.ids())
        self.assertEqual("there is nothing to remove\n", self.call("prune", "--keep", "1", "--older-than", "4000w", expect=0).out)
        self.assertEqual("removed 2 runs: 1, 4\n", self.call("prune", "--older-than", "0s", expect=0).out)
        self.assertEqual((failing, "runs=6\n"), (self.call("failing", "--subunit").out, self.call("stats").out))
        self.assertIn("no run 17", self.call("prune", "17", expect=3).err)
        for wrong in ([], ["3", "--keep", "1"], ["--older-than", "long"], ["--keep", "-1"], ["x"]):
            self.call("prune", *wrong, expect=2)
        self.call("repository", "rebuild", expect=0)
        self.assertEqual(failing, self.call("failing", "--subunit").out)

    def test_export_and_import(self):
        self.load("!a", "b")
        self.load("b", "!c")
        self.call("init", "-d", self.other, expect=0)
        for name, said in (("all", "imported 2, here already 0\n"), ("all.gz", "imported 0, here already 2\n"), ("all.zst", "imported 0, here already 2\n")):
            self.call("export", "--all", "-o", name, expect=0)
            self.assertEqual(said, self.call("import", "-d", self.other, name, expect=0).out)
        self.assertEqual([], [name for name in os.listdir(self.dir) if name.startswith("all.") and name not in ("all.gz", "all.zst")])
        for question in (["last"], ["last", "-r", "0"], ["failing"], ["slowest"], ["stats"]):
            self.assertEqual(self.call(*question).out, self.call(*question, "-d", self.other).out)
        self.call("export", "0", "--output=one", expect=0)
        one = subprocess.run([TESTR, "export", "0"], cwd=self.dir, stdout=subprocess.PIPE, check=True).stdout
        self.assertEqual((0, 1), (lambda a: (a["imported"], a["known"]))(self.json("import", "-d", self.other, "one")))
        self.assertIn("here already 1", self.call("import", "-", "-d", self.other, input=one).out)
        self.assertIn("`testr load`", self.call("import", "-", input=packet("a", "success", CLOCK), expect=3).err)
        self.call("export", "--all", "1", expect=2)
        self.call("export", "-o", "/nonexistent/file", expect=3)

    def test_sync(self):
        self.call("init", "-d", self.other, expect=0)
        self.load("!a", "b")
        self.load("!x", "y", place=self.other)
        self.load("a")
        self.assertEqual("would push 0\nwould push 1\nwould have pushed 2 runs, pulled 0\n", self.call("sync", self.other, "--push", "--dry-run", expect=0).out)
        would = self.json("sync", self.other, "--dry-run")
        self.assertEqual(([0, 1], [0], 0), ([r["run"] for r in would["pushed"]], [r["run"] for r in would["pulled"]], would["running"]))
        self.assertEqual("pushed 2 runs, pulled 1\n", self.call("sync", self.other, expect=0).out)
        self.assertEqual("pushed 0 runs, pulled 0\n", self.call("sync", self.other, expect=0).out)
        self.assertEqual(["x"], self.lines("failing", "--list"))
        self.assertEqual(["x"], self.lines("failing", "--list", "-d", self.other))
        self.load("z", place=self.other)
        self.assertEqual("pushed 0 runs, pulled 0\n", self.call("sync", self.other, "--push", expect=0).out)
        self.assertEqual("pushed 0 runs, pulled 1\n", self.call("sync", self.other, "--pull", expect=0).out)
        self.call("sync", expect=2)
        self.call("sync", self.other + "/nothing", expect=3)

    def test_repository(self):
        self.load("!a", "b")
        self.assertEqual("nothing is wrong\n", self.call("repository", "check", expect=0).out)
        self.assertIn("format 2 already", self.call("repository", "upgrade", expect=3).err)
        with open(self.path(".testrepository/index.sqlite"), "wb") as index:
            index.write(b"nonsense")
        self.assertIn("testr repository rebuild", self.call("last", expect=3).err)
        self.assertEqual(1, self.json("repository", "rebuild")["runs"])
        self.assertEqual(["a"], self.lines("failing", "--list", expect=1))
        os.unlink(self.path(".testrepository/streams/0"))
        self.assertEqual({"run": 0, "problem": "its stream is missing"}, self.json("repository", "check", expect=1)["problems"][0])
        self.assertEqual("run 0: its stream is missing\n", self.call("repository", "check", expect=1).out.splitlines(True)[0])
        self.assertIn("format 2 already", self.call("repository", "upgrade", "-R", "sqlite:.testrepository", expect=3).err)
        self.assertIn("No repository found", self.call("repository", "upgrade", "-R", "nowhere", expect=3).err)
        self.assertIn("no index", self.call("repository", "rebuild", "-R", "memory:", expect=3).err)
        os.mkdir(self.path("old"))
        self.call("init", "-d", "old", "--format=1", expect=0)
        self.assertIn("repository upgrade", self.call("prune", "-d", "old", "--keep=1", expect=3).err)
        self.assertEqual(0, self.json("repository", "upgrade", "-d", "old")["runs"])
        for wrong in ([], ["mend"], ["check", "rebuild"]):
            self.call("repository", *wrong, expect=2)


if __name__ == "__main__":
    tap.main()
