#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An order dependence in a suite that was not made for us is found by shuffled runs, and named: in python3-zope.interface
(5.5.2) TestImmutableDeclaration.test_singleton calls the class of a singleton once more, whose inherited constructor
empties the resolution order of the one there is; three tests of the same class then fail."""
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402
from project import HERE, ProjectTest  # noqa: E402

SOURCE = os.environ.get("TESTR_SOURCE") or os.path.join(HERE, "..", "..")
PACKAGES = "/usr/lib/python3/dist-packages"
CASE = "zope.interface.tests.test_declarations.TestImmutableDeclaration."
POLLUTER = CASE + "test_singleton"
VICTIMS = {CASE + name for name in ("test___iro___", "test___sro___", "test_flattened_empty")}
CONFIG = """[DEFAULT]
test_command=/usr/bin/python3 -W ignore -m testr_python.unittest discover -s {0}/zope/interface -t {0} $LISTOPT $IDOPTION
test_id_option=--load-list $IDFILE
test_list_option=--list
""".format(PACKAGES)


@unittest.skipUnless(os.path.isdir(os.path.join(PACKAGES, "zope/interface/tests")), "there is no python3-zope.interface")
class RealOrder(ProjectTest):
    def setUp(self):
        super().setUp()
        self.env["PYTHONPATH"] = os.path.join(SOURCE, "python")
        self.write(".testr.conf", CONFIG)
        self.call("init", expect=0)

    def in_order(self, *tests):
        """Which of them fail."""
        self.write("list", "".join(test + "\n" for test in tests))
        self.call("run", "--load-list", "list")
        self.assertEqual(list(tests), self.lines("last", "--list", expect=0))
        return {test for test, outcome in self.results().items() if outcome == "fail"}

    def test_polluter_is_named(self):
        # Those of test_ro need a package more.
        suite = r"^zope\.interface\.(?!tests\.test_ro\.)"
        self.call("run", "--order=listed", suite, expect=0)
        self.assertGreater(len(self.results()), 1300)
        # At least one order in two fails.
        for _ in range(40):
            self.call("run", "--order=random", suite)
            failed = {test for test, outcome in self.results().items() if outcome == "fail"}
            if failed:
                break
        self.assertTrue(failed)
        self.assertLessEqual(failed, VICTIMS)
        victim = min(failed)
        answer = json.loads(self.call("bisect", "--json", victim, expect=0).out)
        self.assertEqual(("polluter", [POLLUTER], victim), (answer["verdict"], answer["tests"], answer["victim"]))
        # It halves what may be the cause, most of a thousand tests or all.
        self.assertLess(answer["probes"], 30)
        self.assertEqual({victim}, self.in_order(POLLUTER, victim))
        self.assertEqual(set(), self.in_order(victim, POLLUTER))
        self.assertEqual(set(), self.in_order(victim))


if __name__ == "__main__":
    tap.main()
