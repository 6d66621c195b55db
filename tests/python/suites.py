# SPDX-License-Identifier: Apache-2.0
"""Made suites with every feature that matters to the servers."""
import os

UNITTEST = {
    "__init__.py": "",
    "test_all.py": '''
import os, subprocess, sys, threading, unittest

LOG = []

def setUpModule():
    LOG.append("module+")

def tearDownModule():
    LOG.append("module-")

class First(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        print("before the class")
        LOG.append("First+")

    @classmethod
    def tearDownClass(cls):
        LOG.append("First-")

    def test_log(self):
        print(",".join(LOG))
        del LOG[:]

    def test_prints(self):
        print("printed")
        sys.stdout.buffer.write(b"buffered\\n")
        os.write(1, b"written\\n")
        subprocess.check_call(["echo", "child"])

    def test_quiet(self):
        pass

    def test_closes_nothing(self):
        self.assertEqual(b"", os.read(0, 1))

    def test_fails(self):
        print("about to fail")
        self.fail("on purpose")

    def test_errs_twice(self):
        self.addCleanup(lambda: 1 // 0)
        raise ValueError("first")

    @unittest.skip("not today")
    def test_skipped(self):
        pass

    @unittest.expectedFailure
    def test_expected(self):
        self.fail("expected")

    @unittest.expectedFailure
    def test_unexpected(self):
        pass

    def test_parts(self):
        for i in range(3):
            with self.subTest(i=i):
                self.assertEqual(1, i)

    def test_environment(self):
        print(os.environ.get("TESTR_TRIES"), "TESTR_RPC_FD" in os.environ)

class Second(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        LOG.append("Second+")

    @classmethod
    def tearDownClass(cls):
        LOG.append("Second-")

    def test_log(self):
        print(",".join(LOG))
        del LOG[:]

    def test_again(self):
        self.assertFalse(hasattr(self, "mark"))
        self.mark = True

class Broken(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise ValueError("no class")

    def test_one(self):
        pass

class NotToday(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise unittest.SkipTest("no class today")

    def test_one(self):
        pass
''',
    "test_waits.py": '''
import os, unittest

class Waits(unittest.TestCase):
    """Waits until it is told to go on."""

    def test_a(self):
        print("waiting", flush=True)
        with open(os.environ["TESTR_FIFO"]) as f:
            f.read()

    def test_b(self):
        pass

    def test_c(self):
        pass
''',
    "test_resources.py": '''
import testresources
from testtools import TestCase
from testtools.content import text_content

LOG = []

class Made(testresources.TestResourceManager):
    def make(self, dependencies):
        LOG.append("made")
        return "thing"

    def clean(self, resource):
        LOG.append("cleaned")

class Uses(testresources.ResourcedTestCase, TestCase):
    resources = [("thing", Made())]

    def test_a(self):
        self.assertEqual("thing", self.thing)

    def test_b(self):
        self.addDetail("log", text_content(",".join(LOG)))

class Tagged(TestCase):
    def run(self, result):
        result.tags({"slow"}, set())
        return super().run(result)

    def test_tagged(self):
        self.skipTest("with a reason")

def load_tests(loader, tests, pattern):
    suite = testresources.OptimisingTestSuite()
    suite.addTests(tests)
    return suite
''',
    "test_bad.py": "import there_is_no_such_module\n",
}

PYTEST = {
    "test_all.py": '''
import logging, os, subprocess, sys, unittest
import pytest

LOG = []

@pytest.fixture(scope="session")
def of_session():
    LOG.append("session+")
    yield
    LOG.append("session-")

@pytest.fixture(scope="module")
def of_module(of_session):
    LOG.append("module+")
    yield
    LOG.append("module-")

@pytest.fixture(scope="class")
def of_class(of_module):
    LOG.append("class+")
    yield
    LOG.append("class-")

@pytest.fixture
def broken():
    raise ValueError("no fixture")

@pytest.fixture
def breaks():
    yield
    raise ValueError("no end")

class TestFixtures:
    def test_one(self, of_class):
        print(",".join(LOG))
        del LOG[:]

    def test_two(self, of_class):
        print(",".join(LOG))
        del LOG[:]

def test_log(of_module):
    print(",".join(LOG))
    del LOG[:]

def test_prints():
    print("printed")
    os.write(1, b"written\\n")
    subprocess.check_call(["echo", "child"])
    print("wrong", file=sys.stderr)
    logging.warning("logged")

@pytest.mark.parametrize("value", [1, "a b", "\\u00e9", "x/y::z"])
def test_values(value):
    assert value != "a b"

def test_fails():
    assert 1 == 2

def test_no_fixture(broken):
    pass

def test_no_end(breaks):
    pass

def test_both(breaks):
    assert False

@pytest.mark.skip(reason="not today")
def test_skipped():
    pass

def test_skips():
    pytest.skip("now and then")

@pytest.mark.xfail(reason="a fault")
def test_expected():
    assert False

@pytest.mark.xfail(reason="a fault")
def test_unexpected():
    pass

@pytest.mark.xfail(strict=True, reason="a fault")
def test_strict():
    pass

@pytest.mark.xfail(run=False, reason="dangerous")
def test_not_run():
    os._exit(1)

def test_environment():
    print(os.environ.get("TESTR_TRIES"), "TESTR_RPC_FD" in os.environ)

class TestOfUnittest(unittest.TestCase):
    def test_passes(self):
        pass

    def test_fails(self):
        self.fail("on purpose")

    def test_parts(self):
        for i in range(3):
            with self.subTest(i=i):
                self.assertEqual(1, i)
''',
    "test_waits.py": '''
import os

def test_a():
    with open(os.environ["TESTR_FIFO"]) as f:
        f.read()

def test_b():
    pass

def test_c():
    pass
''',
    "test_not_here.py": 'import pytest\npytest.skip("not here", allow_module_level=True)\n',
    "test_bad.py": "import there_is_no_such_module\n",
}


def write(directory, files):
    os.makedirs(directory)
    for name, text in files.items():
        with open(os.path.join(directory, name), "w", encoding="utf-8") as f:
            f.write(text)
