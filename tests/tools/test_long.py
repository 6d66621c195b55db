# SPDX-License-Identifier: Apache-2.0
"""Attachments too long for memory: no tool loses any of their bytes."""

import hashlib
import os
import resource
import signal
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402
from toolcheck import BINARY, TIMEOUT, events_of, packet, tool  # noqa: E402

SIZE = 12 << 20
FAIL, SKIP = 0x2106, 0x2105
TEXT = b"text/plain;charset=utf8"
NEEDLE = "né \U0001f600 edle"


def long_text(seed):
    """SIZE bytes of lines that are all different, with blanks around them."""
    lines, size, number = ["  \n"], 0, seed
    while size < SIZE:
        number += 1
        lines.append("%09d <é> & ']]>' \\ \u2003 %s\n" % (number, "x" * (number % 90)))
        size += len(lines[-1]) + 3
    return "".join(lines) + " \n\n"


def pieces(body, size):
    return [body[i:i + size] for i in range(0, len(body), size)]


def said(name, attachment, parts, mime=TEXT):
    return [packet(0x2100, name, (1, 0), None, mime, (attachment, part)) for part in parts]


def interleave(*streams):
    """One packet of each in turn."""
    out = []
    for i in range(max(map(len, streams))):
        out += [s[i] for s in streams if i < len(s)]
    return b"".join(out)


def one_test(body, size=100000, end=FAIL, name=b"log"):
    return b"".join([packet(0x2102, b"t", (1, 0))] + said(b"t", name, pieces(body, size)) + [packet(end, b"t", (2, 0))])


def attachments(stream):
    """By test and name; and every one ends once, with its last packet."""
    files, ended = {}, set()
    for event in events_of(stream):
        if event["file_name"] is not None:
            key = (event["test_id"], event["file_name"])
            assert key not in ended
            files.setdefault(key, []).append(event["file_bytes"])
            if event["eof"]:
                ended.add(key)
    assert ended == set(files)
    return {key: b"".join(parts) for key, parts in files.items()}


