# SPDX-License-Identifier: Apache-2.0
"""The tools between subunit and other formats, subunit-tags and subunit-output: against the vectors, Debian's tools and hostile
input."""

import base64
import glob
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import unittest
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402
import test_tools  # noqa: E402
from streams import tap_stream  # noqa: E402
from toolcheck import (BINARY, FROZEN, LONG, TIMEOUT, VECTORS, as_expected, events_of, expected_bytes, is_text,  # noqa: E402
                       join_pieces, load, load_json, loose_bytes, mask_now, mask_seconds, no_empty_tags, one_packet,
                       packet, pieces_of, python_time, records, reference, shorten, tool, tree, vector_events,
                       without_guessed_seconds, without_guesses)

TOOLS = {"csv": "subunit2csv", "csv_passthrough": "subunit2csv", "junit": "subunit2junitxml", "junit_stdout": "subunit2junitxml",
         "pyunit": "subunit2pyunit", "tags": "subunit-tags", "disk": "subunit2disk"}

CONVERTERS = ["subunit2csv", "subunit2junitxml", "subunit2pyunit", "subunit2disk", "tap2subunit", "gojson2subunit", "junitxml2subunit",
              "libtest2subunit", "gtest2subunit", "ctest2subunit", "meson2subunit"]
REPORTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "reports")

# Where we differ on purpose from a recorded run that did not end in a traceback: run, vector, and the decision (or section of the
# specification) that says so.
MENDED = {
    ("junit", "time_only_end"): "21: a test without a time of its start took none, instead of that since the time of day",
    ("junit", "big_attachment_two_packets"): "21: likewise",
    ("disk", "id_path_escape"): "23: the test whose id is . is written into the directory, not beside it",
}

def tagged(events, added, gone):
    """What subunit-tags makes of events."""
    result = []
    for event in events:
        tags = sorted(set(event["test_tags"] or []) - set(gone) | set(added) - set(gone))
        result.append(dict(event, test_tags=tags or None))
    return result


def said(events):
    """The records, however what belongs to no test was cut into packets."""
    result = []
    for record in records(events):
        if not isinstance(record[0], dict) or record[0]["file_name"] is None:
            result.append(record)
            continue
        piece = join_pieces(record[1] if isinstance(record[1], list) else [record[1]])
        if result and record[0] == result[-1][0]:
            piece = join_pieces([result.pop()[1], piece])
        result.append((record[0], piece))
    return result


def vector_tree(run):
    files = {}
    for name, content in (run.get("tree") or {}).items():
        files[name] = content["data"].encode() if "data" in content else base64.b64decode(content["data_b64"])
    return files


class Case(unittest.TestCase):
    maxDiff = 4000

    def assertSame(self, got, expected):
        """assertEqual takes hours to tell the difference between long things."""
        if got != expected:
            self.fail("%r\n  instead of\n%r" % (str(got)[:2000], str(expected)[:2000]))


