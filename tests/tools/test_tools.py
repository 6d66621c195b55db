# SPDX-License-Identifier: Apache-2.0
"""The subunit-* tools against the vectors and in pipelines."""

import base64
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402
from toolcheck import (BINARY, TIMEOUT, VECTORS, as_expected, events_of, expected_bytes, flat, grown_by_newlines, load,  # noqa: E402
                       load_json, mask_now, no_empty_tags, packet, records, same_on_one_line, shorten,
                       sort_v1_tags, tool, vector_events)

# Where we differ on purpose: the runs, the vectors, the decision (or section of the specification) that says so, and what then
# holds between the reference's output and ours. None: nothing can be compared.
MENDED = [
    ("2to1_1to2", "text_f4_b3|text_sticky_decoder|text_truncated",
     "a packet in version 1 is no text, and a line begins behind it (reader.h, READER_V1; decision 18)", None),
    ("2to1", "id_newline|detail_name_newline", "newlines in names stay on the line (v1.h)", same_on_one_line),
    ("2to1", "", "text that ends in mid-line hides no directive (specification 12.16)", grown_by_newlines),
]


def mended(run_id, vector):
    for runs, vectors, why, check in MENDED:
        if re.fullmatch(runs, run_id) and re.search(vectors, vector):
            return why, check
    return None, None


OURS = {"ls": "subunit-ls", "ls_times": "subunit-ls", "ls_exists": "subunit-ls", "stats": "subunit-stats",
        "stats_forward": "subunit-stats", "filter": "subunit-filter", "filter_all": "subunit-filter",
        "filter_genuine": "subunit-filter", "2to1": "subunit-2to1", "2to1_1to2": "subunit-1to2", "1to2": "subunit-1to2",
        "1to2_2to1": "subunit-2to1"}


