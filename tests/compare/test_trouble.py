# SPDX-License-Identifier: Apache-2.0
"""Test processes that die or say less than they should, and tests that disturb each other."""

import compare
import suites
from compare import SOME_LINES


class Processes(compare.Compare):
    def test_exit_status_of_the_runner(self):
        """All tests have passed, but the process says otherwise."""
        self.project(suites.runner(a="success", b="success"))
        self.write("results/b.sh", "exit 3\n")
        self.both("run", status=1)
        self.differs(4, "failing --list", status=0, out="")

    def test_death_in_a_test(self):
        self.project(suites.runner(a="success", b="lost", c="success"))
        self.write("results/b.sh", "echo last words; kill -9 $$\n")
        self.both("run", status=1)
        self.differs(4, "failing --list", out="b\n")
        output = self.ours("last")
        self.assertIn("FAIL: b\n", output.out)
        self.assertIn("last words", output.out)

    def test_tests_after_a_death_are_run(self):
        self.project(suites.runner(a="success", b="lost", c="success", d="fail"))
        self.write("results/b.sh", "exit 1\n")
        self.both("run --load-list ids", status=1)
        self.differs(4, "failing --list", out="b\nd\n")
        self.assertIn("Ran 4 tests", self.ours("last").out)

    def test_lost_tests(self):
        """The process ends in peace, without a word about some of its tests."""
        self.project(suites.runner(a="success", b=b"", c="success"))
        self.differs(3, "run --load-list ids", status=6, out=compare.ANY_LINES, err=SOME_LINES)
        self.same("failing --list")

    def test_unknown_command(self):
        self.project({".testr.conf": "[DEFAULT]\ntest_command=./no-such-program $LISTOPT\ntest_list_option=-l\n"})
        self.both("run", status=1)
        self.differs(4, "failing --list", status=0, out="")
        self.differs("8, listing", "list-tests", status=8)


class Isolation(compare.Compare):
    """--analyze-isolation (decision 14)."""

    def analyzed(self, files, table, status=3, command="run --analyze-isolation"):
        self.project(files)
        self.both("run", status=1)
        before = self.run_sides("failing --list")[1].out
        output = self.run_sides(command)[1]
        self.assertEqual(output.status, status, output)
        self.assertTrue(output.out.decode().endswith(table), output.out.decode())
        self.assertEqual(self.run_sides("failing --list")[1].out, before, "the failing list stays")

    def polluted(self, *polluters, victim="v", others="abcdefgh"):
        names = sorted(others) + [victim]
        files = suites.runner(**{name: "success" for name in names})
        for polluter in polluters:
            files["results/%s.after.%s" % (victim, polluter)] = suites.result(victim, "fail")
        return files

    def test_one_polluter(self):
        table = "failing test  caused by test\n------------  --------------\nv             c\n"
        self.project(self.polluted("c"))
        self.same("run", status=1)
        python, ours = self.texts("run --analyze-isolation", True, {})
        self.assertEqual((python.status, ours.status), (3, 3))
        self.assertTrue(python.out.endswith(table))
        self.assertTrue(ours.out.endswith(table), ours.out)
        self.same("failing --list", status=1)

    def test_fails_alone(self):
        self.analyzed(suites.runner(a="success", b="fail"), "", status=0)

    def test_in_parallel(self):
        table = "failing test  caused by test\n------------  --------------\nv             c\n"
        self.analyzed(self.polluted("c"), table, command="run --analyze-isolation --parallel --concurrency 2")


if __name__ == "__main__":
    compare.main()