class Vectors(Case):
    """One test a vector, made below."""

    def check_csv(self, name, run, stream, options, events):
        done = tool("subunit2csv", *options, "--no-passthrough", stdin=stream)
        expected = expected_bytes(run, "stdout")
        got = done.out
        if isinstance(expected, bytes):
            expected = without_guesses(expected, events)
        else:
            got = as_expected(expected, got.replace(b",-", b"," + python_time(FROZEN).encode()))
        self.assertEqual(done.err, b"")
        self.assertIn(done.rc, (0, 1) if run["crash"] else (run["rc"],))
        # Decision 21: it goes on where the reference dies.
        self.assertSame(got[:len(expected)] if run["crash"] else got, expected)
        loud = tool("subunit2csv", *options, stdin=stream)
        self.assertSame((loud.rc, loud.out, loud.err), (done.rc, done.out, loose_bytes(events)))  # Decision 22.
        return loud

    def check_junit(self, name, run, stream, options, events):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "out.xml")
            done = tool("subunit2junitxml", *options, "--no-passthrough", "-o", path, stdin=stream)
            report = load(path)
        self.assertEqual((done.out, done.err), (b"", b""))
        if run["crash"]:
            self.assertIn(done.rc, (0, 1))
        else:
            self.assertEqual(done.rc, run["rc"])
            expected = expected_bytes(run, "outfile")
            got = as_expected(expected, report)
            if ("junit", name) in MENDED:
                self.assertNotEqual(got, expected)
                expected, got = (re.sub(rb'time="-?[\d.]+"', b"", text) for text in (expected, got))
            self.assertSame(got, expected)
        loud = tool("subunit2junitxml", *options, stdin=stream)
        self.assertSame((loud.rc, loud.out, loud.err), (done.rc, report, loose_bytes(events)))  # Decision 22.
        return loud

    def check_mixed(self, run, loud, without_guesses_of, events):
        """The runs with packets in the midst of the report: ours has that on standard output and what they hold on standard
        error (decision 22)."""
        mixed = expected_bytes(run, "stdout")
        if run["crash"] or not isinstance(mixed, bytes):
            return
        pieces = list(pieces_of(mixed))
        self.assertEqual(loud.rc, run["rc"])
        self.assertSame(loud.out, without_guesses_of(b"".join(data for is_packet, data in pieces if not is_packet), events))
        self.assertSame(loud.err, loose_bytes(one_packet(data) for is_packet, data in pieces if is_packet))

    def check_pyunit(self, name, run, stream, options, events):
        done = tool("subunit2pyunit", *options, stdin=stream)
        if run["crash"]:
            self.assertIn(done.rc, (0, 1))
            return
        self.assertEqual(done.rc, run["rc"])
        self.assertEqual(as_expected(expected_bytes(run, "stdout"), done.out), expected_bytes(run, "stdout"))
        expected = expected_bytes(run, "stderr")
        if isinstance(expected, bytes):
            self.assertEqual(mask_seconds(done.err), mask_seconds(expected))
        else:
            again = re.sub(rb"(?m)^(Ran \d+ tests? in) \d+\.\d{3}s$", rb"\1 0.000s", done.err)
            self.assertEqual(as_expected(expected, again), expected)

    def check_disk(self, name, run, stream, options, events):
        with tempfile.TemporaryDirectory() as directory:
            root = os.path.join(directory, "disk")
            done = tool("subunit2disk", *options, "-d", root, stdin=stream)
            got = tree(root)
            self.assertEqual(os.listdir(directory), ["disk"])
        self.assertEqual((done.rc, done.out, done.err), (0, b"", b""))
        if not run["crash"] and "tree" in run:
            expected = vector_tree(run)
            if ("disk", name) in MENDED:
                expected["test.json"] = b'{"details": [], "id": ".", "start": null, "status": "success", "stop": null, "tags": []}'
            self.assertEqual(got, expected)

    def check_tags(self, name, run, stream, events):
        done = tool("subunit-tags", "added", "-slow", stdin=stream)
        self.assertEqual((done.rc, done.err), (0, b""))
        own = events_of(stream)
        self.assertSame(said(events_of(done.out)), said(tagged(own, ["added"], ["slow"])))
        if own == events and not run["crash"]:
            self.assertSame(said(shorten(events_of(done.out))), said(vector_events(run["v2_events"])))

    def check(self, name):
        stream = load(os.path.join(VECTORS, "v2", name + ".v2"))
        vector = load_json(os.path.join(VECTORS, "v2", name + ".events.json"))
        runs = {r["id"]: r for r in load_json(os.path.join(VECTORS, "v2", name + ".tools.json"))["runs"]}
        events = events_of(stream, "--strict-reader")
        # Decisions 18 and 19: our own reader sees more in damaged streams, and the same in good ones.
        options = [] if events == events_of(stream) else ["--strict-reader"]
        with self.subTest(run="tags"):
            self.check_tags(name, runs["tags"], stream, events)
        if vector["crash"]:
            for run in ("csv", "junit", "pyunit"):
                with self.subTest(run=run):
                    done = tool(TOOLS[run], "--strict-reader", stdin=stream)
                    self.assertEqual(done.rc, 1)
                    self.assertIn(b"died", done.err)
            return
        loud = {}
        for run in ("csv", "junit", "pyunit", "disk"):
            if run in runs:
                with self.subTest(run=run):
                    loud[run] = getattr(self, "check_" + run)(name, runs[run], stream, options, events)
        for run, of, without in (("csv_passthrough", "csv", without_guesses), ("junit_stdout", "junit", without_guessed_seconds)):
            if run in runs and loud.get(of):
                with self.subTest(run=run):
                    self.check_mixed(runs[run], loud[of], without, events)

    def test_every_recorded_run_is_looked_at(self):
        recorded = set()
        for path in glob.glob(os.path.join(VECTORS, "v[12]", "*.tools.json*")):
            recorded |= {r["id"] for r in load_json(re.sub(r"\.xz$", "", path))["runs"]}
        self.assertEqual(recorded, set(TOOLS) | set(test_tools.OURS))
        for kind, ending in (("v2", "v2"), ("v1", "v1")):
            streams = {os.path.basename(p).split(".")[0] for p in glob.glob(os.path.join(VECTORS, kind, "*." + ending + "*"))}
            tests = {n[len("test_" + kind) + 1:] for n in dir(test_tools.VectorTest) if n.startswith("test_" + kind)}
            # rich is the input of the option matrices, which have lists of their own.
            self.assertEqual(streams - tests, {"rich"} if kind == "v2" else set())
        of_filter = load_json(os.path.join(VECTORS, "filter", "cli.tools.json"))["runs"]
        self.assertLessEqual({r["argv"][0] for r in of_filter}, set(TOOLS.values()) | set(test_tools.OURS.values()))