class VectorTest(unittest.TestCase):
    """One test a vector, made below; each run of the vector is a part of it."""
    maxDiff = 4000

    def check_bytes(self, vector, run, done):
        expected = expected_bytes(run, "stdout")
        got = as_expected(expected, done.out)
        why, check = mended(run["id"], vector)
        if run["id"] == "2to1" and isinstance(expected, bytes):
            expected, got = sort_v1_tags(expected), sort_v1_tags(got)
        if run["crash"]:
            # Decision 21: where the reference dies for other reasons than the reader's, we go on.
            self.assertIn(done.rc, (0, 1))
            self.assertEqual(done.err, b"")
            self.assertEqual(got[:len(expected)], expected)
            return
        self.assertEqual(done.rc, run["rc"])
        if check and got != expected:
            self.assertTrue(check(expected, got), why + ": " + repr((expected, got))[:2000])
        else:
            self.assertEqual(got, expected)

    def check_events(self, vector, run, done, compat):
        if run["crash"]:
            self.assertEqual((done.rc, done.err), (0, b""))
            return
        self.assertEqual(done.rc, run["rc"])
        # The vectors were read by the Python reader, too.
        got = mask_now(shorten(events_of(done.out, "--strict-reader")))
        expected = mask_now(vector_events(run["v2_events"]))
        form = flat if compat else records
        if form(got) != form(expected) and mended(run["id"], vector)[0]:
            return
        self.assertEqual(form(got), form(expected))

    def check_run(self, vector, run, stream, strict):
        run_id = run["id"]
        args = [a for a in run["argv"][1:] if a != "@IN"] + (["--strict-reader"] if strict else [])
        if run_id.startswith("filter"):
            self.check_events(vector, run, tool(OURS[run_id], *args, stdin=stream), False)
            self.check_events(vector, run, tool(OURS[run_id], "--compat", *args, stdin=stream), True)
        elif run_id == "stats_forward":
            done = tool(OURS[run_id], *args, stdin=stream)
            if not run["crash"] and "stdout_sha256" not in run:
                self.assertEqual(done.rc, run["rc"])
                self.assertEqual(no_empty_tags(events_of(done.out)), events_of(expected_bytes(run, "stdout")))
        else:
            self.check_bytes(vector, run, tool(OURS[run_id], *args, stdin=stream))

    def check_death(self, run, stream):
        """Where the reference's reader dies, --strict-reader says so."""
        args = [a for a in run["argv"][1:] if a != "@IN"] + ["--strict-reader"]
        done = tool(OURS[run["id"]], *args, stdin=stream)
        self.assertEqual(done.rc, 1)
        self.assertEqual(done.err.count(b"\n"), 1)
        self.assertIn(b"died", done.err)
        if run["id"].startswith("ls") or run["id"] == "stats":
            self.assertEqual(done.out, expected_bytes(run, "stdout"))

    def check_v2(self, name):
        stream = load(os.path.join(VECTORS, "v2", name + ".v2"))
        vector = load_json(os.path.join(VECTORS, "v2", name + ".events.json"))
        runs = load_json(os.path.join(VECTORS, "v2", name + ".tools.json"))["runs"]
        runs = {r["id"]: r for r in runs if r["id"] in OURS}
        strict = events_of(stream, "--strict-reader")
        self.assertEqual(shorten([dict(e) for e in strict]), vector_events(vector["events"]))
        again = tool("json2subunit", stdin=tool("subunit2json", stdin=stream).out)
        self.assertEqual((again.rc, again.err), (0, b""))
        self.assertEqual(events_of(again.out), events_of(stream))
        # Decisions 18 and 19: our own reader sees more in damaged streams, and the same in good ones.
        good = events_of(stream) == strict
        for run in runs.values():
            with self.subTest(run=run["id"]):
                if run["id"] == "2to1_1to2":
                    v1 = expected_bytes(runs["2to1"], "stdout")
                    if isinstance(v1, bytes):
                        self.check_events(name, run, tool("subunit-1to2", stdin=v1), False)
                elif vector["crash"]:
                    self.check_death(run, stream)
                else:
                    self.check_run(name, run, stream, not good)

    def check_v1(self, name):
        stream = load(os.path.join(VECTORS, "v1", name + ".v1"))
        runs = {r["id"]: r for r in load_json(os.path.join(VECTORS, "v1", name + ".tools.json"))["runs"]}
        done = tool("subunit-1to2", stdin=stream)
        with self.subTest(run="1to2"):
            self.check_events(name, runs["1to2"], done, False)
        with self.subTest(run="1to2_2to1"):
            run = dict(runs["1to2_2to1"], id="2to1")
            self.check_bytes(name, run, tool("subunit-2to1", stdin=expected_bytes(runs["1to2"], "stdout")))


def add_vectors(kind):
    for path in sorted(glob.glob(os.path.join(VECTORS, kind, "*.tools.json*"))):
        name = os.path.basename(path).split(".")[0]

        def test(self, name=name):
            getattr(self, "check_" + kind)(name)
        setattr(VectorTest, "test_%s_%s" % (kind, name), test)


add_vectors("v2")
add_vectors("v1")


# With --with and kin, decision 20 makes differences that only a list of their own can tell: what is left of v2/rich.v2.
MATRIX_MENDED = {
    "filter -s --with pkg.A": "pkg.A.test_ok success, pkg.A.test_bad fail",
    "filter -s -m flavor": "pkg.A.test_bad fail",
    "filter -s -m nomatch": "",
    "filter -s -m test_ok -m test_bad": "pkg.A.test_ok success, pkg.A.test_bad fail",
    "filter -s -m (?i)FLAVOR": "pkg.A.test_bad fail",
    "filter -s -m ^success": "pkg.A.test_ok success",
    "filter -s -m text/x-traceback": "",
    "filter -s -m b'all fine\\\\n'": "",
    "filter -s -m None": "",
    "filter -s -m $^": "",
    "filter -s --with-tag w0": "pkg.A.test_ok success, pkg.A.test_bad fail",
    "filter -s --with-tag w0 --with-tag slow": "pkg.A.test_bad fail",
    "filter -s --without-tag w0": "pkg.B.test_skip skip, pkg.B.test_ux uxsuccess, pkg.B.test_hung fail",
    "filter -s --with-tag w1 --without-tag slow": "pkg.B.test_skip skip, pkg.B.test_ux uxsuccess",
    "filter -s --rename pkg PKG": "PKG.A.test_ok success, PKG.A.test_bad fail, PKG.B.test_skip skip, "
                                  "PKG.B.test_ux uxsuccess, PKG.B.test_hung fail",
    "filter -s --rename \\.([AB])\\. /\\1/ --rename test_ ": "pkg/A/ok success, pkg/A/bad fail, pkg/B/skip skip, "
                                                         "pkg/B/ux uxsuccess, pkg/B/hung fail",
}


