# SPDX-License-Identifier: Apache-2.0
"""Streams loaded as one run: shards of any version and packing, each with workers of its own."""
import gzip
import os
import shutil
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
for place in ("..", ".", "../repository"):
    sys.path.insert(0, os.path.join(HERE, place))
import tap  # noqa: E402
from project import ProjectTest  # noqa: E402
from test_interop import START, packet  # noqa: E402

CLOCK = START * 1000000


def shard(*tests, status="success"):
    """A stream; a test is an id, or an id and the number of the worker it says it was run by."""
    data = b""
    for n, test in enumerate(tests):
        name, tags = test if isinstance(test, tuple) else (test, None)
        tags = () if tags is None else ("worker-%d" % tags, "slow")
        data += packet(name, "inprogress", CLOCK + n, tags=tags) + packet(name, status, CLOCK + n + 1, tags=tags)
    return data


def version1(*tests):
    return b"".join(b"test: %s\nsuccess: %s\n" % (name, name) for name in (test.encode() for test in tests))


class Load(ProjectTest):
    def setUp(self):
        super().setUp()
        self.call("init", expect=0)

    def put(self, name, data):
        with open(self.path(name), "wb") as f:
            f.write(data)

    def workers(self):
        """The tests of each worker."""
        found = {}
        for worker in range(12):
            tests = self.lines("last", "--worker", str(worker), "--list", expect=0)
            if tests:
                found[worker] = sorted(tests)
        return found

    def test_shards_of_all_kinds_make_one_run(self):
        self.put("v2", shard("a", "b"))
        self.put("v1", version1("c", "d"))
        self.put("v2.gz", gzip.compress(shard("e")))
        self.put("v1.gz", gzip.compress(version1("f")))
        files = ["v2", "v1", "v2.gz", "v1.gz"]
        if shutil.which("zstd"):
            packed = subprocess.run(["zstd", "-c"], input=shard("h"), stdout=subprocess.PIPE, check=True).stdout
            self.put("v2.zst", packed)
            files.append("v2.zst")
        run = self.call("load", *files, "-", expect=0, input=shard("i"))
        self.assertIn("Ran %d tests" % (7 + len(files) - 4), run.out)
        self.assertEqual(["runs=1"], self.lines("stats"))
        workers = self.workers()
        self.assertEqual(list(range(len(files) + 1)), sorted(workers))
        self.assertEqual((["a", "b"], ["c", "d"], ["i"]), (workers[0], workers[1], workers[len(files)]))

    def test_one_stream_keeps_its_workers(self):
        self.call("load", expect=0, input=shard(("a", 3), ("b", 0), ("c", 3), "d"))
        self.assertEqual({0: ["b", "d"], 3: ["a", "c"]}, self.workers())

    def test_workers_of_several_streams_stay_apart(self):
        self.put("one", shard(("a", 0), ("b", 1), ("c", 0)))
        self.put("two", shard(("d", 1), ("e", 0), ("f", 2)))
        self.put("plain", shard("g"))
        self.call("load", "one", "two", "plain", expect=0)
        self.assertEqual({0: ["a", "c"], 1: ["d"], 2: ["g"], 3: ["b"], 4: ["e"], 5: ["f"]}, self.workers())

    def test_what_runs_say_is_loaded_as_it_was(self):
        """Both shards were runs of ours, with two workers each."""
        for name, tests in (("one", "pass.a pass.b fail.c pass.d"), ("two", "pass.e pass.f pass.g fail.h")):
            self.configure(tests)
            self.put(name, subprocess.run([os.environ["TESTR_BIN"], "run", "--parallel", "--concurrency=2", "--subunit"], cwd=self.dir,
                                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout)
        run = self.call("load", "one", "two", expect=1)
        self.assertIn("Ran 8 (+4) tests", run.out)
        self.assertEqual([2] * 4, [len(tests) for tests in self.workers().values()])
        self.assertEqual(["fail.c", "fail.h"], self.lines("failing", "--list", expect=1))

    def test_the_same_test_in_two_shards(self):
        self.put("one", shard("a"))
        self.put("two", shard("a", status="fail"))
        self.assertIn("Ran 2 tests", self.call("load", "one", "two", expect=1).out)
        self.assertEqual(["a"], self.lines("failing", "--list", expect=1))

    def test_a_missing_shard_stores_nothing(self):
        self.put("one", shard("a"))
        self.assertIn("Unexpected arguments: ['missing']", self.call("load", "one", "missing", expect=1).err)
        self.assertEqual(["runs=0"], self.lines("stats"))


if __name__ == "__main__":
    tap.main()
