# SPDX-License-Identifier: Apache-2.0
"""`testr run` and what is to be seen afterwards."""

import re

import compare
import suites
from compare import ONE_LINE


def echoes(out):
    """The echoed commands of an output."""
    return "".join(line for line in out.splitlines(True) if line.startswith("running="))


class Python(compare.Compare):
    """Suites of Python's unittest."""

    def test_outcomes(self):
        self.project(suites.OUTCOMES, real_clock=True)
        self.same("run", status=1)
        self.same("last", status=1)
        self.same("failing", status=1)
        self.same("failing --list", status=1)
        self.same("list-tests")
        self.same("stats")
        self.same("run --failing 'fail|error'", status=1)
        self.same("run test_pass")
        self.same("last")

    def test_class_fixtures(self):
        self.project(suites.FIXTURES, real_clock=True)
        self.same("run", status=1)
        self.same("last", status=1)
        self.same("failing --list", status=1)
        self.same("run SetUpClassSkips")
        self.same("run SetUpClassFails", status=1)

    def test_parallel(self):
        self.project(suites.OUTCOMES, real_clock=True)
        self.same("run --parallel --concurrency 2", status=1, ordered=False)
        self.same("last", status=1, ordered=False)
        self.same("run --parallel --concurrency=3 test_pass test_skip", ordered=False)

    def test_subunit(self):
        self.project(suites.OUTCOMES, real_clock=True)
        self.results("run --subunit", status=1, timed=False, routed=True)
        self.same("failing --list", status=1)
        self.results("failing --subunit", status=1, timed=False)
        self.results("last --subunit", status=1, timed=False)
        self.results("run --subunit test_pass", timed=False)

    def test_unexpected_success(self):
        self.project(suites.UNEXPECTED, real_clock=True)
        failure = "UNEXPECTED SUCCESS: test_unexpected.Unexpected.test_unexpected\ntags: worker-0\n"
        self.differs(5, "run", status=1, out=lambda out: failed(out, failure))
        self.differs(5, "failing --list", status=1, out="test_unexpected.Unexpected.test_unexpected\n")
        self.write(".testr.conf", suites.CONFIG + "unexpected_success=pass\n")
        self.same("run")
        self.same("last")
        self.same("failing --list")

    def test_import_error(self):
        self.project(suites.IMPORT_ERROR, real_clock=True)
        self.same("run", status=1)
        self.same("failing --list", status=1)
        self.differs("8, listing errors", "list-tests", status=8, err=ONE_LINE)
        self.differs("8, listing errors", "run --parallel", status=8, err=ONE_LINE)
        self.same("stats")

    def test_details(self):
        self.project(suites.DETAILS, real_clock=True)
        self.same("run", status=1)
        self.same("last", status=1)
        self.same("failing", status=1)
        self.results("last --subunit", status=1, timed=False)


def failed(out, failure):
    """Python's output of a run whose only test passes, made that of one whose only test fails without details."""
    head, line = "=" * 70 + "\n", "-" * 70 + "\n"
    out = out.replace("Ran 1", head + failure + line + "Ran 1")
    return re.sub(r"PASSED \(id=(\d+)\)", r"FAILED (id=\1, failures=1)", out)


