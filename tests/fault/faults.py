# SPDX-License-Identifier: Apache-2.0
"""What the fault suites share: projects, streams, and a model of what a repository has to answer after them."""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "..", "cli")]
from project import PATIENCE, TESTR, ProjectTest  # noqa: E402
from suite import packet  # noqa: E402

REPO_TOOL = os.environ.get("REPO_TOOL", "repo_tool")
MARK = "left out: the disk was full"


def stream(results, attachment=b""):
    """Results are pairs of a test and its status; a failing one has a traceback beside the attachment."""
    packets = []
    for test, status in results:
        packets.append(packet(test, "inprogress"))
        if attachment:
            packets.append(packet(test, "", ("log", attachment)))
        packets.append(packet(test, status, ("traceback", b"it failed\n") if status == "fail" else None))
    return b"".join(packets)


def suite(count, every, name="pkg.test_%04d"):
    """That many results; each `every`th fails."""
    return [(name % i, "fail" if i % every == 0 else "success") for i in range(count)]


class Model:
    """The failing tests of a repository, by folding its runs."""

    def __init__(self):
        self.failing = set()

    def fold(self, results, whole):
        if whole:
            self.failing = set()
        for test, status in results:
            if status == "fail":
                self.failing.add(test)
            else:
                self.failing.discard(test)


class FaultTest(ProjectTest):
    def tool(self, *args, directory=None):
        done = subprocess.run([REPO_TOOL, directory or self.dir, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=PATIENCE, env=self.env)
        self.assertEqual(0, done.returncode, done.stderr.decode())
        return done.stdout.decode().splitlines()

    def states(self):
        """The state of each run by its id; that they are read repairs what is to be repaired."""
        return {int(line.split()[0]): line.split()[1] for line in self.tool("runs")}

    def stored_results(self, run):
        """Of tests that have ended."""
        pairs = [line.split()[:2] for line in self.tool("run", str(run))]
        return [(test, status) for status, test in pairs if status != "inprogress"]

    def stored_failing(self):
        return {line.split()[1] for line in self.tool("failing")}

    def shown(self, text):
        """The failures that a person has seen."""
        return [line.split()[1] for line in text.splitlines() if line.startswith("FAIL: ")]

    def load(self, results, *args, expect=None, attachment=b""):
        return self.call("load", *args, input=stream(results, attachment), expect=expect)
