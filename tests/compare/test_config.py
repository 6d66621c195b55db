# SPDX-License-Identifier: Apache-2.0
"""What `.testr.conf` can say: templates, listings, groups, tags, concurrency, instances; and its errors."""

import re

import compare
import suites
from compare import ONE_LINE, SOME_LINES



class Templates(compare.Compare):
    def show(self, command, more="", real_clock=False):
        """A project whose test command is `command`."""
        files = suites.runner(a="success", b="success")
        files[".testr.conf"] = "[DEFAULT]\ntest_command=%s\n%s" % (command, more)
        files["show"] = 'echo "shown: $*" >&2\nexec sh ./runner "$@"\n'
        self.project(files, real_clock=real_clock)

    def test_no_words(self):
        self.show("sh ./show")
        self.same("run")
        self.same("list-tests", status=3)
        self.same("run --parallel", status=3)
        self.same("run a", status=3)

    def test_id_list(self):
        self.show("sh ./show $LISTOPT # $IDLIST $IDLISTX ${IDLIST} $IDFILE", "test_list_option=--list\n")
        self.same("list-tests")
        self.same("run")
        self.same("run b")
        self.same("run -- more words")

    def test_arguments(self):
        self.show("sh ./show $LISTOPT $IDOPTION", "test_list_option=--list\ntest_id_option=--ids $IDFILE\n")
        self.same("run -- foo 'bar  quux' '' '$IDLIST'")
        self.same("run b -- '$HOME' '*.py' '\"q\"' | cat")
        self.same("list-tests -- --foo -q")
        self.same("list-tests b -- $LISTOPT")
        self.same("run --failing -- foo -- bar", status=1, own_words="last")

    def test_default_ids(self):
        self.show("sh ./show $LISTOPT $IDOPTION # $IDLIST",
                  "test_list_option=--list\ntest_id_option=--ids $IDFILE\ntest_id_list_default= b  a\n")
        self.same("list-tests")
        self.same("run")
        self.same("run a")

    def test_lines(self):
        self.show("true\n  echo a line\n\n  sh ./show $LISTOPT $IDOPTION",
                  "test_list_option=--list\ntest_id_option=--ids $IDFILE\n", real_clock=True)
        self.same("run")
        self.same("run b")
        self.same("list-tests")

    def test_interpolation(self):
        self.show("%(shell)s ./show $LISTOPT %% %%x", "shell = sh\ntest_list_option=--list\n")
        self.same("run")
        self.same("list-tests")

    def test_standard_input(self):
        self.show("cat; sh ./show $LISTOPT", "test_list_option=--list\n")
        self.same("run", stdin=b"not for the runner")
        self.same("list-tests", stdin=b"not for the runner")


