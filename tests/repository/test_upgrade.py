# SPDX-License-Identifier: Apache-2.0
"""Repositories by Debian's stestr and by Python's testr, with runs of a real suite, are upgraded: every answer is the original's.

The suite is python3-fixtures', run once; each stored run has a part of its results, with some of them changed, at a later time. With
TESTR_LONG (./check --long) there are 50 runs of the whole suite."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap  # noqa: E402
from test_interop import EXACT, PYTHON, START, packet  # noqa: E402

TESTR = os.environ.get("TESTR_BIN", "testr")
SUBUNIT = os.environ.get("SUBUNIT_BIN", "subunit")
LONG = "TESTR_LONG" in os.environ
RUNS = 50 if LONG else 2


def call(place, *command, stdin=b"", codes=(0, 1)):
    done = subprocess.run(command, input=stdin, cwd=place, capture_output=True,
                          env=dict(os.environ, LC_ALL="C.UTF-8", PYTHONHASHSEED="0", PYTHONDONTWRITEBYTECODE="1"))
    if done.returncode not in codes:
        raise AssertionError("%s: exit %d\n%s" % (command, done.returncode, done.stderr.decode(errors="replace")))
    return done.stdout


def suite():
    """What a real suite says: (id, status, seconds, traceback), in order of completion."""
    stream = call("/tmp", PYTHON, "-m", "subunit.run", "fixtures.tests.test_suite")
    lines = call("/tmp", SUBUNIT, "subunit2json", stdin=stream).splitlines()
    events = [json.loads(line) for line in lines]
    return [(e["test_id"], e["test_status"]) for e in events if e["test_status"] in ("success", "skip", "fail", "xfail")][:None if LONG else 60]


class Upgrade(unittest.TestCase):
    def setUp(self):
        self.place = tempfile.mkdtemp(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
        self.addCleanup(shutil.rmtree, self.place)
        with open(os.path.join(self.place, ".testr.conf"), "w") as conf:
            conf.write("[DEFAULT]\ntest_command=true\nunexpected_success=pass\n")

    def ours(self, *arguments, **how):
        return call(self.place, TESTR, *arguments, **how)

    def streams(self, tests):
        dice, clock = random.Random(5), START * 1000000
        for _ in range(RUNS):
            data = b""
            for test, status in tests:
                if dice.random() < 0.3:
                    continue
                status = "fail" if dice.random() < 0.1 else status
                data += packet(test, "inprogress", clock)
                clock += EXACT * dice.randrange(1, 200)
                if status == "fail":
                    data += packet(test, None, clock, ("traceback", "text/x-traceback; charset=utf8", b"Traceback:\n  it broke\n"))
                data += packet(test, status, clock)
            yield data

    def upgrade(self):
        said = self.ours("repository", "upgrade").decode()
        self.assertRegex(said, r"format 2 now. The old one is .*before-upgrade\n$")
        self.assertEqual(self.ours("repository", "check"), b"nothing is wrong\n")
        with open(os.path.join(self.place, ".testrepository", "format")) as f:
            self.assertEqual(f.read(), "2\n")

    @staticmethod
    def sort_rows(text):
        rows = text.decode().splitlines()
        return rows[:2] + sorted(rows[2:])

    def fill(self, init, load, last, *rest):
        """The answers of the original: that of `last` after each run, the rest at the end."""
        call(self.place, *init)
        answers = []
        for stream in self.streams(suite()):
            call(self.place, *load, stdin=stream)
            answers.append(call(self.place, *last))
        return answers, [call(self.place, *command) for command in rest]

    def compare(self, answers, rest, subunit):
        for run, answer in enumerate(answers):
            self.assertEqual(self.ours("last", "-r", str(run)), answer)
        failing, listed, slowest = rest[:3]
        self.assertEqual(self.ours("failing", "--list"), listed)
        self.assertEqual(self.ours("failing", "--subunit"), failing)
        self.assertEqual(self.sort_rows(self.ours("slowest", "--all")), self.sort_rows(slowest))
        self.assertEqual(self.ours("stats"), b"runs=%d\n" % RUNS)
        if subunit:
            self.assertEqual(self.ours("last", "--subunit"), subunit)

    def test_stestr(self):
        s = "/usr/bin/stestr"
        answers, rest = self.fill((s, "init"), (s, "load"), (s, "last", "--no-subunit-trace"), (s, "failing", "--subunit"),
                                  (s, "failing", "--list"), (s, "slowest", "--all"), (s, "last", "--subunit"))
        self.upgrade()
        self.compare(answers, rest, rest[3])
        self.assertIn(".stestr.before-upgrade", os.listdir(self.place))

    def test_testr(self):
        p = "/usr/bin/testr"
        answers, rest = self.fill((p, "init"), (p, "load"), (p, "last"), (p, "failing", "--subunit"), (p, "failing", "--list"),
                                  (p, "slowest", "--all"), (p, "last", "--subunit"))
        # A run of a part, so that what fails is not what the last run says.
        call(self.place, p, "load", "--partial", stdin=packet("another", "fail", START * 1000000))
        listed = call(self.place, p, "failing", "--list")
        self.upgrade()
        self.assertEqual(self.ours("failing", "--list"), listed)
        self.assertEqual(self.ours("stats"), b"runs=%d\n" % (RUNS + 1))
        for run, answer in enumerate(answers):
            self.assertEqual(self.ours("last", "-r", str(run)), answer)
        self.assertIn(".testrepository.before-upgrade", os.listdir(self.place))
        # What comes afterwards counts from there on, and is there after a rebuild too.
        self.ours("load", "--partial", stdin=packet("another", "success", START * 1000000))
        self.ours("repository", "rebuild")
        self.assertEqual(self.ours("failing", "--list").split(), [line for line in listed.split() if line != b"another"])

    def test_interrupted(self):
        """At every moment there is one whole repository."""
        self.ours("init", "--format=1")
        tests = [("t.%d" % n, "success") for n in range(40)]
        for stream in self.streams(tests):
            self.ours("load", stdin=stream)
        listed, stats = self.ours("failing", "--list"), self.ours("stats")
        dice, formats = random.Random(3), set()
        for _ in range(60 if LONG else 8):
            process = subprocess.Popen([TESTR, "repository", "upgrade"], cwd=self.place, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                process.wait(dice.random() * 0.08)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
            self.assertEqual((self.ours("failing", "--list"), self.ours("stats")), (listed, stats))
            with open(os.path.join(self.place, ".testrepository", "format")) as f:
                formats.add(f.read())
        self.ours("repository", "upgrade", codes=(0, 3))
        self.assertEqual((self.ours("failing", "--list"), self.ours("stats")), (listed, stats))
        self.assertEqual(len([name for name in os.listdir(self.place) if "before-upgrade" in name]), 1)
        self.assertNotIn(".testr-upgrade", os.listdir(self.place))


if __name__ == "__main__":
    tap.main()
