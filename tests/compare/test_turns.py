# SPDX-License-Identifier: Apache-2.0
"""Both programs on one repository, by turns: a repository of format 1 that Python made."""

import random

import compare
import suites

TESTS = ["pkg.test_%d" % i for i in range(12)]
STATUSES = ["success"] * 4 + ["fail"] * 2 + ["skip", "xfail", "lost"]


class Turns(compare.Compare):
    def setUp(self):
        super().setUp()
        python, ours = self.sides
        ours.project, ours.temporary, ours.root = python.project, python.temporary, python.root

    def in_turn(self, side, command, statuses):
        """One program runs a command alone."""
        output = self.sides[side].finish(self.sides[side].start(command.split(), ".", b"", {}))
        if output.status not in statuses:
            self.note(command, "%s: status %d\n%s%s" % (self.sides[side].name, output.status, output.out.decode(), output.err.decode()))
        return self.text(side, output.out)

    def outcomes(self, seed, run):
        chance = random.Random("%s %s" % (seed, run))
        for i, test_id in enumerate(TESTS):
            status = chance.choice(STATUSES)
            self.write("results/" + test_id, suites.result(test_id, status, chance.randrange(1, 9), start=100 * run + 10 * i))

    def agree(self, command):
        """Both programs read the same."""
        python, ours = ("status %d\n%s" % (output.status, compare.sort_blocks(self.text(side, output.out)))
                        for side, output in enumerate(self.run_sides(command)))
        if python != ours:
            self.note(command, compare.difference(python, ours))

    def by_turns(self, seed, commands):
        files = suites.runner("unexpected_success=pass\n", **{test_id.replace(".", "__"): "success" for test_id in TESTS})
        self.project(files, init=False)
        self.in_turn(0, "init", (0,))
        for run, command in enumerate(commands):
            self.outcomes(seed, run)
            self.in_turn(run % 2, command, (0, 1))
            self.agree("failing --list")
            self.agree("stats")
        self.agree("last")
        self.agree("failing")

    def test_whole_runs(self):
        self.by_turns(1, ["run"] * 10)

    def test_partial_runs(self):
        self.by_turns(2, ["run", "run --failing", "run --partial test_1", "run --partial --load-list ids", "run --failing"] * 2)

    def test_loads(self):
        self.project({".testr.conf": "[DEFAULT]\n"}, init=False)
        self.in_turn(0, "init", (0,))
        for run in range(4):
            chance = random.Random(run)
            self.write("stream", suites.stream(*((test_id, chance.choice(STATUSES), 1) for test_id in TESTS), start=50 * run))
            self.in_turn(run % 2, "load stream", (0, 1))
            self.agree("failing --list")
            self.agree("stats")


if __name__ == "__main__":
    compare.main()