class Meaning(compare.Compare):
    def test_filter_tags(self):
        tests = {"a": suites.result("a", "success", tags=["hidden", "x"]), "b": suites.result("b", "skip", tags=["layer"]),
                 "c": suites.result("c", "fail", tags=["hidden"]), "d": "success"}
        self.project(suites.runner("filter_tags=hidden\n  layer\n", **tests))
        self.same("run", status=1)
        self.same("last", status=1)
        self.same("run", status=1)
        self.same("run -q", status=1)
        self.same("stats")

    def test_group_regex(self):
        ids = ["%s__%s" % (name, i) for i in range(3) for name in ("x", "y")]
        self.project(suites.runner("group_regex=([^.]*\\.)\n", **{name: "success" for name in ids}))
        self.same("run --parallel --concurrency=2", ordered=False)
        groups = {}
        for result in compare.parse_results(self.run_sides("last --subunit")[1].out)[0]:
            groups.setdefault(result.id.split(".")[0], set()).update(result.tags)
        self.assertEqual([len(workers) for workers in groups.values()], [1, 1])

    def test_run_concurrency(self):
        self.project(suites.runner("test_run_concurrency=echo ' 2 '\n", a="success", b="success", c="success", d="success"))
        self.same("run")
        self.same("run --parallel", ordered=False)
        self.same("run --parallel --concurrency=3", ordered=False)
        self.same("run --concurrency=3")
        self.write(".testr.conf", suites.RUNNER_CONFIG + "test_run_concurrency=echo many\n")
        self.same("run --parallel", status=3, own_words=ONE_LINE)
        self.write(".testr.conf", suites.RUNNER_CONFIG + "test_run_concurrency=exit 5\n")
        self.same("run --parallel", status=3, own_words=ONE_LINE)

    def test_instances(self):
        config = """\
instance_provision=echo i1
instance_execute=echo $INSTANCE_ID '$FILES' >&2; $COMMAND
instance_dispose=echo gone $INSTANCE_IDS
"""
        self.project(suites.runner(config, a="fail", b="success"))
        self.same("list-tests")
        self.same("run", status=1)
        self.same("run a", status=1)
        self.same("run -q b")

    def test_instances_parallel(self):
        config = """\
instance_provision=seq -f i%%g $INSTANCE_COUNT
instance_execute=true $INSTANCE_ID; $COMMAND
instance_dispose=true $INSTANCE_IDS
"""
        self.project(suites.runner(config, a="success", b="success", c="success"))
        hide = lambda out: re.sub(r"true i\d", "true i1", out)
        self.hide_names_more(hide)
        self.same("run --parallel --concurrency 2", ordered=False)

    def hide_names_more(self, hide):
        """Which instance gets which work is not the same in each run."""
        text = self.text
        self.text = lambda side, data: hide(text(side, data))

    def test_dispose_without_instances(self):
        self.project(suites.runner("instance_dispose=echo gone $INSTANCE_IDS.\n", a="success"))
        self.same("run")
        self.same("list-tests")

    def test_instance_failures(self):
        self.project(suites.runner("instance_provision=exit 7\n", a="success"))
        self.differs("9, instances", "run", status=9)
        self.differs("9, instances", "list-tests", status=9)
        self.write(".testr.conf", suites.RUNNER_CONFIG + "instance_dispose=exit 7\n")
        self.same("run", status=3)
        self.same("stats")

    def test_too_few_instances(self):
        self.project(suites.runner("instance_provision=echo i1\n", a="success", b="success"))
        output = self.ours("run --parallel --concurrency 2")
        self.assertEqual(output.status, 9, "decision 15")
        self.assertRegex(output.err, ONE_LINE)

    def test_listing_failures(self):
        self.project(suites.runner(a="success"))
        self.write("list", "not subunit\n")
        self.write("runner", "cat list; echo why >&2; exit 4\n")
        self.differs("8, listing", "list-tests", status=8)
        self.differs("8, listing", "run --parallel", status=8)
        self.differs("8, listing", "run a", status=8)
        self.same("stats")

    def test_plain_listing(self):
        self.project(suites.runner(a="success", b="fail"))
        self.write("list", "a\nb\n")
        self.differs(9, "list-tests", out="running=sh ./runner --list \na\nb\n")
        self.differs(9, "run b", status=1,
                     out="running=sh ./runner --list \nrunning=sh ./runner  --ids IDFILE\n" + suites.failure("b")
                     + "Ran 1 tests in 1.000s\nFAILED (id=0, failures=1)\n")
        self.write("list", "")
        self.differs(9, "list-tests", status=8, err=SOME_LINES)


class Errors(compare.Compare):
    """Every error of the file itself: both refuse, ours with the same words, after which it may say more (decision 26)."""

    def refused(self, config):
        self.write(".testr.conf", config)
        python, ours = self.texts("run", True, {})
        self.check("run  [with %r]" % config, python._replace(err=compare.ANY_LINES), ours)
        if python.status != 3 or python.err.rstrip("\n") not in ours.err:
            self.note("run  [with %r]" % config, "status %d, %r lacks %r" % (python.status, ours.err, python.err))

    def test_errors(self):
        self.project(suites.runner(a="success"))
        for config in (
                "", "[DEFAULT]\n", "[other]\ntest_command=x\n", "test_command=x\n", "[DEFAULT]\ntest_command=x\ntest_command=y\n",
                "[a]\n[a]\n", "[DEFAULT]\nnothing\n", "[DEFAULT]\ntest_command=100%\n", "[DEFAULT]\ntest_command=%(x)s\n",
                "[DEFAULT]\ntest_command=%(test_command)s\n", "[DEFAULT]\ntest_command=x $IDOPTION\n",
                "[DEFAULT]\ntest_command=x $LISTOPT\n"):
            self.refused(config)
        self.remove(".testr.conf")
        self.same("run", status=3)
        self.same("list-tests", status=3)

    def test_bad_group_regex(self):
        self.project(suites.runner("group_regex=(\n", a="success"))
        self.same("run", status=3, own_words=ONE_LINE)

    def test_reading_without_config(self):
        self.project(suites.runner(a="fail"))
        self.same("run", status=1)
        shown = suites.failure("a") + "Ran 1 tests in 1.000s\nFAILED (id=0, failures=1)\n"
        self.remove(".testr.conf")
        self.same("failing --list", status=1)
        self.same("stats")
        self.same("slowest")
        self.differs(10, "last", status=1, out=shown, err="")
        self.differs(10, "failing", status=1, out=shown, err="")
        self.differs(10, "load", status=1, out=shown.replace("id=0", "id=1"),
                     err="", stdin=suites.result("a", "fail"))


if __name__ == "__main__":
    compare.main()