class LateRoute(unittest.TestCase):
    """subunit-ls prints by the id alone; whether all ended goes by id and route, also when the first route comes late."""

    def check(self, events, names, rc):
        stream = b"".join(packet(0x2100 | status, test_id, route=route) for test_id, route, status in events)
        done = tool("subunit-ls", stdin=stream)
        self.assertEqual((done.out.split(), done.rc), (names, rc))

    def test_open_before(self):
        self.check([(b"a", None, 2), (b"b", None, 2), (b"a", b"0", 3), (b"b", None, 3)], [b"a", b"b"], 1)
        self.check([(b"a", None, 2), (b"b", b"1", 3), (b"a", None, 3)], [b"b", b"a"], 0)
        self.check([(b"a", None, 2), (b"a", b"0", 3), (b"a", None, 3)], [b"a", b"a"], 0)
        self.check([(b"", None, 2), (b"a", b"0", 3)], [b"a"], 1)
        self.check([(b"", None, 2), (b"a", None, 3)], [b"a"], 1)
        self.check([(b"a", b"0", 2), (b"a", b"1", 3)], [b"a"], 1)
        self.check([(b"a", None, 6), (b"a", b"1", 3)], [b"a", b"a"], 1)


class FilterMatrix(unittest.TestCase):
    """The options of subunit-filter, in the reference's way (--compat) and in ours."""
    maxDiff = 4000

    def test_matrix(self):
        matrix = load_json(os.path.join(VECTORS, "filter", "matrix.tools.json"))
        stream = load(os.path.join(VECTORS, matrix["input"]))
        used = set()
        with tempfile.TemporaryDirectory() as directory:
            ids = os.path.join(directory, "ids")
            with open(ids, "w") as f:
                f.write(matrix["LIST"])
            for run in matrix["runs"]:
                if isinstance(run["new"], dict) and run["new"].get("rc") == 0:
                    run = {**run, **run["new"]}
                args = [ids if a == "@LIST" else a for a in run["argv"][1:]]
                with self.subTest(run=run["id"]):
                    self.check(run, args, stream, used)
        self.assertEqual(used, set(MATRIX_MENDED))

    def check(self, run, args, stream, used):
        if args[-1] == "@IN" and run["id"] != "filter -m":
            args.pop()
        else:
            stream = b""
        compat, own = tool("subunit-filter", "--compat", *args, stdin=stream), tool("subunit-filter", *args, stdin=stream)
        self.assertEqual((compat.rc, own.rc), (run["rc"], run["rc"]))
        if run["rc"]:
            self.assertEqual(own.out, b"")
            self.assertNotEqual(own.err, b"")
            if run.get("stderr"):
                self.assertEqual(own.err.decode(), run["stderr"])
            return
        expected = mask_now(vector_events(run["v2_events"]))
        self.assertEqual(flat(mask_now(events_of(compat.out))), flat(expected))
        if run["id"] in MATRIX_MENDED:
            used.add(run["id"])
            got = ", ".join("%s %s" % (e["test_id"], e["test_status"]) for e in events_of(own.out)
                            if e["test_status"] not in (None, "inprogress"))
            self.assertEqual(got, MATRIX_MENDED[run["id"]])
        else:
            self.assertEqual(records(events_of(own.out)), records(expected))

    def test_times_are_kept(self):
        stream = load(os.path.join(VECTORS, "v2", "rich.v2"))
        before = {e["test_id"]: e["timestamp"] for e in events_of(stream) if e["test_status"] == "inprogress"}
        after = {e["test_id"]: e["timestamp"] for e in events_of(tool("subunit-filter", "-s", "--xfail", stdin=stream).out)
                 if e["test_status"] == "inprogress"}
        self.assertTrue(before)
        for test_id, stamp in before.items():
            self.assertEqual(after[test_id], stamp)


