#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Suites that were not made for us give the same outcomes through test servers as through test processes, test by test,
in any order: python3-testtools and python3-oslo.utils under unittest, python3-networkx under pytest."""
import os
import shutil
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402
from project import LONG, ProjectTest  # noqa: E402

SOURCE = os.environ.get("TESTR_SOURCE") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PACKAGES = "/usr/lib/python3/dist-packages"
UNITTEST = """[DEFAULT]
test_command=/usr/bin/python3 -W ignore -m testr_python.unittest {names} $LISTOPT $IDOPTION
test_id_option=--load-list $IDFILE
test_list_option=--list
"""
PYTEST = """[DEFAULT]
test_command=/usr/bin/python3 -m pytest {options} --subunit {names} $LISTOPT $IDOPTION
test_id_option=--subunit-load-list=$IDFILE
test_list_option=--subunit-list
"""
WORKERS = ["--parallel", "--concurrency=2"] if LONG else []
OPTIONS = "-p testr_python.pytest -p no:cacheprovider -p no:xdist -W ignore"


class Suites(ProjectTest):
    def check(self, processes, server, least, *filters):
        self.env["PYTHONPATH"] = os.path.join(SOURCE, "python")
        self.env["PYTHONHASHSEED"] = "0"
        self.write(".testr.conf", processes)
        self.call("init", expect=0)
        run = self.call("run", *WORKERS, *filters)
        expected = self.results()
        self.assertGreaterEqual(len(expected), least, run.err[-4000:])
        self.write(".testr.conf", processes + "test_server_command=%s\n" % server)
        for order in (["--order=listed"], ["--seed=1"], ["--seed=2"]) if LONG else (["--seed=1"],):
            with self.subTest(order=order):
                run = self.call("run", *WORKERS, *order, *filters)
                served = self.results()
                differ = {test: (expected.get(test), served.get(test)) for test in {*expected, *served}
                          if expected.get(test) != served.get(test)}
                self.assertEqual({}, differ, run.err[-4000:])

    def unittest(self, package, names, least, *filters):
        if not os.path.isdir(os.path.join(PACKAGES, package)):
            self.skipTest("there is no python3-" + package)
        self.check(UNITTEST.format(names=names), "/usr/bin/python3 -W ignore -m testr_python.unittest --server " + names, least, *filters)

    def test_testtools(self):
        if LONG:
            # Those of testtools.run disturb each other when two processes run them at the same time.
            self.unittest("testtools", "testtools.tests.test_suite", 2000, "^(?!testtools.tests.test_run)")
        else:
            self.unittest("testtools", " ".join("testtools.tests.test_" + name for name in ("content", "tags", "testcase")), 200)

    def test_oslo_utils(self):
        if LONG:
            self.unittest("oslo_utils", "discover -s %s/oslo_utils/tests -t %s" % (PACKAGES, PACKAGES), 600)
        else:
            self.unittest("oslo_utils", " ".join("oslo_utils.tests.test_" + name for name in ("reflection", "timeutils", "versionutils")), 100)

    def test_networkx(self):
        if not os.path.isdir(os.path.join(PACKAGES, "networkx")):
            self.skipTest("there is no python3-networkx")
        # Ids are relative to the directory that pytest takes for the root, which is where it has to be started.
        shutil.copytree(os.path.join(PACKAGES, "networkx"), self.path("networkx"), ignore=shutil.ignore_patterns("__pycache__"))
        self.write("pytest.ini", "[pytest]\n")
        names = "networkx/classes networkx/generators" if LONG else "networkx/utils"
        self.check(PYTEST.format(options=OPTIONS, names=names),
                   "/usr/bin/python3 -m pytest %s --testr-server %s" % (OPTIONS, names), 2000 if LONG else 50)


if __name__ == "__main__":
    tap.main()