class Runner(compare.Compare):
    """The shell runner: the times are fixed, and compared."""

    def test_statuses(self):
        self.project(suites.runner(a=("success", 3), b="fail", c=("skip", 2), d=("xfail", 0.125), e=("fail", 2.5), f=("success", 4)))
        self.same("run", status=1)
        self.same("last", status=1)
        self.same("failing", status=1)
        self.same("failing --list", status=1)
        self.same("slowest")
        self.same("stats")
        self.results("last --subunit", status=1)
        self.results("failing --subunit", status=1)

    def test_deltas(self):
        self.project(suites.runner(a="success", b="fail", c=("success", 0.25)))
        self.same("run", status=1)
        self.write("results/c", suites.result("c", "fail", 1.5))
        self.same("run", status=1)
        self.write("ids", "a\nc\n")
        self.write("results/c", suites.result("c", "skip"))
        self.same("run")
        self.same("last")
        self.write("results/a", suites.result("a", "success", 0))
        self.same("run")
        self.same("run")

    def test_tags(self):
        tags = suites.result("a", "fail", tags=["zebra", "ape", "lion"])
        self.project(suites.runner(a=tags))
        self.same("run", status=1)
        out = self.run_sides("last")[1].out
        self.assertIn(b"tags: ape lion worker-0 zebra\n", out, "decision 17: tags are sorted")

    def test_filters(self):
        self.project(suites.runner(pkg__a="success", pkg__b="fail", other__a="success", other__b="success"))
        self.same("list-tests")
        self.same("list-tests pkg")
        self.same("list-tests 'a$' '^other'")
        self.same("run 'pkg|other.b'", status=1)
        self.same("run 'a$'")
        self.differs(2, "failing --list", status=1, out="pkg.b\n")
        self.same("run 'b$' '^pkg'", status=1)
        self.same("stats")

    def test_filter_matches_nothing(self):
        self.project(suites.runner(a="success", b="fail"))
        self.same("run", status=1)
        self.same("list-tests nothing")
        self.differs(1, "run nothing", status=4, out=echoes, err=ONE_LINE)
        self.differs(1, "run --parallel nothing", status=4, out=echoes, err=ONE_LINE)
        self.differs(1, "stats", out="runs=1\n")
        self.differs(1, "failing --list", status=1, out="b\n")

    def test_failing(self):
        self.project(suites.runner(a="fail", b="success", c="fail"))
        self.same("run", status=1)
        self.write("results/a", suites.result("a", "success"))
        self.same("run --failing", status=1)
        self.same("failing --list", status=1)
        self.same("run --failing 'c'", status=1)
        self.write("results/c", suites.result("c", "success"))
        self.same("run --failing")
        self.same("failing --list")
        self.differs(1, "run --failing", out="No tests are failing.\n", err="")
        self.differs(1, "stats", out="runs=4\n")

    def test_partial(self):
        self.project(suites.runner(a="fail", b="success", c="fail"))
        self.same("run", status=1)
        self.write("ids", "b\nc\n")
        self.write("results/b", suites.result("b", "fail"))
        self.write("results/c", suites.result("c", "success"))
        self.same("run --partial", status=1)
        self.same("failing --list", status=1)
        self.same("failing", status=1)
        self.write("ids", "a\nb\n")
        self.write("results/a", suites.result("a", "fail", 3))
        self.same("run --partial", status=1)
        self.same("failing", status=1)
        self.same("run --full-results", status=1)
        self.same("last", status=1)

    def test_load_list(self):
        self.project(suites.runner(a="fail", b="success", c="fail"))
        self.write("one", "c\n")
        self.write("spaced", "\n  b \n\n")
        self.write("empty", "")
        self.same("run --load-list one", status=1)
        self.same("run --load-list=spaced --partial")
        self.same("run", status=1)
        self.same("run --failing --load-list one", status=1)
        self.same("run --load-list one 'c'", status=1)
        self.differs(1, "run --load-list empty", status=4, out="", err=ONE_LINE)
        self.differs(1, "run --load-list one b", status=4, out="", err=ONE_LINE)

    def test_load_list_order(self):
        ids = ["t%d" % i for i in (5, 3, 8, 1, 9, 2)]
        files = suites.runner(**{test_id: "success" for test_id in sorted(ids)})
        files[".testr.conf"] = files[".testr.conf"].replace("$LISTOPT $IDOPTION", "$LISTOPT $IDOPTION # $IDLIST")
        self.project(files)
        self.write("list-file", "\n".join(ids))
        in_order = "running=sh ./runner  --ids IDFILE # %s\n" % " ".join(ids)
        self.differs(13, "run --load-list list-file", out=lambda out: in_order + out.split("\n", 1)[1])
        results, _ = compare.parse_results(self.run_sides("last --subunit")[1].out)
        self.assertEqual([result.id for result in results], ids)

    def test_until_failure(self):
        files = suites.runner(a="success", b="success")
        files["results/b.run.3"] = suites.result("b", "fail")
        files["count"] = "0\n"
        self.project(files)
        self.same("run --until-failure", status=1)
        self.same("stats")
        self.same("failing --list", status=1)
        self.write("count", "1\n")
        self.same("run --until-failure --load-list ids", status=1)

    def test_until_failure_subunit(self):
        self.project(suites.runner(a="fail"))
        output = self.ours("run --until-failure --subunit")
        self.assertEqual((output.status, output.err), (1, "running=sh ./runner  \n"), "decision 6: it ends")

    def test_isolated(self):
        self.project(suites.runner(a="success", b="fail", c="success", pkg__d="fail"))
        self.same("run", status=1)
        one = "running=sh ./runner  --ids IDFILE\n"
        listing = "running=sh ./runner --list \n"
        whole = (listing + 4 * one + suites.failure("b") + suites.failure("pkg.d")
                 + "Ran 4 tests in 31.000s\nFAILED (id=1, failures=2)\n")
        part = listing + one + suites.failure("pkg.d") + "Ran 1 (-3) tests in 1.000s (-30.000s)\nFAILED (id=2, failures=1 (-1))\n"
        failing = one + suites.failure("b") + "Ran 1 tests in 1.000s\nFAILED (id=3, failures=1)\n"
        self.differs(12, "run --isolated", status=1, out=whole, ordered=False)
        self.differs(12, "run --isolated pkg", status=1, out=part, ordered=False)
        self.differs(12, "run --isolated --failing 'b$'", status=1, out=failing)
        self.differs(12, "stats", out="runs=4\n")
        self.same("failing --list", status=1)

    def test_no_output(self):
        self.project(suites.runner(a="fail", b="success"))
        self.same("run -q", status=1)
        self.same("-q run b")
        self.same("last -q")

    def test_directory(self):
        self.project(suites.runner(a="fail", b="success"))
        self.write("elsewhere/runner", suites.RUNNER)
        self.write("elsewhere/ids", "x\n")
        self.write("elsewhere/results/x", suites.result("x", "fail"))
        self.same("run -d ..", status=1, directory="elsewhere")
        self.same("failing --list --here=..", status=1, directory="elsewhere")
        self.same("stats -qd ..", directory="elsewhere")
        self.same("last -d @PROJECT@", status=1, directory="elsewhere")

    def test_abbreviated_options(self):
        self.project(suites.runner(a="fail", b="success"))
        self.same("run --part --paral --concurr 2", status=1, ordered=False)
        self.same("--fai run", status=1)
        self.same("failing --l", status=1)


if __name__ == "__main__":
    compare.main()