class CommandLine(unittest.TestCase):
    maxDiff = 4000

    def test_vectors(self):
        """The command lines of the vectors. Where the reference dies of an option or a file, we end with its exit status."""
        matrix = load_json(os.path.join(VECTORS, "filter", "cli.tools.json"))
        path = os.path.join(VECTORS, matrix["input"])
        # Decision 21 (ls --times goes on) and the figures of stats -o, which belong into its file.
        for run in matrix["runs"]:
            if run["argv"][0] not in set(OURS.values()):
                continue
            with self.subTest(run=run["id"]), tempfile.TemporaryDirectory() as directory:
                args = [a.replace("@IN", path).replace("@TMP", directory) for a in run["argv"][1:]]
                done = tool(run["argv"][0], *args)
                self.assertEqual(done.rc, run["rc"])
                if "--times" in args:
                    self.assertTrue(done.out.startswith(expected_bytes(run, "stdout")))
                    self.assertIn(b"pkg.B.test_ux -\n", done.out)
                elif "-o" in args:
                    with open(os.path.join(directory, "o"), "rb") as f:
                        self.assertEqual(done.out + f.read(), expected_bytes(run, "stdout"))
                elif "-f" in args:
                    self.assertEqual(events_of(done.out), events_of(expected_bytes(run, "stdout")))
                elif run["argv"] == ["subunit-1to2", "@IN"]:
                    self.assertEqual(done.out, load(path))
                else:
                    # Decision 22: ours keeps the order of the stream, which these vectors do not tell.
                    self.assertEqual(sorted(done.out.splitlines()), sorted(expected_bytes(run, "stdout").splitlines()))
                if run["crash"] and "--times" not in args:
                    self.assertEqual(done.err.count(b"\n"), 1)
                elif run.get("stderr") is not None:
                    self.assertEqual(done.err.decode(), run["stderr"])

    def test_help(self):
        for name in sorted(set(OURS.values())) + ["subunit2json", "json2subunit"]:
            with self.subTest(tool=name):
                done = tool(name, "--help", "--bogus")
                self.assertEqual((done.rc, done.err), (0, b""))
                self.assertTrue(done.out.startswith(b"Usage: " + name.encode()))
                self.assertLessEqual(max(len(line) for line in done.out.splitlines()), 80)
                self.assertEqual(tool(name, "-h").out, done.out)

    def test_names(self):
        stream = load(os.path.join(VECTORS, "v2", "rich.v2"))
        listed = tool("subunit-ls", stdin=stream)
        self.assertEqual(tool("ls", stdin=stream).out, listed.out)
        with tempfile.TemporaryDirectory() as directory:
            link = os.path.join(directory, "subunit-ls")
            os.symlink(os.path.abspath(BINARY), link)
            self.assertEqual(tool(None, stdin=stream, command=[link]).out, listed.out)
        self.assertEqual(tool("nonsense").rc, 2)
        self.assertEqual(tool("--help").rc, 0)

    def test_bad_json(self):
        done = tool("json2subunit", stdin=b'{"test_id": "a", "test_status": "exists"}\n\n{"test_id": 1}\n{"test_id": "b"}\n')
        self.assertEqual(done.rc, 1)
        self.assertEqual(done.err, b"json2subunit: error: line 3: test_id is not a string or null\n")
        self.assertEqual([e["test_id"] for e in events_of(done.out)], ["a"])
        done = tool("json2subunit", stdin=b'{"test_id": "a", "timestamp": "1969-01-01T00:00:00.000000Z"}')
        self.assertEqual((done.rc, [e["timestamp"] for e in events_of(done.out)]), (0, [None]))

    def test_json_text_stays_text(self):
        """Text that holds a packet becomes a packet that holds it."""
        stream = load(os.path.join(VECTORS, "v2", "rich.v2"))
        line = json.dumps({"file_name": "stdout", "file_bytes": base64.b64encode(stream).decode()}).encode()
        done = tool("json2subunit", stdin=line)
        self.assertEqual([e["file_bytes"] for e in events_of(done.out)], [stream])


