# SPDX-License-Identifier: Apache-2.0
"""A format-1 repository in the hands of two programs: Python's testr and ours (repo_tool, named by REPO_TOOL), in turns."""

import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402

TOOL = os.environ.get("REPO_TOOL", "repo_tool")
TESTR = "/usr/bin/testr"
PYTHON = "/usr/bin/python3"
STATUS = {"exists": 1, "inprogress": 2, "success": 3, "uxsuccess": 4, "skip": 5, "fail": 6, "xfail": 7}
NAMES = ["pkg.TestA.test_%d" % n for n in range(8)] + ["t\u00e9st.\u00fcn\u00ef \u65e5\u672c", "with 'quotes\" and \\", "two words"]
START = 1700000000


def number(value):
    for size, mark in ((1, 0), (2, 1 << 14), (3, 2 << 22), (4, 3 << 30)):
        if value < 1 << (8 * size - 2):
            return (value | mark).to_bytes(size, "big")
    raise ValueError(value)


def text(value):
    data = value.encode()
    return number(len(data)) + data


def packet(test, status=None, time=None, file=None, tags=()):
    """One subunit v2 packet; `time` in microseconds, `file` a (name, MIME type, bytes). The fields have a fixed order."""
    flags, body = 0x2100 | STATUS.get(status, 0) | 0x0800, b""
    if time is not None:
        flags |= 0x0200
        body += struct.pack(">I", time // 1000000) + number(time % 1000000 * 1000)
    body += text(test)
    if tags:
        flags |= 0x0080
        body += number(len(tags)) + b"".join(text(tag) for tag in tags)
    if file:
        flags |= 0x0060
        body += text(file[1]) + text(file[0]) + number(len(file[2])) + file[2]
    # The length counts itself.
    size = next(n for n in (1, 2, 3) if 3 + n + len(body) + 4 < 1 << (8 * n - 2))
    head = b"\xb3" + struct.pack(">H", flags) + number(3 + size + len(body) + 4)
    return head + body + struct.pack(">I", zlib.crc32(head + body))


# Microseconds that are a sum of a few binary fractions of a second: Python's reader of v1 makes others one less now and then.
EXACT = 15625


def random_stream(dice, clock, plain=False, grain=1):
    """A stream, and what it says: (test, status) in order of completion."""
    said, data = [], b""
    for _ in range(dice.randrange(1, 12)):
        test = dice.choice(NAMES)
        status = dice.choice(["success", "success", "fail", "fail", "skip", "xfail"] + ["uxsuccess"] * (not plain))
        clock += grain * dice.randrange(1, 5000000 // grain)
        data += packet(test, "inprogress", clock)
        clock += grain * dice.randrange(1, 90000000 // grain)
        if status == "fail" or dice.random() < 0.2:
            body = "Traceback:\n  it broke \u2603\n".encode() * dice.randrange(1, 200)
            data += packet(test, None, clock, ("traceback", "text/x-traceback; charset=utf8", body))
        data += packet(test, status, clock, tags=() if plain else dice.choice([(), ("red",)]))
        said.append((test, status))
    return data, said, clock


class Repository(unittest.TestCase):
    def setUp(self):
        if not os.access(TESTR, os.X_OK):
            self.skipTest("Python's testr is not installed")
        self.place = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.place)
        with open(os.path.join(self.place, ".testr.conf"), "w") as conf:
            conf.write("[DEFAULT]\ntest_command=true\n")

    def call(self, command, stdin=b"", codes=(0,), place=None):
        done = subprocess.run(command, input=stdin, cwd=place or self.place, capture_output=True,
                              env=dict(os.environ, LC_ALL="C.UTF-8", PYTHONHASHSEED="0"))
        self.assertIn(done.returncode, codes, done.stderr.decode(errors="replace"))
        return done.stdout.decode()

    def ours(self, *arguments, stdin=b"", place=None):
        return self.call([TOOL, place or self.place, *arguments], stdin)

    def python(self, *arguments, stdin=b"", place=None):
        return self.call([TESTR, *arguments], stdin, codes=(0, 1), place=place)

    def path(self, name):
        return os.path.join(self.place, ".testrepository", name)

    def load(self, by_python, stream, partial):
        if by_python:
            self.python("load", *(["--partial"] if partial else []), stdin=stream)
        else:
            self.ours("load", *(["partial"] if partial else []), stdin=stream)

    def python_times(self):
        script = ("import dbm, sys\nfrom dbm import whichdb\nprint(whichdb(sys.argv[1]))\ndb = dbm.open(sys.argv[1], 'r')\n"
                  "for k in db.keys(): print('%s=%d' % (k.decode(), round(float(db[k]) * 1e6)))")
        lines = self.call([PYTHON, "-c", script, self.path("times.dbm")]).splitlines()
        return lines[0], dict(line.rsplit("=", 1) for line in lines[1:])

    def take_turns(self, python_first):
        dice = random.Random(42 + python_first)
        clock, failing = START * 1000000, []
        if python_first:
            self.python("init")
        else:
            self.ours("init", "1")
        for turn in range(10):
            stream, said, clock = random_stream(dice, clock)
            partial = dice.random() < 0.6
            self.load((turn % 2 == 0) == python_first, stream, partial)
            failing = [] if not partial else failing
            for test, status in said:
                if status == "fail":
                    failing += [test] if test not in failing else []
                elif test in failing:
                    failing.remove(test)
            self.check(turn, said, failing)
        return clock

    def check(self, turn, said, failing):
        count = len(said)
        failures = sum(status == "fail" for _, status in said)
        self.assertEqual(self.python("failing", "--list").splitlines(), failing)
        self.assertEqual([line.split(" ", 1)[1] for line in self.listed("failing")], failing)
        self.assertEqual(self.ours("count"), "%d\n" % (turn + 1))
        self.assertEqual(self.ours("latest"), "%d\n" % turn)
        last = self.python("last")
        self.assertIn("Ran %d " % count, last)
        self.assertIn("(id=%d" % turn, last)
        self.assertEqual(re.findall(r"failures=(\d+)", last), [str(failures)] if failures else [])
        self.assertEqual(self.listed("run", str(turn)), ["%s %s" % (status, test) for test, status in said])

    def listed(self, *arguments):
        return [re.sub(r" traceback=\d+$", "", line) for line in self.ours(*arguments).splitlines()]

    def durations(self):
        return [int(line) // 1000 for line in self.ours("durations", *NAMES).splitlines()]

    def test_turns_in_our_repository(self):
        self.take_turns(False)
        kind, times = self.python_times()
        self.assertEqual(kind, "dbm.dumb")
        self.assertEqual(self.durations(), [int(times.get(name, -1)) if name in times else -1 for name in NAMES])

    def test_turns_in_pythons_repository(self):
        self.take_turns(True)
        kind, times = self.python_times()
        if kind == "dbm.dumb":
            self.skipTest("this Python makes dbm.dumb itself")
        # The last turn was ours, and its times are in the run alone.
        stream, said, _ = random_stream(random.Random(1), START * 1000000)
        self.load(True, stream, True)
        _, times = self.python_times()
        ours = dict(zip(NAMES, self.durations()))
        for test, _ in said:
            self.assertEqual(ours[test], int(times[test]))

    def test_the_files_are_the_same(self):
        other = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, other)
        shutil.copy(os.path.join(self.place, ".testr.conf"), other)
        dice = random.Random(3)
        clock = START * 1000000
        self.python("init")
        self.ours("init", "1", place=other)
        for turn in range(4):
            stream, _, clock = random_stream(dice, clock)
            self.python("load", *(["--partial"] * (turn % 2)), stdin=stream)
            self.ours("load", *(["partial"] * (turn % 2)), stdin=stream, place=other)
            for name in ("format", "next-stream", str(turn), "failing"):
                with open(self.path(name), "rb") as a, open(os.path.join(other, ".testrepository", name), "rb") as b:
                    self.assertEqual(*(self.sorted_tags(f.read()) for f in (a, b)), name)
            self.assertEqual(os.stat(os.path.join(other, ".testrepository", str(turn))).st_mode & 0o777, 0o600)

    @staticmethod
    def sorted_tags(data):
        return re.sub(rb"(?m)^tags:.*$", lambda m: b" ".join(sorted(m.group().split())), data)

    def test_python_refuses_format_2(self):
        self.ours("init", "2")
        done = subprocess.run([TESTR, "stats"], cwd=self.place, capture_output=True)
        self.assertEqual(done.returncode, 3)


if __name__ == "__main__":
    tap.main()
