# SPDX-License-Identifier: Apache-2.0
"""Our tools beside Debian's on random streams: 200 of them, or 10,000 when TESTR_LONG is set.

A failure names its case; TESTR_CASE=N runs that one alone, TESTR_CASE=N-M those from N to below M."""

import os
import random
import re
import shutil
import sys
import tempfile
import unittest
from collections import Counter

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402
import reference  # noqa: E402
import streams  # noqa: E402
from toolcheck import (DOCUMENTED, LONG, NOW, events_of, flat, is_text, mask_now, mask_seconds, packets_of,  # noqa: E402
                       sort_v1_tags, told, tool, tree, without_guessed_seconds, without_guesses)

SEED = 20200105
CASES = 10000 if LONG else 200

# The ends of the reference that we mend, whatever led to them (decision 21): the tools, the last line of the traceback. Ours goes
# on, says nothing, and has written at least what the reference had.
DEATHS = [
    ("subunit2csv", r"ValueError: err may not be None"),
    ("subunit-ls", r"AttributeError: 'int' object has no attribute 'seconds'"),
    ("subunit-1to2", r"subunit\.iso8601\.ParseError: Unable to parse date string b'x'"),
    ("subunit-1to2", r"AttributeError: '_OutSideTest' object has no attribute 'addUnexpectedSuccess'"),
    (".*", r"LookupError: unknown encoding: nonsense"),
    (".*", r"UnicodeDecodeError: '(utf-8|utf8|ascii)' codec can't decode bytes? .*"),
    (".*", r"ValueError: (not enough|too many) values to unpack \(expected 2.*\)"),
    (".*", r"ValueError: Not a text type .*"),
    (".*", r"TypeError: \w+\.addSkip\(\) (got an unexpected keyword argument 'details'|missing 1 required positional argument: 'reason')"),
    (".*", r"Exception: Can't parse type .*"),
    ("subunit2disk", r"OSError: \[Errno 36\] File name too long: .*"),
]
# Those of its reader, which --strict-reader tells.
READER_DEATHS = r"struct\.error: unpack requires a buffer of [1234] bytes|ValueError: read length must be non-negative or -1"


def is_mended(call, death):
    return any(re.fullmatch(tools, call.name) and re.fullmatch(line, death, re.S) for tools, line in DEATHS)


def unglued(expected, got):
    """True when `got` is `expected` with newlines between text and the directive that was glued to it (specification 12.16)."""
    at = 0
    for i, byte in enumerate(got):
        if at < len(expected) and expected[at] == byte:
            at += 1
        elif byte != 10 or not re.match(rb"\n(time|tags|test): ", got[i:i + 10]) or got[i - 1:i] in (b"", b"\n"):
            return False
    return at == len(expected)


def names_as_utf8(v1):
    """The reference writes the names of attachments in ISO-8859-1, and dies of them when it reads them."""
    return v1.replace("\nnaïve\n".encode("latin-1"), "\nnaïve\n".encode())


def clipped(events):
    """Of the times in version 1 the reference often loses a microsecond, in taking the fraction times a million."""
    for event in events:
        stamp = event["timestamp"]
        if stamp and stamp != NOW:
            event["timestamp"] = "%s.%06dZ" % (stamp[:19], int(float("0" + stamp[19:-1]) * 1e6))
    return events


OUTCOME = re.compile(rb"(success|successful|failure|error|skip|xfail|uxsuccess): ")


def read_behind_text(expected, got):
    """True when the first difference is text of the reference's in whose middle there is an outcome, which ours has read."""
    at = next((i for i, (e, g) in enumerate(zip(expected, got)) if e != g), None)
    if at is None:
        return False
    (event, text), (_, before) = expected[at], got[at]
    return (event["test_id"] is None and text.startswith(before) and not before.endswith(b"\n") and
            bool(OUTCOME.match(text, len(before))))


