#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""testr with Python's test servers: the same results as with processes, and the right blame."""
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..")]
import driver  # noqa: E402
import suites  # noqa: E402
import tap  # noqa: E402

TESTR = os.environ.get("TESTR_BIN", "testr")

UNITTEST = """[DEFAULT]
test_command=%(python)s -m testr_python.unittest discover -s suite -t . $LISTOPT $IDOPTION
test_id_option=--load-list $IDFILE
test_list_option=--list
""" % {"python": driver.PYTHON}
UNITTEST_SERVER = "test_server_command=%s -m testr_python.unittest --server discover -s suite -t .\n" % driver.PYTHON

PYTEST = """[DEFAULT]
test_command=%(python)s -m pytest -p no:cacheprovider -p testr_python.pytest --subunit $LISTOPT $IDOPTION
test_id_option=--subunit-load-list=$IDFILE
test_list_option=--subunit-list
""" % {"python": driver.PYTHON}
PYTEST_SERVER = "test_server_command=%s -m pytest -p no:cacheprovider -p testr_python.pytest --testr-server\n" % driver.PYTHON

DIES = """
import os, threading, unittest

class Dies(unittest.TestCase):
    def test_dies(self):
        os.kill(os.getpid(), 9)

    def test_hangs(self):
        print("here it hangs", flush=True)
        threading.Event().wait()

    def test_passes(self):
        pass
"""


class Testr(unittest.TestCase):
    def project(self, files):
        top = tempfile.TemporaryDirectory()
        self.addCleanup(top.cleanup)
        files = {k: v for k, v in files.items() if k not in ("test_bad.py", "test_waits.py")}
        suites.write(os.path.join(top.name, "suite"), files)
        return top.name

    def results(self, top, configuration, *arguments):
        """Those of one run, by a repository of its own."""
        with open(os.path.join(top, ".testr.conf"), "w") as f:
            f.write(configuration)
        subprocess.check_call(["rm", "-rf", ".testrepository"], cwd=top)
        env = driver.environment()
        for command in (["init"], ["run", *arguments]):
            self.ran = subprocess.run([TESTR] + command, cwd=top, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, timeout=300)
        with open(os.path.join(top, ".testrepository", "streams", "0"), "rb") as f:
            return driver.read_stream(f.read())

    def compare(self, files, configuration, server):
        top = self.project(files)
        wanted = self.results(top, configuration).outcomes
        self.assertGreater(len(wanted), 10)
        for arguments in ([], ["--parallel", "--concurrency=2"]):
            found = self.results(top, configuration + server, *arguments)
            self.assertEqual(sorted(wanted), sorted(found.outcomes), self.ran.stdout.decode())
            self.assertEqual(1, self.ran.returncode)
            prints = [t for t in found.tests if t.id.endswith("test_prints")][0]
            self.assertIn("printed\n", prints.text("stdout"))

    def test_unittest(self):
        self.compare(suites.UNITTEST, UNITTEST, UNITTEST_SERVER)

    def test_pytest(self):
        self.compare(suites.PYTEST, PYTEST, PYTEST_SERVER)

    def test_blame(self):
        top = self.project({"__init__.py": "", "test_dies.py": DIES})
        events = self.results(top, UNITTEST + UNITTEST_SERVER + "test_timeout=3\n")
        self.assertEqual({"dies": "fail", "hangs": "fail", "passes": "success"},
                         {t.id.rsplit("_")[-1]: t.outcome for t in events.tests}, self.ran.stdout.decode())
        hangs = [t for t in events.tests if t.id.endswith("hangs")][0]
        told = "".join(map(hangs.text, hangs.files))
        self.assertIn("here it hangs", told)
        self.assertIn("in test_hangs", told)


if __name__ == "__main__":
    tap.main()
