# SPDX-License-Identifier: Apache-2.0
"""A .stestr directory in the hands of two programs: Debian's stestr and ours (TESTR_BIN), in turns and at the same time."""

import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap  # noqa: E402
from test_interop import EXACT, PYTHON, START, packet, random_stream  # noqa: E402

STESTR = "/usr/bin/stestr"
TESTR = os.environ.get("TESTR_BIN", "testr")

# Stores runs by stestr's own code as fast as it can, until its standard input ends. Of its own runs some may be lost: it takes no lock.
BUSY = """
import select, sys
from stestr.repository.file import RepositoryFactory
repository = RepositoryFactory().open(sys.argv[1])
print("ready", flush=True)
n = 0
while not select.select([sys.stdin], [], [], 0)[0]:
    n += 1
    try:
        inserter = repository.get_inserter()
        inserter.startTestRun()
        inserter.status(test_id="python.%d" % n, test_status="success")
        inserter.stopTestRun()
    except (OSError, ValueError, KeyError):
        pass
"""


class Stestr(unittest.TestCase):
    def setUp(self):
        if not os.access(STESTR, os.X_OK):
            self.skipTest("stestr is not installed")
        self.place = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.place)
        self.stestr("init")

    def call(self, command, stdin=b"", codes=(0, 1)):
        done = subprocess.run(command, input=stdin, cwd=self.place, capture_output=True, env=dict(os.environ, LC_ALL="C.UTF-8"))
        self.assertIn(done.returncode, codes, done.stderr.decode(errors="replace"))
        return done.stdout

    def stestr(self, *arguments, **how):
        return self.call([STESTR, *arguments], **how)

    def ours(self, *arguments, **how):
        return self.call([TESTR, *arguments], **how)

    def agree(self, runs):
        """What both programs are asked, and answer alike."""
        self.assertEqual(self.ours("stats"), b"runs=%d\n" % runs)
        self.assertEqual(self.stestr("last", "--subunit"), self.ours("last", "--subunit"))
        self.assertEqual(self.stestr("last", "--no-subunit-trace"), self.ours("last"))
        self.assertEqual(self.stestr("failing", "--list"), self.ours("failing", "--list"))
        self.assertEqual(self.stestr("failing", "--subunit"), self.ours("failing", "--subunit"))
        self.assertEqual(*(self.sort_rows(text) for text in (self.stestr("slowest", "--all"), self.ours("slowest", "--all"))))

    @staticmethod
    def sort_rows(text):
        """Rows of the same time are in no order."""
        rows = text.decode().splitlines()
        return rows[:2] + sorted(rows[2:])

    def test_turns(self):
        dice, clock = random.Random(7), START * 1000000
        for run in range(8):
            stream, _, clock = random_stream(dice, clock, plain=True, grain=EXACT)
            if run % 2:
                self.ours("load", *(["--partial"] * (run % 4 == 3)), stdin=stream)
            else:
                self.stestr("load", stdin=stream)
            self.agree(run + 1)
        for run in range(8):
            self.assertEqual(self.stestr("history", "show", "--subunit", str(run)), self.ours("last", "-r", str(run), "--subunit"))
        self.assertEqual(os.listdir(self.place), [".stestr"])

    def test_our_files_are_as_its_own(self):
        other = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, other)
        shutil.copytree(os.path.join(self.place, ".stestr"), os.path.join(other, ".stestr"))
        dice, clock = random.Random(11), START * 1000000
        for run in range(4):
            stream, _, clock = random_stream(dice, clock)
            self.stestr("load", stdin=stream)
            self.ours("load", "-d", other, stdin=stream)
            for name in ("format", "next-stream", str(run)):
                with open(os.path.join(self.place, ".stestr", name), "rb") as a, open(os.path.join(other, ".stestr", name), "rb") as b:
                    # stestr's load tags no worker.
                    expected = re.sub(rb"(?m) -?worker-0(?= |$)", b"", b.read()).replace(b"tags:\n", b"")
                    self.assertEqual(a.read(), expected, name)

    def test_ids_with_brackets(self):
        """stestr knows the time of a test by its id without them."""
        clock = START * 1000000
        stream = b"".join(packet(test, "inprogress", clock) + packet(test, "success", clock + n * 1000000)
                          for n, test in enumerate(["t.a[one]", "t.b[two]z", "[t].c", "t.d"], 1))
        for load in (self.ours, self.stestr):
            load("load", stdin=stream)
            self.agree(2 if load == self.stestr else 1)

    def test_runs_that_are_gone(self):
        clock = START * 1000000
        for n in range(3):
            self.stestr("load", stdin=packet("t.%d" % n, "success", clock + n))
        self.stestr("history", "remove", "2")
        self.assertIn(b"(id=1)", self.ours("last"))
        self.assertIn(b"(id=3)", self.ours("load", stdin=packet("t.3", "success", clock)))
        self.agree(4)

    def test_a_run_that_grows(self):
        clock = START * 1000000
        self.ours("load", stdin=packet("t.1", "success", clock))
        self.call([PYTHON, "-c", "from stestr.commands.load import load\nload(run_id='0')"], stdin=packet("t.2", "fail", clock))
        self.assertEqual(self.stestr("last", "--subunit"), self.ours("last", "--subunit"))
        self.assertIn(b"Ran 2 tests", self.ours("last"))

    def test_its_own_run(self):
        os.mkdir(os.path.join(self.place, "tests"))
        with open(os.path.join(self.place, ".stestr.conf"), "w") as conf:
            conf.write("[DEFAULT]\ntest_path=./tests\n")
        with open(os.path.join(self.place, "tests", "__init__.py"), "w") as module:
            module.write("import unittest\nclass T(unittest.TestCase):\n    def test_a(self): pass\n    def test_b(self): self.fail('no')\n"
                         "    def test_c(self): self.skipTest('later')\n")
        self.stestr("run")
        self.assertEqual(self.ours("stats"), b"runs=1\n")
        self.assertEqual(self.ours("failing", "--list"), b"tests.T.test_b\n")
        self.assertRegex(self.ours("last"), rb"Ran 3 tests in .*\nFAILED \(id=0, failures=1, skips=1\)\n$")

    def test_our_runs_stay_beside_a_busy_stestr(self):
        busy = subprocess.Popen([PYTHON, "-c", BUSY, self.place], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            busy.stdout.readline()
            for n in range(30):
                self.ours("load", "-q", "--partial", stdin=packet("ours.%d" % n, "success", START * 1000000))
        finally:
            busy.stdin.close()
            busy.wait()
            busy.stdout.close()
        # Whoever opens the repository next sees to it.
        self.ours("stats")
        stored = b""
        for name in os.listdir(os.path.join(self.place, ".stestr")):
            if name.isdigit():
                with open(os.path.join(self.place, ".stestr", name), "rb") as run:
                    stored += run.read()
        self.assertIn(b"test: python.1\n", stored)
        self.assertEqual([n for n in range(30) if b"test: ours.%d\n" % n not in stored], [])


if __name__ == "__main__":
    tap.main()
