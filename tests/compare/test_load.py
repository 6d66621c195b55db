# SPDX-License-Identifier: Apache-2.0
"""Streams loaded from files and standard input, and the commands that read the repository."""

import gzip

import compare
import suites
from compare import ONE_LINE

NOTHING = {".testr.conf": "[DEFAULT]\n"}

DETAILS = {
    "bin": ("application/octet-stream", b"\0\1\2"),
    "empty": ("text/plain;charset=utf8", b" \n"),
    "log": ("text/plain;charset=utf8", b"line1\nline2\n"),
    "more": ("text/plain", b"caf\xe9"),
    "single": ("text/plain;charset=utf8", b"one line"),
    "traceback": ("text/x-traceback;charset=utf8,language=python", b"Tb line1\n  tb line2\n"),
}


class Load(compare.Compare):
    def test_standard_input(self):
        self.project(NOTHING)
        first = suites.stream(("a", "success", 1), ("b", "fail", 2, suites.TRACEBACK), ("c", "skip", 0.5), ("d", "xfail", 0))
        self.same("load", status=1, stdin=first)
        self.same("load", status=1, stdin=first)
        self.same("load -q", status=1, stdin=first)
        self.same("load", stdin=suites.stream(("b", "success", 3)))
        self.same("last")
        self.same("failing --list")
        self.same("load", stdin=b"")
        self.same("last")
        self.same("stats")

    def test_files(self):
        self.project(NOTHING)
        self.write("one", suites.stream(("a", "success", 1), ("b", "fail", 2)))
        self.write("two", suites.stream(("c", "fail", 4)))
        self.same("load one", status=1)
        self.same("load one two", status=1, ordered=False)
        self.same("last", status=1, ordered=False)
        self.results("load --subunit one two", status=1, ordered=False, routed=True)
        self.same("load ./one -- two", status=1)
        self.same("load missing", status=1)
        self.same("load one", status=1, stdin=suites.stream(("c", "fail", 4)))

    def test_partial(self):
        self.project(NOTHING)
        self.same("load", status=1, stdin=suites.stream(("b", "fail", 1), ("c", "fail", 1)))
        self.same("load --partial", status=1, stdin=suites.stream(("a", "fail", 1), ("b", "success", 1)))
        self.same("failing --list", status=1)
        self.same("failing", status=1)
        self.same("load --partial", stdin=suites.stream(("c", "skip", 1), ("a", "xfail", 2)))
        self.same("failing --list")
        self.same("load --full-results", status=1, stdin=suites.stream(("z", "fail", 1)))
        self.same("failing --list", status=1)

    def test_force_init(self):
        self.project(NOTHING, init=False)
        self.same("load", status=3, stdin=suites.stream(("a", "success", 1)))
        self.same("load --force-init", stdin=suites.stream(("a", "success", 1)))
        self.same("load --force-init", stdin=suites.stream(("a", "success", 1)))
        self.same("stats")

    def test_details(self):
        self.project(NOTHING)
        data = suites.stream(("all", "fail", 1, {"details": DETAILS}), ("one", "fail", 1, {"details": {"log": ("text/plain", b"x")}}),
                             ("none", "fail", 1), ("passes", "success", 1, {"details": DETAILS}),
                             ("reason", "skip", 1, {"details": {"reason": ("text/plain;charset=utf8", b"why")}}))
        self.same("load", status=1, stdin=data)
        self.same("last", status=1)
        self.same("failing", status=1)
        self.results("last --subunit", status=1)
        self.results("failing --subunit", status=1)

    def test_incomplete(self):
        self.project(NOTHING)
        self.same("load", status=1, stdin=suites.stream(("a", "success", 1), ("b", "lost", 1), ("c", "success", 1)))
        self.same("last", status=1)
        self.same("failing --list", status=1)

    def test_announced(self):
        self.project(NOTHING)
        self.same("load", stdin=suites.listing("a", "b") + suites.stream(("a", "success", 1), ("b", "success", 1)))
        self.same("last")
        self.results("last --subunit")

    def test_odd_ids(self):
        self.project(NOTHING)
        ids = ["with space", "caf\u00e9 \u4e2d \U0001f600", "a/b:c[d]", "tab\there", "-dash", "[", "x" * 500]
        self.same("load", status=1, stdin=suites.stream(*((test_id, "fail", i, suites.TRACEBACK) for i, test_id in enumerate(ids))))
        self.same("last", status=1)
        self.same("failing --list", status=1)
        self.same("slowest")

    def test_same_id_twice(self):
        self.project(NOTHING)
        self.same("load", status=1, stdin=suites.stream(("a", "fail", 1), ("a", "success", 2), ("b", "success", 1), ("b", "fail", 1)))
        self.same("last", status=1)
        self.same("failing --list", status=1)

    def test_subunit(self):
        self.project(NOTHING)
        data = suites.listing("a", "b") + suites.stream(("a", "success", 1, {"tags": ["x"]}), ("b", "fail", 2, suites.TRACEBACK))
        self.results("load --subunit", status=1, routed=True, stdin=data)
        self.results("last --subunit", status=1)
        self.same("failing --list", status=1)

    def test_unexpected_success(self):
        self.project(NOTHING)
        self.differs(5, "load", status=1, stdin=suites.stream(("a", "uxsuccess", 1)),
                     out="%s\nUNEXPECTED SUCCESS: a\ntags: worker-0\n%s\nRan 1 tests in 1.000s\nFAILED (id=0, failures=1)\n" % ("=" * 70, "-" * 70))
        self.differs(5, "failing --list", status=1, out="a\n")
        self.write(".testr.conf", "[DEFAULT]\nunexpected_success: pass\n")
        self.same("load", stdin=suites.stream(("a", "uxsuccess", 1)))
        self.same("last")
        self.same("failing --list")

    def test_noise(self):
        self.project(NOTHING, real_clock=True)
        self.same("load", status=1, stdin=b"noise\n" + suites.result("a", "fail") + b"no end of line")
        self.same("last", status=1)

    def test_other_input(self):
        self.project(NOTHING)
        v1 = b"time: 2020-01-01 00:00:00.000000Z\ntest: a\ntime: 2020-01-01 00:00:02.000000Z\nfailure: a [\nwhy\n]\n"
        data = suites.result("b", "success")
        status = self.run_sides("load", stdin=v1)[1].status
        self.assertEqual(status, 1, "decision 8: version 1 is read")
        self.assertEqual(self.run_sides("failing --list")[1].out, b"a\n")
        self.both("load", stdin=data)
        ours = self.run_sides("load", stdin=gzip.compress(data))[1]
        self.assertEqual((ours.status, ours.out), (0, b"Ran 1 tests in 1.000s\nPASSED (id=2)\n"), "decision 8: gzip is read")
        ours = self.run_sides("load", stdin=b"only text\n")[1]
        self.assertEqual((ours.status, ours.out), (3, b""), "decision 8: nothing to load is an error")
        self.assertRegex(ours.err.decode(), ONE_LINE)