def hidden_by_exists(events):
    """True when a test that has begun and not ended is announced as the last that is heard of it: to subunit-ls of the reference
    it has ended then."""
    running = {}
    for event in events:
        key = (event["test_id"], event["route_code"])
        if event["test_id"] is None or event["test_status"] == "exists" and key not in running:
            continue
        running[key] = event["test_status"]
        if running[key] not in (None, "inprogress", "exists"):
            del running[key]
    return "exists" in running.values()


def has_packets(stream):
    return any(not is_text(e) for e in packets_of(stream))


class Case:
    """A random stream and what is done with it."""

    def __init__(self, number, directory):
        self.number, self.directory = number, directory
        self.rng = random.Random(SEED * 1000003 + number)
        self.damaged = False
        self.path = os.path.join(directory, "stream")
        self.calls = []
        kind = self.rng.random()
        if kind < 0.8:
            self.make_v2(kind >= 0.5)
        elif kind < 0.93:
            self.save(self.path, streams.v1_stream(self.rng))
            self.add("subunit-1to2")
        else:
            self.save(self.path, streams.tap_stream(self.rng))
            self.add("tap2subunit")
        if self.rng.random() < 0.2:
            self.add("subunit-output", *streams.output_arguments(self.rng))

    @staticmethod
    def save(path, stream):
        with open(path, "wb") as f:
            f.write(stream)

    def add(self, name, *args):
        self.calls.append(reference.Call(name, args, self.path))

    def make_v2(self, damaged):
        rng = self.rng
        self.damaged = damaged
        parts = streams.v2_parts(rng, rng.random() < 0.6)
        self.save(self.path, b"".join(streams.damage(rng, parts) if damaged else parts))
        self.events = None
        self.add("subunit-ls", *rng.choice([[], ["--exists"], ["--no-passthrough"], ["--times"], ["--times", "--exists"]]))
        self.add("subunit-stats", *rng.choice([[], [], ["--no-passthrough"], ["-f"], ["-f", "--no-passthrough"]]))
        self.add("subunit-filter", *streams.filter_options(rng))
        self.add("subunit-2to1")
        self.add("subunit2csv", "--no-passthrough", *rng.choice([[], ["-o", "@REPORT"], ["-f", "-o", "@REPORT"]]))
        self.add("subunit2junitxml", "--no-passthrough", *rng.choice([[], ["-o", "@REPORT"], ["-f", "-o", "@REPORT"]]))
        self.add("subunit2pyunit", *rng.choice([[], ["--no-passthrough"]]))
        self.add("subunit2disk", "-d", "@REPORT")
        if not damaged:
            self.add("subunit-tags", *streams.tag_arguments(rng))

    def theirs(self, call, i):
        """The reference's call: reports go into files of their own."""
        args = [a.replace("@REPORT", os.path.join(self.directory, "their-report-%d" % i)) for a in call.args]
        return reference.Call(call.name, args, self.path)