class LongTest(unittest.TestCase):
    def same(self, a, b):
        self.assertEqual((len(a), hashlib.sha256(a).hexdigest()), (len(b), hashlib.sha256(b).hexdigest()))

    def on_disk(self, stream):
        """What subunit2disk makes of it, by path."""
        found = {}
        with tempfile.TemporaryDirectory() as directory:
            self.assertEqual(tool("subunit2disk", "-d", directory, stdin=stream).rc, 0)
            for top, _, names in os.walk(directory):
                for name in names:
                    with open(os.path.join(top, name), "rb") as f:
                        found[os.path.relpath(os.path.join(top, name), directory)] = f.read()
        return found

    def setUp(self):
        self.text = long_text(0)
        self.body = self.text.encode()

    def test_filter(self):
        for options in [], ["--compat"], ["-s", "--with", "."]:
            files = attachments(tool("subunit-filter", *options, stdin=one_test(self.body)).out)
            self.same(files["t", "log"], self.body)

    def test_disk(self):
        self.same(self.on_disk(one_test(self.body))["t/log"], self.body)

    def test_many_attachments_of_many_tests(self):
        """Parts of several go to and fro; some end earlier and make room."""
        bodies = {(b"t%d" % i, b"f%d" % k): bytes([i]) * 50 + long_text(i * 1000 + k).encode()[:(i + 1) * 700000]
                  for i in range(5) for k in range(2)}
        streams = [said(*key, pieces(body, 30000 - 1000 * n)) + [packet(FAIL, key[0])] * (key[1] == b"f1")
                   for n, (key, body) in enumerate(bodies.items())]
        # The second attachment comes in more pieces, so that it ends the test.
        files = attachments(tool("subunit-filter", stdin=interleave(*streams)).out)
        for (name, attachment), body in bodies.items():
            parts = [part for key, part in files.items() if key == (name.decode(), attachment.decode())]
            self.same(b"".join(parts), body)

    def test_open_tests(self):
        """Thousands of tests that never end, each with some output."""
        bodies = [b"%d\n" % i * 1000 for i in range(4000)]
        starts = [packet(0x2100, b"t%d" % i, (1, 0), None, TEXT, (b"log", body[:len(body) // 2])) for i, body in enumerate(bodies)]
        rests = [packet(0x2100, b"t%d" % i, (1, 0), None, TEXT, (b"log", body[len(body) // 2:])) for i, body in enumerate(bodies)]
        files = attachments(tool("subunit-filter", stdin=b"".join(starts + rests)).out)
        self.assertEqual(files, {("t%d" % i, "log"): body for i, body in enumerate(bodies)})

    def test_version_1(self):
        """The chunks are the reference's: pieces gathered until they have 64 KiB."""
        parts = pieces(self.body[:4 << 20], 30000) + pieces(self.body[4 << 20:], 1 << 20)
        stream = b"".join([packet(0x2102, b"t")] + said(b"t", b"log", parts) + [packet(FAIL, b"t")])
        chunks, held = b"", b""
        for part in parts + [b""]:
            held += part
            if held and (len(held) >= 65536 or not part):
                chunks += b"%X\r\n" % len(held) + held
                held = b""
        expected = (b"test: t\nfailure: t [ multipart\nContent-Type: text/plain;charset=utf8\nlog\n" + chunks + b"0\r\n]\n")
        done = tool("subunit-2to1", stdin=stream)
        self.same(done.out, expected)
        self.same(attachments(tool("subunit-1to2", stdin=done.out).out)["t", "log"], self.body)

    def test_junitxml(self):
        for end, name, element in (FAIL, b"traceback", "failure"), (SKIP, b"reason", "skipped"):
            done = tool("subunit2junitxml", stdin=one_test(self.body, end=end, name=name))
            found = ElementTree.fromstring(done.out).find("testcase/" + element).text
            expected = self.text
            if end == FAIL:
                expected = "testtools.testresult.real._StringException: " + expected.strip() + "\n\n"
            self.same(found.encode(), expected.encode())

    def test_pyunit(self):
        done = tool("subunit2pyunit", stdin=one_test(self.body))
        told = b"_StringException: log: {{{\n" + self.text.strip().encode() + b"\n}}}\n\n\n"
        self.assertEqual(done.err.count(told), 1)
        done = tool("subunit2pyunit", stdin=one_test(self.body, end=SKIP, name=b"reason"))
        self.same(done.err[done.err.index(b" ... skipped ") + 13:done.err.rindex(b"\n\n---")], repr(self.text).encode())

    def test_expression_finds_what_is_far_inside(self):
        """Also where two stretches of 8 MiB meet, in text and in what Python prints."""
        for near in range(7 << 20, (8 << 20) + 100000, 250000), [100, 1000000, SIZE - 1000]:
            for at in near:
                head = self.body[:at].decode(errors="ignore")
                stream = one_test((head + NEEDLE + self.text[len(head):]).encode())
                self.assertTrue(tool("subunit-filter", "--with", "n. . edle", stdin=stream).out)
                self.assertFalse(tool("subunit-filter", "--without", "n. . edle", stdin=stream).out)
        self.assertTrue(tool("subunit-filter", "--compat", "--with", r"n\\xc3\\xa9 .* edle", stdin=stream).out)

    def test_expression_finds_no_more_than_there_is(self):
        """The ends of stretches begin and end no line."""
        stream = one_test(self.body)
        for expression in "^[<x&]", "[<&0-9]$", "no such":
            self.assertFalse(tool("subunit-filter", "--with", expression, stdin=stream).out, expression)

    def test_disk_full(self):
        """No cut, but an error that says where."""
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        for name in "subunit-filter", "subunit-2to1", "subunit2junitxml":
            with tempfile.TemporaryDirectory() as directory:
                done = subprocess.run([BINARY, name], input=one_test(self.body), capture_output=True, timeout=TIMEOUT,
                                      preexec_fn=limit, env=dict(os.environ, TMPDIR=directory))
                self.assertEqual(os.listdir(directory), [])
            self.assertEqual(done.returncode, 1)
            self.assertIn(b"cannot write a temporary file in " + directory.encode(), done.stderr)
            self.assertIn(b"File too large", done.stderr)
            self.assertNotIn(b"failure: t", done.stdout)

    def test_no_directory(self):
        done = subprocess.run([BINARY, "subunit-filter"], input=one_test(self.body), capture_output=True, timeout=TIMEOUT,
                              env=dict(os.environ, TMPDIR="/nonexistent"))
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"/nonexistent", done.stderr)


if __name__ == "__main__":
    tap.main()
