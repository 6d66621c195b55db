# SPDX-License-Identifier: Apache-2.0
"""Every streaming tool in constant memory, and without a loss: long streams, and one test with more output than may be held."""

import hashlib
import os
import subprocess
import sys
import tempfile
import unittest

TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [TESTS, os.path.join(TESTS, "tools")]
import tap  # noqa: E402
from toolcheck import BINARY, LONG, packet  # noqa: E402

# What a process may take, in MiB, whatever comes in.
MOST = 64
LARGE, MANY = (1 << 30, 10 << 30) if LONG else (96 << 20, 20 << 20)

TOOLS = [["subunit-ls", "--times"], ["subunit-stats"], ["subunit-filter", "-s"], ["subunit-filter", "--with", "x"],
         ["subunit-filter", "-s", "--compat"], ["subunit-tags", "x"], ["subunit-2to1"], ["subunit-1to2"], ["subunit2csv", "-f"],
         ["subunit2junitxml"], ["subunit2pyunit"], ["subunit2json"], ["subunit2disk"]]


def attachment(body):
    """One test whose attachment does not end for long."""
    begin, end = packet(0x2102, b"test", (1, 0)), packet(0x2106, b"test", (2, 0))
    return begin, packet(0x2100, b"test", (1, 0), None, b"text/plain", (b"log", body)), end


def many_tests():
    """Tests with tags and attachments, and text between them."""
    parts = []
    for i in range(5000):
        name = b"pkg.module.Class.test_%d" % i
        parts += [packet(0x2102, name, (i, 5), [b"worker-%d" % (i % 4)]), "10 m\u00b3 of text\n".encode(),
                  packet(0x2106 if i % 10 == 0 else 0x2103, name, (i, 900), None, b"text/plain", (b"log", b"line <x>\n" * 9))]
    return b"", b"".join(parts), b""


def text():
    return b"", "no packet at all, 10 m\u00b3 of it\n".encode() * 4000, b""


def open_tests():
    """Tests that do not end, each of which says something now and then."""
    return b"", b"".join(packet(0x2100, b"pkg.module.test_%d" % i, (i, 0), None, b"text/plain", (b"log", b"line <x>\n" * 50))
                         for i in range(20000)), b""


STREAMS = {"attachment": (lambda: attachment(b"line <x>\n" * 70000), LARGE),
           "binary": (lambda: attachment(bytes(range(256)) * 4000), LARGE),
           "many": (many_tests, MANY), "text": (text, MANY), "open": (open_tests, MANY)}


class MemoryTest(unittest.TestCase):
    def feed(self, command, parts, size):
        """Returns the exit status and the most memory taken, in MiB."""
        begin, block, end = parts
        with tempfile.TemporaryDirectory() as directory:
            process = subprocess.Popen([BINARY, *command], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL, cwd=directory, env=dict(os.environ, TMPDIR=directory))
            with process.stdin as pipe:
                pipe.write(begin)
                for _ in range(size // len(block)):
                    pipe.write(block)
                pipe.write(end)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        return process.returncode, usage.ru_maxrss / 1024

    def test_nothing_is_lost(self):
        """One attachment on its way through several tools, the last of which writes it into a file."""
        begin, block, end = attachment(b"0123456789abcde\n" * 65536)
        body, count = b"0123456789abcde\n" * 65536, LARGE >> 20
        commands = [["subunit-filter", "-s"], ["subunit-filter", "--compat"], ["subunit-2to1"], ["subunit-1to2"], ["subunit2disk"]]
        with tempfile.TemporaryDirectory() as directory:
            processes, source = [], subprocess.PIPE
            for command in commands:
                processes.append(subprocess.Popen([BINARY, *command], stdin=source, stdout=subprocess.PIPE, cwd=directory,
                                                  env=dict(os.environ, TMPDIR=directory)))
                if source is not subprocess.PIPE:
                    source.close()
                source = processes[-1].stdout
            expected, found = hashlib.sha256(), hashlib.sha256()
            with processes[0].stdin as pipe:
                pipe.write(begin)
                for number in range(count):
                    # No two pieces are the same.
                    piece = b"%07d\n" % number
                    expected.update(piece + body)
                    pipe.write(packet(0x2100, b"test", (1, 0), None, b"text/plain", (b"log", piece)) + block)
                pipe.write(end)
            source.close()
            for process, command in zip(processes, commands):
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
                self.assertEqual((command, process.returncode), (command, 0))
                self.assertLessEqual(usage.ru_maxrss / 1024, MOST, command)
            # No temporary file is left.
            self.assertEqual(os.listdir(directory), ["test"])
            with open(os.path.join(directory, "test", "log"), "rb") as file:
                while piece := file.read(1 << 20):
                    found.update(piece)
        self.assertEqual(found.hexdigest(), expected.hexdigest())


def add_test(name, make, size, command):
    def check(self):
        # A directory is made for each test: that is not what is looked at here.
        amount = min(size, 4 << 20) if command[0] == "subunit2disk" and name in ("many", "open") else size
        status, memory = self.feed(command, make(), amount)
        self.assertIn(status, (0, 1))
        self.assertLessEqual(memory, MOST)
    setattr(MemoryTest, "test_%s_%s" % (name, "_".join(command)), check)


for name, (make, size) in STREAMS.items():
    for command in TOOLS:
        add_test(name, make, size, command)

if __name__ == "__main__":
    tap.main()
