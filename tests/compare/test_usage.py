# SPDX-License-Identifier: Apache-2.0
"""The command line: help, wrong usage, missing repositories. Prose is our own, so only its structure is compared."""

import re

import compare
import suites
from compare import ONE_LINE, SOME_LINES


class Help(compare.Compare):
    def words(self, command):
        """Both succeed and say something on standard output only; the two texts."""
        outputs = self.run_sides(command)
        for output in outputs:
            self.assertEqual((output.status, output.err), (0, b""), command)
            self.assertTrue(output.out, command)
        return [output.out.decode() for output in outputs]

    def test_commands(self):
        python, ours = ([line.split()[0] for line in text.splitlines()] for text in self.words("commands"))
        self.assertEqual(python[:2], ["command", "----------"])
        self.assertEqual(ours[0], "command")
        self.assertEqual(set(python[2:]) - set(ours[2:]), set())
        self.assertEqual(ours[2:], sorted(ours[2:]))

    def test_help(self):
        for command in ("", "help", "-h", "--help", "--version", "quickstart", "help quickstart", "help help"):
            self.words(command)
        python, ours = self.words("")
        self.assertEqual(ours.split()[0], python.split()[0])

    def test_help_of_commands(self):
        """Every option of a command is told, in the same usage line."""
        for name in "commands failing help init last list-tests load quickstart run slowest stats".split():
            python, ours = self.words("help " + name)
            self.assertEqual(ours.splitlines()[0], python.splitlines()[0])
            python, ours = self.words(name + " --help")
            self.assertEqual(ours.splitlines()[0], python.splitlines()[0])
            for option in re.findall("--[a-z-]+", python.split("Options:")[1]):
                self.assertIn(option, ours, name)

    def test_help_option_anywhere(self):
        for command in ("run x --help y", "--help load", "stats -?", "list-tests -h"):
            python, ours = self.words(command)
            self.assertEqual(ours.splitlines()[0], python.splitlines()[0])


class Usage(compare.Compare):
    def test_options(self):
        self.project(suites.runner(a="success"))
        for command in ("run --nonsense", "load --f", "run --concurrency", "run --parallel --concurrency x", "run --failing=1",
                        "stats -d", "stats -x", "load --subuni --nope", "run --load-list", "stats --he"):
            self.same(command, status=2, own_words="last")

    def test_integers(self):
        self.project(suites.runner(a="success", b="success", c="success"))
        for number in ("0x2", "0b10", "02", "2"):
            self.same("run --parallel --concurrency " + number, ordered=False)

    def test_positionals(self):
        self.project(suites.runner(a="success"))
        for command in ("stats more", "last a 'b c' \"it's\"", "failing x", "slowest 1", "init here", "help nonesuch", "help run last",
                        "load no/such/file", "stats -- x", "commands all"):
            self.same(command, status=1)
        self.same("stats")

    def test_unknown_command(self):
        self.project(suites.runner(a="success"))
        self.differs("spec 20.4", "nonsense", status=1, out="", err=SOME_LINES)
        self.same("list_tests")

    def test_no_repository(self):
        self.project(suites.runner(a="success"), init=False)
        for command in ("run", "load", "last", "failing", "failing --list", "slowest", "stats", "run --failing", "stats -d @PROJECT@"):
            self.same(command, status=3)
        self.same("list-tests")
        self.same("stats -d no-such-directory", status=3)

    def test_init(self):
        self.project({"sub/x": ""}, init=False)
        self.same("init")
        self.same("init", status=3, own_words=ONE_LINE)
        self.same("init -d sub")
        self.same("stats -d sub")
        self.same("init -d no/such/directory", status=3, own_words=ONE_LINE)

    def test_unknown_format(self):
        self.project({})
        self.write(".testrepository/format", "7\n")
        self.same("stats", status=3, own_words=ONE_LINE)

    def test_bad_values(self):
        self.project(suites.runner(a="success"))
        early = "it is seen before anything is run"
        self.differs(early, "run '('", status=3, out="", err=ONE_LINE)
        self.differs(early, "list-tests '*'", status=3, out="", err=ONE_LINE)
        self.same("run --load-list missing", status=3, own_words=ONE_LINE)
        self.same("stats")

    def test_options_before_the_command(self):
        self.project(suites.runner(a="success"))
        self.same("-q stats")
        self.same("--partial run")
        self.same("-- run")
        self.differs("spec 20.4", "-d . stats", status=0, out="runs=2\n", err="")


if __name__ == "__main__":
    compare.main()