class Read(compare.Compare):
    def test_nothing_stored(self):
        self.project(NOTHING)
        self.same("stats")
        self.same("failing --list")
        self.same("failing --subunit")
        self.same("failing", status=3, own_words=ONE_LINE)
        self.same("last", status=3, own_words=ONE_LINE)
        self.same("slowest", status=3)
        self.same("slowest --all", status=3)

    def test_slowest(self):
        self.project(NOTHING)
        tests = [("t%02d" % i, "success", i * i + 0.125) for i in range(14)]
        self.same("load", stdin=suites.stream(*tests))
        self.same("slowest")
        self.same("slowest --all")
        self.same("load --partial", stdin=suites.stream(("t03", "fail", 100), ("new", "success", 12345.6789)), status=1)
        self.same("slowest")
        self.same("slowest --all")
        self.same("load", stdin=suites.stream(("only", "success", 0.001)))
        self.same("slowest")

    def test_last_uses_the_run_before(self):
        self.project(NOTHING)
        for seconds, status in ((1, "success"), (2, "fail"), (0.5, "success")):
            self.same("load", stdin=suites.stream(("a", status, seconds), ("b", "skip", 1)), status=int(status == "fail"))
            self.same("last", status=int(status == "fail"))

    def test_failing_of_several_runs(self):
        self.project(NOTHING)
        self.same("load", status=1, stdin=suites.stream(("a", "fail", 1, suites.TRACEBACK)))
        self.same("load --partial", status=1, stdin=suites.stream(("b", "fail", 3, suites.TRACEBACK), start=100))
        self.same("failing", status=1)
        self.results("failing --subunit --list", status=1)


if __name__ == "__main__":
    compare.main()
