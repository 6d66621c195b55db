# SPDX-License-Identifier: Apache-2.0
"""Runs the unittest classes of the calling module and prints TAP version 13.

    if __name__ == "__main__":
        tap.main()

Arguments choose tests by a part of their id. The exit status is 1 when a test failed or none ran.
"""

import os
import re
import sys
import unittest

LONG = "TESTR_LONG" in os.environ


def long(test):
    """A test, or a class of tests, that is only there for ./check --long."""
    test.only_long = True
    return test


class Result(unittest.TestResult):
    """Prints each test as it ends; what a failed one says becomes comment lines below it."""

    def __init__(self):
        super().__init__()
        self.number = 0
        self.bad = False

    def line(self, ok, test, directive="", text=""):
        self.number += 1
        self.bad = self.bad or not ok
        # TAP reads "#" as the start of a directive.
        name = test.id().replace("__main__.", "").replace("#", "\\#")
        sys.stdout.write("%sok %d - %s%s\n" % ("" if ok else "not ", self.number, name, directive))
        for text_line in text.splitlines():
            # The report of all tests is XML, which has no room for control characters.
            sys.stdout.write("# %s\n" % re.sub(r"[\x00-\x08\x0e-\x1f\x7f\ufffe\uffff]", "?", text_line))
        sys.stdout.flush()

    def addSuccess(self, test):
        self.line(True, test)

    def addError(self, test, err):
        self.line(False, test, text=self._exc_info_to_string(err, test))

    addFailure = addError

    def addSkip(self, test, reason):
        self.line(True, test, directive=" # SKIP " + reason.replace("\n", " "))

    def addExpectedFailure(self, test, err):
        self.line(True, test, text="failed, as expected")

    def addUnexpectedSuccess(self, test):
        self.line(False, test, text="passed, but is marked as an expected failure")

    def addSubTest(self, test, subtest, err):
        # A test with a failed part gets no line of its own.
        if err is not None:
            self.line(False, subtest, text=self._exc_info_to_string(err, test))


def flatten(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flatten(item)
        else:
            yield item


def is_there(test):
    return LONG or not (hasattr(test, "only_long") or hasattr(getattr(test, test._testMethodName, None), "only_long"))


def main():
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    wanted = sys.argv[1:]
    tests = [t for t in flatten(suite) if is_there(t) and (not wanted or any(w in t.id() for w in wanted))]
    result = Result()
    sys.stdout.write("TAP version 13\n")
    # A suite, not a loop over the tests: it runs the fixtures of classes and modules.
    unittest.TestSuite(tests).run(result)
    sys.stdout.write("1..%d\n" % result.number)
    sys.exit(1 if result.bad or not result.number else 0)