class Live(unittest.TestCase):
    maxDiff = 4000

    def setUp(self):
        why = reference.missing()
        if why:
            self.skipTest(why)

    def assertSame(self, got, expected):
        """Shows the first difference: all of two streams would bury it."""
        if got != expected:
            if isinstance(got, dict):
                got, expected = sorted(got.items()), sorted(expected.items())
            at = next((i for i, (a, b) in enumerate(zip(got, expected)) if a != b), min(len(got), len(expected)))
            before, after = (80, 200) if isinstance(got, bytes) else (1, 2)
            self.fail("at %d of %d and %d:\n%r\n  instead of\n%r" % (at, len(got), len(expected), got[max(at - before, 0):at + after],
                                                                  expected[max(at - before, 0):at + after]))

    def test_random_streams(self):
        first, last = 0, CASES
        if "TESTR_CASE" in os.environ:
            first, _, last = os.environ["TESTR_CASE"].partition("-")
            first, last = int(first), int(last or int(first) + 1)
        self.compared = Counter()
        for number in range(first, last):
            directory = tempfile.mkdtemp(prefix="live-")
            try:
                self.run_case(Case(number, directory))
            finally:
                shutil.rmtree(directory)
            if number % 1000 == 999:
                print("# %d cases" % (number + 1 - first), flush=True)
        for what, count in sorted(self.compared.items()):
            print("# %s: %d" % (what, count))

    def test_differences_are_documented(self):
        """What the lists of the tests take as mended stands in the documentation."""
        with open(os.path.join(os.environ["TESTR_SOURCE"], "docs", "differences.md"), encoding="utf-8") as f:
            text = f.read()
        self.assertEqual([], [words for words in DOCUMENTED.values() if words not in text])

    def run_case(self, case):
        theirs = [case.theirs(call, i) for i, call in enumerate(case.calls)]
        batch = reference.Batch(theirs, case.directory)
        ours = [self.ours(case, call, i) for i, call in enumerate(case.calls)]
        batch.wait()
        for i, (their, our) in enumerate(zip(theirs, ours)):
            with self.subTest(case=case.number, call=" ".join([case.calls[i].name] + case.calls[i].args)):
                self.compare(case, i, their, our)
                if their.name in ("subunit-1to2", "subunit-2to1") and not their.death:
                    self.go_back(case, their)
        if case.damaged:
            with self.subTest(case=case.number, what="without --strict-reader"):
                self.go_on(case)

    def go_on(self, case):
        """Decision 18: whatever the damage is, our own reader goes on."""
        call = case.rng.choice([c for c in case.calls if c.name not in ("subunit-output", "subunit2pyunit")])
        with open(call.path, "rb") as f:
            done = tool(call.name, *(a.replace("@REPORT", os.path.join(case.directory, "damaged")) for a in call.args), stdin=f)
        self.assertIn(done.rc, (0, 1))
        self.assertEqual(done.err, b"")

    def ours(self, case, call, i, path=None):
        """Our call: in damaged streams the events are the reference's, and filters are as it has them."""
        args = [a.replace("@REPORT", os.path.join(case.directory, "our-report-%d" % i)) for a in call.args]
        if call.name == "subunit-filter":
            args.insert(0, "--compat")
        if case.damaged and call.name != "subunit-output":
            args.insert(0, "--strict-reader")
        with open(path or call.path, "rb") as f:
            return tool(call.name, *args, stdin=f)

    def go_back(self, case, call):
        """What the reference makes of the stream is turned back by both."""
        name = {"subunit-1to2": "subunit-2to1", "subunit-2to1": "subunit-1to2"}[call.name]
        if call.name == "subunit-2to1" and has_packets(call.out):
            # A packet in the text of version 1 is one (reader.h, READER_V1; decision 18).
            self.compared["mended: packet in text, subunit-1to2"] += 1
            return
        path = os.path.join(case.directory, "back")
        # Of a last line without a newline the reference loses a character.
        lacking = b"\n" if name == "subunit-1to2" and not call.out.endswith(b"\n") else b""
        case.save(path, names_as_utf8(call.out) + lacking)
        back = reference.Call(name, [], path)
        batch = reference.Batch([back], os.path.join(case.directory))
        with open(path, "rb") as f:
            done = tool(name, *(["--strict-reader"] if name == "subunit-2to1" else []), stdin=f)
        batch.wait()
        self.compare(case, None, back, done)

    def report(self, case, i, whose):
        with open(os.path.join(case.directory, "%s-report-%d" % (whose, i)), "rb") as f:
            return f.read()

    def compare(self, case, i, their, our):
        check = getattr(self, "check_" + re.sub(r"\W", "_", their.name))
        death = their.death
        if death and re.fullmatch(READER_DEATHS, death):
            self.compared["reader died, " + their.name] += 1
            self.assertTrue(case.damaged or i is None, death)
            self.assertEqual(our.rc, 1)
            self.assertIn(death.encode(), our.err)
        elif death:
            self.compared["died, " + their.name] += 1
            self.assertTrue(is_mended(their, death), death)
            self.assertIn(our.rc, (0, 1))
            self.assertNotRegex(our.err, b": error: (?!the Python reader would have died)")
        else:
            self.compared[their.name] += 1
            if their.name == "subunit-ls" and (our.rc, their.rc) == (1, 0) and hidden_by_exists(self.case_events(case)):
                self.compared["mended: exists in a test, subunit-ls"] += 1
            else:
                self.assertEqual(our.rc, their.rc)
        check(case, i, their, our, bool(death))

    def check_start(self, their, our, died):
        """All, or what was there before the end."""
        self.assertSame(our[:len(their)] if died else our, their)

    def check_subunit_ls(self, case, i, their, our, died):
        self.check_start(their.out, our.out, died)
        self.assertTrue(died or not our.err)

    def check_subunit_stats(self, case, i, their, our, died):
        if "-f" in their.args and not died:
            self.assertSame(told(packets_of(our.out)), told(packets_of(their.out)))
        elif not died:
            self.assertSame(our.out, their.out)

    def check_subunit_filter(self, case, i, their, our, died):
        got, expected = (flat(mask_now(packets_of(w.out))) for w in (our, their))
        if died:
            expected = expected[:-1]
            got = got[:len(expected)]
        self.assertSame(got, expected)

    def check_subunit_2to1(self, case, i, their, our, died):
        expected, got = sort_v1_tags(names_as_utf8(their.out)), sort_v1_tags(our.out)
        if got != expected and not died:
            self.assertTrue(unglued(expected, got), (got, expected))

    def check_subunit_1to2(self, case, i, their, our, died):
        expected, got = told(mask_now(packets_of(their.out))), told(clipped(mask_now(packets_of(our.out))))
        if read_behind_text(expected, got):
            self.compared["mended: outcome behind text, subunit-1to2"] += 1
        else:
            self.check_start(expected[:-1] if died else expected, got, died)

    def case_events(self, case):
        if case.events is None:
            with open(case.path, "rb") as f:
                case.events = events_of(f, *(["--strict-reader"] if case.damaged else []))
        return case.events

    def outputs(self, case, i, their, our):
        """The two reports; what is forwarded beside them is compared here."""
        if "-o" not in their.args:
            return their.out, our.out
        self.assertSame(told(packets_of(our.out)), told(packets_of(their.out)))
        return self.report(case, i, "their"), self.report(case, i, "our")

    def check_subunit2csv(self, case, i, their, our, died):
        if died:
            return
        expected, got = self.outputs(case, i, their, our)
        self.assertSame(got, without_guesses(expected, self.case_events(case)))

    def check_subunit2junitxml(self, case, i, their, our, died):
        if died:
            return
        expected, got = self.outputs(case, i, their, our)
        self.assertSame(got, without_guessed_seconds(expected, self.case_events(case)))

    def check_subunit2pyunit(self, case, i, their, our, died):
        self.check_start(their.out, our.out, died)
        if not died:
            self.assertSame(mask_seconds(our.err), mask_seconds(their.err))

    def check_subunit2disk(self, case, i, their, our, died):
        if died:
            return
        if any(e["test_id"] == "" for e in self.case_events(case)):
            # Decision 23: the reference writes that test beside its directory.
            self.compared["mended: empty id, subunit2disk"] += 1
            return
        self.assertSame(*(tree(os.path.join(case.directory, "%s-report-%d" % (w, i))) for w in ("our", "their")))

    def check_subunit_tags(self, case, i, their, our, died):
        self.assertSame(told(packets_of(our.out)), told(packets_of(their.out)))

    def check_tap2subunit(self, case, i, their, our, died):
        self.assertSame(our.out, their.out)

    def check_subunit_output(self, case, i, their, our, died):
        self.assertSame(told(mask_now(packets_of(our.out))), told(mask_now(packets_of(their.out))))


if __name__ == "__main__":
    tap.main()
