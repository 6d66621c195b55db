# SPDX-License-Identifier: Apache-2.0
"""Real suites: those of Debian's python3-testtools, python3-subunit and python3-oslo.utils."""

import importlib.util
import unittest

import compare
import suites

PACKAGES = "/usr/lib/python3/dist-packages"


class Suites(compare.Compare):
    def suite(self, package, arguments):
        """A project that tests an installed package."""
        if importlib.util.find_spec(package) is None:
            raise unittest.SkipTest("%s is not installed" % package)
        config = suites.CONFIG.replace("discover .", arguments)
        self.project({".testr.conf": config + "unexpected_success=pass\n"}, real_clock=True)

    def questions(self, status):
        self.same("last", status=status, ordered=False)
        self.same("failing --list", status=status, ordered=False)
        self.same("stats")
        slowest = [[line.split()[0] for line in self.text(side, output.out).splitlines()[2:]]
                   for side, output in enumerate(self.run_sides("slowest --all"))]
        self.assertEqual(sorted(slowest[0]), sorted(slowest[1]))

    def test_testtools(self):
        """Without the tests of testtools.run, which disturb each other when two programs run them at the same time."""
        self.suite("testtools", "testtools.tests.test_suite")
        self.same("list-tests")
        self.same("run '^(?!testtools.tests.test_run)'")
        self.questions(0)
        self.same("run --parallel --concurrency=2 matchers test_testresult test_testcase", ordered=False)
        self.questions(0)

    def test_subunit(self):
        """Some fail where their scripts are not executable; one is listed and never run (decision 3)."""
        self.suite("subunit", "subunit.tests.test_suite")
        self.same("list-tests")
        self.same("run --parallel --concurrency=2 '^(?!.*DoExecTestCase)'", status=1, ordered=False)
        self.questions(1)
        self.same("run --failing", status=1, ordered=False)
        self.same("failing", status=1, ordered=False)
        self.differs(3, "run DoExecTestCase", status=6, out=compare.ANY_LINES, err=compare.SOME_LINES)

    def test_oslo(self):
        for package in ("oslo_utils", "eventlet"):
            if importlib.util.find_spec(package) is None:
                raise unittest.SkipTest("%s is not installed" % package)
        self.suite("oslo_utils", "discover -s %s/oslo_utils/tests -t %s" % (PACKAGES, PACKAGES))
        self.same("list-tests")
        self.same("run --parallel --concurrency=2 test_strutils.StringToBytes", ordered=False)
        self.questions(0)
        self.same("run test_timeutils test_fileutils")
        self.questions(0)


if __name__ == "__main__":
    compare.main()