def add_vectors():
    for path in sorted(glob.glob(os.path.join(VECTORS, "v2", "*.tools.json*"))):
        name = os.path.basename(path).split(".")[0]

        def test(self, name=name):
            self.check(name)
        setattr(Vectors, "test_" + name, test)


add_vectors()


class CommandLines(Case):
    """Options and exit statuses."""

    def compare_events(self, got, expected):
        """Text may stand elsewhere between the packets: in the reference's pipe it comes late."""
        def packets(events):
            return [e for e in events if not is_text(e)]

        def text(events):
            return b"".join(e["file_bytes"] for e in events if is_text(e))
        self.assertEqual(packets(no_empty_tags(got)), packets(no_empty_tags(expected)))
        self.assertEqual(sorted(text(got).splitlines()), sorted(text(expected).splitlines()))

    def test_vectors(self):
        matrix = load_json(os.path.join(VECTORS, "filter", "cli.tools.json"))
        path = os.path.join(VECTORS, matrix["input"])
        stream = load(path)
        events = events_of(stream)
        for run in matrix["runs"]:
            name = run["argv"][0]
            if name not in TOOLS.values():
                continue
            with self.subTest(run=run["id"]), tempfile.TemporaryDirectory() as directory:
                args = [a.replace("@IN", path).replace("@TMP", directory) for a in run["argv"][1:]]
                done = tool(name, *args, stdin=stream if run["stdin"] else b"")
                self.assertEqual(done.rc, run["rc"])
                out = expected_bytes(run, "stdout")
                if name == "subunit-tags" and not run["crash"]:
                    self.assertEqual(records(events_of(done.out)), records(vector_events(run["v2_events"])))
                elif "-f" in args or "--forward" in args:
                    mended = without_guesses(expected_bytes(run, "outfile"), events) if name == "subunit2csv" else None
                    self.check_forward(run, done, out, directory, mended)
                elif run["crash"] and "--progress" not in args:
                    self.assertEqual((done.out, done.err.count(b"\n")), (b"", 1))
                elif name == "subunit2pyunit":
                    self.assertEqual(done.out, out if "--no-passthrough" in args else loose_bytes(events))
                    if run.get("stderr"):
                        self.assertEqual(mask_seconds(done.err), mask_seconds(run["stderr"].encode()))
                elif run.get("stderr"):
                    self.assertEqual(done.err.decode(), run["stderr"])

    def check_forward(self, run, done, out, directory, mended):
        report = os.path.join(directory, "o")
        if os.path.exists(report):
            self.assertEqual(load(report), mended or expected_bytes(run, "outfile"))
        if run["crash"]:
            # Decision 21: the reference dies of a test without attachments.
            self.assertLess(set(loose_bytes(events_of(out)).splitlines()), set(loose_bytes(events_of(done.out)).splitlines()))
        else:
            self.compare_events(events_of(done.out), events_of(out))

    def test_output(self):
        matrix = load_json(os.path.join(VECTORS, "output", "matrix.tools.json"))
        with tempfile.TemporaryDirectory() as directory:
            for name, content in (("attach.txt", b"file body\n"), ("empty.txt", b""), ("exact.bin", b"q" * 3670016),
                                  ("over.bin", b"q" * 3670017)):
                with open(os.path.join(directory, name), "wb") as f:
                    f.write(content)
            for run in matrix["runs"]:
                with self.subTest(run=run["id"]):
                    self.check_output(run, directory)

    def check_output(self, run, directory):
        done = tool("subunit-output", *(a.replace("/dir", directory) for a in run["argv"][1:]), stdin=b"file body\n")
        if run["crash"]:
            # Decision 21.
            self.assertEqual(run["id"], "output --attach-file - --file-name x")
            self.assertEqual((done.rc, done.err), (0, b""))
            self.assertEqual([(e["file_name"], e["file_bytes"]) for e in events_of(done.out)], [("x", b"file body\n")])
            return
        self.assertEqual((done.rc, done.err.decode()), (run["rc"], run.get("stderr", "")))
        got = mask_now(events_of(done.out))
        for event in got:
            if event["file_name"] is not None:
                event["file_name"] = event["file_name"].replace(directory, "/dir")
        self.assertEqual(shorten(got), mask_now(vector_events(run["v2_events"])))

    def test_help(self):
        for name in CONVERTERS + ["subunit-output"]:
            with self.subTest(tool=name):
                done = tool(name, "--help", "--bogus")
                self.assertEqual((done.rc, done.err), (0, b""))
                self.assertTrue(done.out.startswith(b"Usage: " + name.encode()))
                self.assertLessEqual(max(len(line) for line in done.out.splitlines()), 80)
                self.assertEqual(tool(name, "--bogus").rc, 2)

    def test_full_disk(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("there is no /dev/full")
        stream = load(os.path.join(VECTORS, "v2", "rich.v2"))
        inputs = {"tap2subunit": b"1..1\nok 1\n", "gojson2subunit": b'{"Action": "run", "Package": "p", "Test": "T"}\n',
                  "libtest2subunit": load(os.path.join(REPORTS, "libtest.json")),
                  "gtest2subunit": load(os.path.join(REPORTS, "gtest.json")),
                  "ctest2subunit": load(os.path.join(REPORTS, "ctest.xml")),
                  "meson2subunit": load(os.path.join(REPORTS, "meson.json"))}
        xml = os.path.join(VECTORS, "junitxml", "junit_times.xml")
        calls = [[name] for name in CONVERTERS if name not in ("subunit2disk", "subunit2pyunit", "junitxml2subunit")]
        for call in calls + [["subunit-tags", "a"], ["subunit-output", "--fail", "a"], ["junitxml2subunit", xml]]:
            with self.subTest(call=call), open("/dev/full", "wb") as full:
                done = subprocess.run([BINARY] + call, input=inputs.get(call[0], stream), stdout=full, stderr=subprocess.PIPE,
                                      timeout=TIMEOUT)
                self.assertEqual(done.returncode, 1)
                self.assertIn(b"No space left", done.stderr)
        with self.subTest(call="subunit2pyunit"), open("/dev/full", "wb") as full:
            done = subprocess.run([BINARY, "subunit2pyunit"], input=stream, stdout=subprocess.PIPE, stderr=full, timeout=TIMEOUT)
            self.assertEqual(done.returncode, 1)
        for name in ("subunit2csv", "subunit2junitxml"):
            with self.subTest(call=name + " -o"):
                done = tool(name, "--no-passthrough", "-o", "/dev/full", stdin=stream)
                self.assertEqual(done.rc, 1)
                self.assertIn(b"No space left", done.err)

    def test_output_arguments(self):
        self.assertEqual(tool("subunit-output", "--fail", b"\xff").rc, 2)
        self.assertEqual(tool("subunit-output", "--suc", "a", "--tag=b").rc, 0)
        done = tool("subunit-output", "--attach-file", "/")
        self.assertEqual((done.rc, done.out), (1, b""))


class Disk(Case):
    """Decision 23."""

    def export(self, ids, prepare=None):
        """Exports tests with an attachment of the same name into a directory beside others. Returns what is there then."""
        stream = b"".join(packet(0x2103, i, file=(i, b"content")) for i in ids)
        with tempfile.TemporaryDirectory() as directory:
            root = os.path.join(directory, "export")
            os.mkdir(root)
            os.mkdir(root + "evil")
            if prepare:
                prepare(root)
            done = tool("subunit2disk", "-d", root, stdin=stream)
            self.assertEqual((done.rc, done.err), (0, b""))
            self.assertEqual(sorted(os.listdir(directory)), ["export", "exportevil"])
            self.assertEqual(os.listdir(root + "evil"), [])
            return tree(root)

    def check_whole(self, files, ids):
        """Each test is there once, with its attachment."""
        found = [json.loads(c)["id"] for n, c in files.items() if re.fullmatch(r"test\.json(-\d+)?", os.path.basename(n))
                 and c != b"content"]
        self.assertEqual(sorted(found), sorted(i.decode() for i in ids))
        self.assertEqual(sum(c == b"content" for c in files.values()), len(ids))

    def test_escapes(self):
        ids = [b"../exportevil/x", b"..", b"../..", b"/etc/x", b"a/../../exportevil/y", b".", b"", b"./", b"a/./b", b"a//b",
               b"\\..\\x", b"...", b"test.json", b"a", b"a/test.json", b"a/test.json/x"]
        self.check_whole(self.export(ids), ids)

    def test_one_name(self):
        def prepare(root):
            os.mkdir(os.path.join(root, "same-4"))
        ids = [b"same"] * 70
        self.check_whole(self.export(ids), ids)
        files = self.export(ids, prepare)
        self.check_whole(files, ids)
        self.assertLessEqual({"same/test.json", "same-1/test.json", "same-70/test.json"}, set(files))

    def test_links(self):
        def prepare(root):
            os.symlink("../exportevil", os.path.join(root, "link"))
            os.symlink("../exportevil/file", os.path.join(root, "file"))
        ids = [b"link/x", b"link", b"file", b"file/x"]
        self.check_whole(self.export(ids, prepare), ids)

    def test_lengths(self):
        ids = [b"x" * 255, b"x" * 255, b"x" * 256, b"x" * 70000, "\u00e9".encode() * 200, b"d/" * 70 + b"x", b"y" * 300 + b"/z",
               b"/".join([b"z" * 250] * 60)]
        self.check_whole(self.export(ids), ids)

    def test_nothing_is_changed(self):
        def prepare(root):
            os.makedirs(os.path.join(root, "a"))
            with open(os.path.join(root, "a", "test.json"), "w") as f:
                f.write("mine")
        files = self.export([b"a"], prepare)
        self.assertEqual(files.pop("a/test.json"), b"mine")
        self.check_whole(files, [b"a"])


# Recorded runs of the converters to subunit that differ from ours: what says so, and what ours does.
MENDED_CONVERTERS = {
    # The events are the same, the times are not.
    "junit_times": ("duration.h: thousands with a comma", [(i, s, None) for i in "abcd" for s in ("inprogress", "success")]),
    "tap_skip_all_bare": ("decision 21", [("file skip", "skip", None)]),
    "go_fail": ("specification 12.20", [("ex/p.TestB", "inprogress", None), ("ex/p.TestB", "fail", b"    b_test.go:3: no\n"),
                                        (None, None, b"FAIL\n")]),
    "go_aborted_silent": ("specification 12.20", [("ex/p.TestD", "inprogress", None), ("ex/p.TestD", "fail", None)]),
    "junit_nested": ("specification 8, nested suites", [("inner", "inprogress", None), ("inner", "success", None),
                                                        ("outer", "inprogress", None), ("outer", "success", None)]),
    "junit_time_inf": ("decision 21", [("a", "inprogress", None), ("a", "success", None)]),
    "junit_system_out": ("junitxml.h", [("a", "inprogress", None), ("a", None, b"hello"), ("a", "success", None)]),
    "junit_fail_and_error": ("junitxml.h", [("a", "inprogress", None), ("a", None, b"e\nE\n"), ("a", "fail", b"f\nF\n")]),
}


def short(events):
    return [(e["test_id"], e["test_status"], e["file_bytes"]) for e in events]


class Converters(Case):
    """The converters to subunit."""

    def test_tags_leave_other_packets_alone(self):
        """Also one with the reserved bit, which no writer of ours sets; those that change are made anew."""
        same = [packet(0x210b, b"a", (1, 5), [b"x", b"y"]), packet(0x2000, None, None, None, b"a/b", (b"log", b"bytes"), b"0/1"),
                packet(0x210a, b"b", (2, 0))]
        self.assertEqual(tool("subunit-tags", "-other", stdin=b"".join(same)).out, b"".join(same))
        self.assertEqual(tool("subunit-tags", "x", stdin=same[0]).out, same[0])
        self.assertEqual(tool("subunit-tags", "-x", stdin=same[0]).out, packet(0x2103, b"a", (1, 5), [b"y"]))
        self.assertEqual(tool("subunit-tags", "-x", stdin=packet(0x2103, b"a", None, [b"z", b"y"])).out,
                         packet(0x2103, b"a", None, [b"y", b"z"]))

    def test_vectors(self):
        used = set()
        for name, ending in (("tap", "tap"), ("gojson", "json"), ("junitxml", "xml")):
            for path in sorted(glob.glob(os.path.join(VECTORS, name, "*.tools.json"))):
                vector = os.path.basename(path).split(".")[0]
                run, = load_json(path)["runs"]
                source = os.path.join(VECTORS, name, vector + "." + ending)
                with self.subTest(vector=vector):
                    done = tool(name + "2subunit", source) if "@IN" in run["argv"] else tool(name + "2subunit",
                                                                                             stdin=load(source))
                    got = events_of(done.out)
                    self.assertEqual(done.err, b"")
                    if vector in MENDED_CONVERTERS:
                        used.add(vector)
                        why, expected = MENDED_CONVERTERS[vector]
                        self.assertEqual(short(got), expected, why)
                        failed = any(e[1] == "fail" for e in expected)
                        self.assertEqual(done.rc, int(failed and name != "tap"))
                        continue
                    self.assertEqual(done.rc, run["rc"])
                    self.assertEqual(got, vector_events(run["v2_events"]))
                    self.assertEqual(done.out, expected_bytes(run, "stdout"))
        self.assertEqual(used, set(MENDED_CONVERTERS))

    def test_tap_beside_debian(self):
        if not os.path.exists("/usr/bin/tap2subunit"):
            self.skipTest("Debian's subunit is not installed")
        rng = random.Random(20200102)
        for i in range(2000 if LONG else 40):
            source = tap_stream(rng, 60)
            with self.subTest(stream=i):
                self.assertSame(tool("tap2subunit", stdin=source).out, reference(("tap2subunit",), source).stdout)

    def test_round_trip(self):
        """What subunit2junitxml writes comes back: ids, outcomes, times."""
        stream = load(os.path.join(VECTORS, "v2", "rich.v2"))
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "a.xml")
            tool("subunit2junitxml", "-o", path, stdin=stream)
            done = tool("junitxml2subunit", "-d", directory)
        self.assertEqual((done.rc, done.err), (1, b""))
        ends = [(e["test_id"], e["test_status"]) for e in events_of(done.out) if e["test_status"] not in (None, "inprogress")]
        self.assertEqual(ends, [("pkg.A::test_ok", "success"), ("pkg.A::test_bad", "fail"), ("pkg.B::test_skip", "skip"),
                                ("pkg.B::test_xf", "success"), ("pkg.B::test_ux", "fail"), ("pkg.B::test_hung", "fail")])
        listed = tool("subunit-ls", "--times", stdin=done.out).out.split()
        self.assertEqual(listed[1::2], [b"2.000", b"2.000", b"0.001", b"0.000", b"0.000", b"0.000"])

    def test_junit_directories(self):
        with tempfile.TemporaryDirectory() as directory:
            for name in ("b.xml", "a.xml", "sub/c.xml", "a/d.xml", "x.txt", "z.xml"):
                path = os.path.join(directory, name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w") as f:
                    f.write('<testsuite><testcase name="%s" time="1"/></testsuite>' % name)
            with open(os.path.join(directory, "broken.xml"), "w") as f:
                f.write('<testsuite><testcase name="first"/><testcase')
            done = tool("junitxml2subunit", "--dir", directory, os.path.join(directory, "x.txt"), "-d", "/nonexistent", "/nonexistent")
        ends = [(e["test_id"], e["timestamp"][17:19]) for e in events_of(done.out) if e["test_status"] == "success"]
        self.assertEqual(ends, [("a.xml", "01"), ("b.xml", "02"), ("first", "02"), ("z.xml", "03"), ("a/d.xml", "04"),
                                ("sub/c.xml", "05"), ("x.txt", "06")])
        self.assertEqual(done.rc, 1)
        self.assertEqual(len(re.findall(rb"(?m)^junitxml2subunit: ", done.err)), 3)
        self.assertIn(b"broken.xml: line 1: ", done.err)
        self.assertIn(b"not a directory: /nonexistent\n", done.err)
        self.assertEqual(tool("junitxml2subunit").rc, 2)


HOSTILE = {
    "tap2subunit": [b"x" * (9 << 20), b"ok " + b"y" * (5 << 20) + b"\nok\n", b"ok 1\n" + b"# c\n" * 300000, b"1..999999999999999999999\n",
                    b"ok 999999999999999999\nok\nok\n", b"ok \xff\x00\n", b"ok 1", b"\n" * 1000, bytes(range(256)) * 100],
    "gojson2subunit": [b"{" * (1 << 20), b"[" * (1 << 20) + b"\n", b'{"a":' * 100000 + b"\n", b'{"Action":"run","Test":"' + b"t" * (3 << 20)
                       + b'"}\n', b'{"Action":"output","Test":"t","Output":"' + b"o" * (5 << 20) + b'"}\n',
                       b'{"Action":"output","Test":"t","Output":"' + b"o" * (1 << 20) + b'"}\n' * 1 + b"{",
                       b'{"Action":"output","Package":"p","Output":"' + b"o" * 1000 + b'"}\n{"Action":"fail","Package":"p"}\n',
                       b'{"Action":1,"Test":[]}\n{"Action":"fail"}\n', b'{"Action":"run","Test":"a\\u0000b"}\n', b"\xff\xfe{}\n"],
    "libtest2subunit": [b"{" * (9 << 20), b'{ "type": "test", "event": "started", "name": "' + b"n" * (9 << 20) + b'" }\n',
                        b'{ "type": "test", "event": "started", "name": "a\\u0000\\ud800" }\n', b"\xff\xfe{}\n", b"x" * (9 << 20)],
    "gtest2subunit": [b"[" * (1 << 20), b'{"' + b"n" * (9 << 20), b"{}" * 1000, b'{"a": [{"name": "' + b"n" * (9 << 20) + b'", "b": [{"name": ""}]}]}',
                      b'{"a": [{"b": [' + b"[" * (9 << 20), b'{"a": [{"b": [{"name": "a\\u0000", "status": 1}]}]}', b"\x00"],
    "ctest2subunit": [b"<Site>" * 1000, b"<Site" + b" b" * (4 << 20), b"<Site><Testing><Test Status='failed'><Name>" + b"n" * (20 << 20)
                      + b"</Name></Test></Testing></Site>", b"<Site><Testing><Test Status='failed'><Results><Measurement><Value encoding='base64' "
                      b"compression='gzip'>" + base64.b64encode(zlib.compress(bytes(100 << 20), 9)) + b"</Value></Measurement></Results></Test>"
                      b"</Testing></Site>", b"", b"\x00"],
    "meson2subunit": [b"{" * (9 << 20), b'{"name": "a", "result": "OK", "env": {' + b'"k": "' + b"v" * (9 << 20) + b'"}}\n',
                      b'{"name": "a", "result": "FAIL", "command": [' + b'"x", ' * (2 << 20) + b'""]}\n', b"\xff", b'{"name": "a", "result": "OK", '
                      b'"starttime": 1e300, "duration": -1e300}\n'],
    "junitxml2subunit": [b"<testsuite>" * 1000, b"<a" + b" b" * (4 << 20), b'<testsuite><testcase name="' + b"n" * (3 << 20),
                         b"<testsuite><testcase name='a'><failure>" + b"t" * (20 << 20) + b"</failure></testcase></testsuite>",
                         b"<testsuite><!--" + b"-x" * (2 << 20), b"<testsuite><testcase name='a'><failure>", b"", b"\x00", b"<",
                         b'<!DOCTYPE x [<!ENTITY a "' + b"a" * 1000 + b'">' + b"".join(
                             b'<!ENTITY %c "%s">' % (98 + i, (b"&%c;" % (97 + i)) * 20) for i in range(10))
                         + b"]><testsuite><testcase name='n'><failure>&k;</failure></testcase></testsuite>",
                         b'<!DOCTYPE x [<!ENTITY e SYSTEM "/etc/passwd">]><testsuite><testcase name="n"><failure>&e;</failure></testcase>'
                         b"</testsuite>", b'<testsuite><testcase name="a" time="1e300"/><testcase name="b" time="nan"/></testsuite>'],
}
MEMORY = 1 << 30


def limited(name, stream):
    """Runs a tool on a file, with bounded memory where no sanitizer reserves its own."""
    with tempfile.NamedTemporaryFile() as f:
        f.write(stream)
        f.flush()
        script = "%s exec \"$0\" \"$1\" \"$2\"" % ("" if "sanitize" in BINARY or os.environ.get("ASAN_OPTIONS") else
                                                   "ulimit -v %d;" % (MEMORY >> 10))
        return tool(None, name, f.name, command=["sh", "-c", script, BINARY])


class Hostile(Case):
    """Nothing crashes, nothing grows without bound, and what comes out is a stream."""

    def check(self, name, stream):
        done = limited(name, stream)
        self.assertIn(done.rc, (0, 1))
        self.assertNotIn(b"Sanitizer", done.err)
        self.assertLessEqual(done.err.count(b"\n"), 1)
        self.assertLess(len(done.out), 4 * len(stream) + (32 << 20))
        self.assertEqual(tool("subunit2json", stdin=done.out).rc, 0)

    def test_inputs(self):
        for name, streams in HOSTILE.items():
            for i, stream in enumerate(streams):
                with self.subTest(tool=name, stream=i):
                    self.check(name, stream)

    def test_changed_vectors(self):
        rng = random.Random(20200103)
        for name in HOSTILE:
            base = name[:-len("2subunit")]
            paths = glob.glob(os.path.join(VECTORS, base, "*")) or glob.glob(os.path.join(REPORTS, base + "*"))
            sources = [load(p) for p in sorted(paths) if ".tools." not in p]
            for i in range(25):
                stream = bytearray(rng.choice([s for s in sources if s]))
                for _ in range(rng.randint(1, 6)):
                    stream[rng.randrange(len(stream))] = rng.randrange(256)
                with self.subTest(tool=name, stream=i):
                    self.check(name, bytes(stream[:rng.randint(1, len(stream))]))


if __name__ == "__main__":
    tap.main()