class Streams(unittest.TestCase):
    maxDiff = 4000

    V1 = (b"compiling\n"
          b"time: 2020-01-01 00:00:00.000000Z\ntags: worker-0\ntest: a\ntime: 2020-01-01 00:00:01.000000Z\nsuccess: a\n"
          b"test: b\nfailure: b [\nTraceback\n]\ntags: -worker-0 worker-1\ntest: c\nskip: c [\nno\n]\n"
          b"tags: -worker-1 worker-0\ntest: d\nxfail: d\n")

    def test_pipeline(self):
        """One run as version 1 and as version 2 through the same pipeline."""
        v2 = tool("subunit-1to2", stdin=self.V1).out
        self.assertEqual(tool("subunit-1to2", stdin=v2).out, v2)
        for run in (self.V1, v2):
            with tempfile.NamedTemporaryFile() as f:
                f.write(run)
                f.flush()
                script = ('cat "$1" | "$0" subunit-1to2 | "$0" subunit-filter -s --xfail --with-tag=worker-0 | '
                          '"$0" subunit-ls')
                done = tool(None, f.name, command=["sh", "-c", script, BINARY])
            self.assertEqual((done.out, done.rc, done.err), (b"compiling\na\nb\nd\n", 1, b""))

    def test_version_1_as_json(self):
        v2 = tool("subunit-1to2", stdin=self.V1).out
        self.assertEqual(records(events_of(self.V1)), records(events_of(v2)))

    def test_full_disk(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("there is no /dev/full")
        path = os.path.join(VECTORS, "v2", "rich.v2")
        lines = tool("subunit2json", path).out
        for name in sorted(set(OURS.values())) + ["subunit2json", "json2subunit"]:
            for args in ([], ["--help"]):
                with self.subTest(tool=name, args=args), open("/dev/full", "wb") as full:
                    done = subprocess.run([BINARY, name] + args, input=lines if name == "json2subunit" else load(path),
                                          stdout=full, stderr=subprocess.PIPE, timeout=TIMEOUT)
                    self.assertEqual(done.returncode, 1)
                    self.assertEqual(done.stderr.count(b"\n"), 1)
                    self.assertIn(b"No space left", done.stderr)
        done = tool("subunit-stats", "-o", "/dev/full", path)
        self.assertEqual(done.rc, 1)
        self.assertIn(b"No space left", done.err)

    def test_closed_pipe(self):
        """A reader that goes away is no news, but never success."""
        for setup in ("", "trap '' PIPE; "):
            script = setup + '("$0" subunit-ls 2>"$1"; echo $? >"$2") | head -1'
            with self.subTest(setup=setup), tempfile.TemporaryDirectory() as directory:
                err, rc = os.path.join(directory, "err"), os.path.join(directory, "rc")
                done = tool(None, err, rc, stdin=packet(0x2803, b"test") * 100000, command=["sh", "-c", script, BINARY])
                self.assertEqual((done.out, done.err, load(err)), (b"test\n", b"", b""))
                self.assertNotEqual(load(rc), b"0\n")

    def test_output_is_not_held_back(self):
        """What is known is said before the next input comes."""
        with subprocess.Popen([BINARY, "subunit-ls"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            for i in range(3):
                child.stdin.write(packet(0x2803, b"test%d" % i) + b"text\n")
                child.stdin.flush()
                self.assertEqual(child.stdout.readline(), b"test%d\n" % i)
                self.assertEqual(child.stdout.readline(), b"text\n")
            child.stdin.close()
            self.assertEqual(child.wait(TIMEOUT), 0)

    def test_strict_reader_death(self):
        done = tool("subunit-ls", "--strict-reader", stdin=b"\xb3\x29\x01\x00\x00\x00\x00")
        self.assertEqual((done.rc, done.err.count(b"\n")), (1, 1))
        self.assertIn(b"ValueError", done.err)


if __name__ == "__main__":
    tap.main()
