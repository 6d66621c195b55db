# SPDX-License-Identifier: Apache-2.0
"""subunit-watch on a terminal and without one."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402
from toolcheck import BINARY, TIMEOUT, packet, tool  # noqa: E402

T = 1577836800
LISTED = b"".join(packet(0x2101, b"test%d" % i) for i in range(4))
FAILURE = (packet(0x2102, b"test0", (T, 0))
           + packet(0x2100, b"test0", None, None, b"text/plain;charset=utf8", (b"traceback", "naïve\n".encode()))
           + packet(0x2106, b"test0", (T + 2, 0), [b"slow"]))
NO_DISPLAY = b"subunit-watch: there is no display: standard output is not a terminal that can draw; plain lines follow\n"


class Screen:
    """As much of a terminal as is needed: it shows what the bytes leave behind."""

    def __init__(self):
        self.lines, self.row, self.column = [[]], 0, 0

    def feed(self, text):
        for token in re.findall(r"\x1b\[\d*[A-Za-z]|.", text, re.S):
            if token == "\r":
                self.column = 0
            elif token == "\n":
                self.row += 1
                if self.row == len(self.lines):
                    self.lines.append([])
            elif token[0] == "\x1b" and token[-1] == "A":
                self.row -= int(token[2:-1])
                assert self.row >= 0
            elif token == "\x1b[J":
                del self.lines[self.row][self.column:]
                del self.lines[self.row + 1:]
            elif token[0] == "\x1b":
                assert token[-1] == "m", token
            else:
                line = self.lines[self.row]
                line.extend(" " * (self.column + 1 - len(line)))
                line[self.column] = token
                self.column += 1

    def text(self):
        return ["".join(line) for line in self.lines]


class OnTerminal:
    """The tool with a terminal of a certain width as its standard output."""

    def __init__(self, *args, columns=60):
        self.master, slave = pty.openpty()
        self.resize(columns)
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.child = subprocess.Popen([BINARY, "subunit-watch", *args], stdin=subprocess.PIPE, stdout=slave, stderr=slave,
                                      env=dict(os.environ, TERM="xterm", NO_COLOR="1"))
        self.screen, self.bytes = Screen(), b""

    def resize(self, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def say(self, data):
        self.child.stdin.write(data)
        self.child.stdin.flush()

    def read(self):
        data = os.read(self.master, 65536)
        self.bytes += data
        self.screen = Screen()
        self.screen.feed(self.bytes.decode(errors="ignore"))

    def until(self, condition):
        """Reads until the screen is as it should be."""
        limit = time.monotonic() + TIMEOUT
        while not condition(self.screen.text()):
            assert select.select([self.master], [], [], limit - time.monotonic())[0], self.screen.text()
            self.read()
        return self.screen.text()

    def end(self):
        self.child.stdin.close()
        limit = time.monotonic() + TIMEOUT
        # Who is not read from cannot end.
        while self.child.poll() is None:
            assert time.monotonic() < limit
            if select.select([self.master], [], [], 0.01)[0]:
                self.read()
        rc = self.child.returncode
        while select.select([self.master], [], [], 0)[0]:
            self.read()
        same = termios.tcgetattr(self.slave) == self.before
        os.close(self.slave)
        os.close(self.master)
        assert same
        return rc


class Watch(unittest.TestCase):
    maxDiff = 4000

    def test_plain(self):
        stream = b"text\n" + LISTED + FAILURE + b"more" + packet(0x2103, b"test1") + packet(0x2105, b"test2") + packet(0x2102, b"test3")
        expected = ("text\n" + "=" * 70 + "\nFAIL: test0\ntags: slow\n" + "-" * 70 + "\nnaïve\n" + "more\n" + "=" * 70
                    + "\nDID NOT END: test3\n" + "-" * 70 + "\nRan 4 tests in 2.000s\nFAILED (failures=1, unfinished=1, skips=1)\n")
        for name in ("subunit-watch", "subunit2gtk"):
            done = tool(name, stdin=stream)
            self.assertEqual((done.rc, done.out.decode(), done.err), (1, expected, NO_DISPLAY))


    def test_statuses(self):
        for codes, rc, words in (([3], 0, b"PASSED"), ([5, 7], 0, b"PASSED (skips=1)"), ([4], 1, b"FAILED (unexpected successes=1)"),
                                 ([6], 1, b"FAILED (failures=1)"), ([2], 1, b"FAILED (unfinished=1)"), ([], 0, b"PASSED"),
                                 ([1], 0, b"PASSED")):
            with self.subTest(codes=codes):
                done = tool("watch", stdin=b"".join(packet(0x2100 | c, b"t%d" % c) for c in codes))
                self.assertEqual((done.rc, done.out.splitlines()[-1]), (rc, words))
        self.assertEqual(tool("watch", stdin=b"test: a\nfailure: a [\nwhy\n]\n").rc, 1)
        self.assertIn(b"\nRan 0 tests of 4\n", b"\n" + tool("watch", stdin=LISTED).out)

    def test_options(self):
        self.assertNotIn(b"text", tool("watch", "--no-passthrough", stdin=b"text\n").out)
        with tempfile.NamedTemporaryFile() as f:
            f.write(FAILURE)
            f.flush()
            self.assertEqual(tool("watch", f.name).out, tool("watch", stdin=FAILURE).out)
        self.assertEqual(tool("watch", "--strict-reader", stdin=b"\xb3\x29\x01\x00\x00\x00\x00").rc, 1)
        self.assertEqual(tool("watch", "/nonexistent").rc, 1)

    def test_text(self):
        """Lines of any length, in any pieces."""
        long = b"x" * 200000
        out = tool("watch", stdin=b"\n\na\n" + long + b"\nlast").out
        self.assertTrue(out.startswith(b"\n\na\nxxx"))
        self.assertEqual(out.count(b"x"), len(long))
        self.assertTrue(out.endswith(b"last\nRan 0 tests\nPASSED\n"))

    def test_live(self):
        on = OnTerminal()
        on.say(LISTED + packet(0x2102, b"test0", (T, 0)))
        text = on.until(lambda lines: any("test0" in line for line in lines))
        self.assertEqual(text[0], "[" + "-" * 30 + "] 0/4")
        self.assertRegex(text[1], r"^ +\d+s  test0$")
        on.say(FAILURE[FAILURE.index(b"\xb3", 1):] + packet(0x2102, b"test2", (T + 2, 0)) + packet(0x2102, b"test1", (T + 9, 0)))
        text = on.until(lambda lines: any("test1" in line for line in lines))
        self.assertEqual(text[:5], ["=" * 59 + "=" * 11, "FAIL: test0", "tags: slow", "-" * 70, "naïve"])
        self.assertEqual(text[5], "[" + "#" * 7 + "-" * 23 + "] 1/4  1 failed")
        self.assertRegex(text[6], r"^ +\d+s  test2$")
        self.assertRegex(text[7], r"^ +\d+s  test1$")
        self.assertEqual(len(text), 8)
        on.say(packet(0x2103, b"test1", (T + 10, 0)) + packet(0x2103, b"test2", (T + 10, 0)))
        self.assertEqual(on.end(), 1)
        self.assertEqual(on.screen.text()[5:], ["Ran 3 tests of 4 in 10.000s", "FAILED (failures=1)", ""])

    def test_width(self):
        """No line that is drawn is wider than the terminal; wide characters count twice, what would move the cursor is shown."""
        on = OnTerminal(columns=20)
        for i, name in enumerate(["é" * 40, "日本" * 20, "a\x1b[5Ab\tc" + "d" * 40, "e\u0301" * 40]):
            on.say(packet(0x2102, name.encode(), (T, 0)))
        text = on.until(lambda lines: len(lines) == 5)
        self.assertEqual([len(line) for line in text[1:]], [19, 9 + 10 // 2, 19, 9 + 2 * 10])
        self.assertIn("a?[5Ab?c", text[3])
        on.resize(40)
        on.child.send_signal(signal.SIGWINCH)
        on.until(lambda lines: len(lines) == 5 and len(lines[1]) == 39)
        self.assertEqual(on.end(), 1)

    def test_many(self):
        on = OnTerminal()
        on.say(b"".join(packet(0x2102, b"t%d" % i) for i in range(100)))
        text = on.until(lambda lines: "  and 94 more" in lines)
        self.assertEqual(text, ["0 tests"] + ["  t%d" % i for i in range(6)] + ["  and 94 more"])
        on.end()

    def test_signals(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(signal=number):
                on = OnTerminal()
                on.say(b"text\n" + packet(0x2102, b"running"))
                on.until(lambda lines: "  running" in lines)
                on.child.send_signal(number)
                on.until(lambda lines: "INTERRUPTED" in lines)
                self.assertEqual(on.end(), 128 + number)
                self.assertEqual(on.screen.text(), ["text", "Ran 0 tests", "INTERRUPTED", ""])

    def test_not_too_often(self):
        """However many packets come, they are not drawn one by one."""
        on = OnTerminal()
        began = time.monotonic()
        for i in range(2000):
            on.say(packet(0x2103, b"t%d" % i))
            if select.select([on.master], [], [], 0)[0]:
                on.read()
        on.until(lambda lines: any("2000 passed" in line for line in lines))
        draws = on.bytes.count(b" passed")
        self.assertLessEqual(draws, 20 * (time.monotonic() - began) + 2)
        self.assertEqual(on.end(), 0)

    def test_full_disk(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([BINARY, "subunit-watch"], input=FAILURE, stdout=full, stderr=subprocess.PIPE, timeout=TIMEOUT)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"No space left", done.stderr)


if __name__ == "__main__":
    tap.main()
