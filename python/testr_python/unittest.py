# SPDX-License-Identifier: Apache-2.0
"""Runs tests of unittest and what is built on it (testtools, fixtures, testresources).

    python3 -m testr_python.unittest [--server] [--list | --load-list FILE] [discover [-s DIR] [-t TOP] [-p PATTERN] | NAME...]

Arguments and what is told of tests are those of `python3 -m subunit.run`. With --server it loads the tests once and runs
them as often as it is asked to (docs/rpc.md).
"""

import collections
import datetime
import os
import sys
import traceback
import unittest

from testr_python import channel, report, rpc, subunit

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
# Of several outcomes of one test the worst counts.
_WORSE = {None: 0, "success": 1, "xfail": 2, "skip": 3, "uxsuccess": 4, "fail": 5}


# ---- telling ----


class Result(unittest.TestResult):
    """Tells a reporter; understands what testtools and subunit add to unittest's result: details, tags, times."""

    def __init__(self, reporter, stopped=lambda: False, failfast=False, tb_locals=False):
        super().__init__()
        self.reporter = reporter
        self.failfast = failfast
        self.tb_locals = tb_locals
        self.started = set()  # ids
        self.hold = False  # the next test, if there is one, comes at once
        self._stopped = stopped
        self._ok = True
        self._time = None
        self._tags = set()
        self._test = None
        self._forget()

    def _forget(self):
        self._id = None
        self._status = None
        self._test_tags = None
        self._names = collections.Counter()

    # -- tests --

    def startTest(self, test):
        self.testsRun += 1
        self._forget()
        self._test = test
        self._id = test.id()
        self._test_tags = set(self._tags)
        self.started.add(self._id)
        self.reporter.begin(self._id, self._time)

    def stopTest(self, test):
        if self._test is None:
            return
        if self._status is None:
            self._attach("reason", report.TEXT, b"The test ended without an outcome.")
            self._ok = False
        self.reporter.end(self._id, self._status or "fail", self._test_tags, self._time, self.hold)
        self._test = None
        self._forget()
        if self._stopped():
            self.stop()

    def addSuccess(self, test, details=None):
        self.outcome(test, "success", details=details)

    def addError(self, test, err=None, details=None):
        self.outcome(test, "fail", err, details)

    def addFailure(self, test, err=None, details=None):
        self.outcome(test, "fail", err, details)

    def addSkip(self, test, reason=None, details=None):
        self.outcome(test, "skip", details=details, reason=reason)

    def addExpectedFailure(self, test, err=None, details=None):
        self.outcome(test, "xfail", err, details)

    def addUnexpectedSuccess(self, test, details=None):
        self.outcome(test, "uxsuccess", details=details)

    def addSubTest(self, test, subtest, err):
        """What fails in a part of a test fails the test: a part cannot be run by itself, so it has no id of its own."""
        if err is not None:
            part = subtest.id()[len(test.id()):].strip()
            self.outcome(test, "fail", err, name="traceback " + part)

    def addDuration(self, test, elapsed):
        pass

    def wasSuccessful(self):
        return self._ok

    def outcome(self, test, status, err=None, details=None, reason=None, name="traceback"):
        if self._test is None or (test is not self._test and getattr(test, "test_case", None) is not self._test
                                  and test.id() != self._id):
            self._tell_alone(test, status, err, details, reason)
            return
        self._describe(test, err, details, reason, name)
        if _WORSE[status] > _WORSE[self._status]:
            self._status = status
        self._judge(status)

    def _tell_alone(self, test, status, err, details, reason):
        """What is no test, such as a setUpClass that failed."""
        running = self._id, self._names
        self.reporter.outside()
        self._id, self._names = test.id(), collections.Counter()
        self._describe(test, err, details, reason, "traceback")
        self.reporter.end(self._id, status, self._tags, self._time)
        self._id, self._names = running
        self._judge(status)

    def _judge(self, status):
        if status in ("fail", "uxsuccess"):
            self._ok = False
            if self.failfast:
                self.stop()

    # -- attachments --

    def _describe(self, test, err, details, reason, name):
        if err is not None:
            text = self._traceback(test, err)
            self._attach(name, report.TRACEBACK, text.encode("utf-8", "backslashreplace"))
        for key, content in (details or {}).items():
            self._attach(key, repr(content.content_type), b"".join(content.iter_bytes()))
        if reason is not None:
            self._attach("reason", report.TEXT, str(reason).encode("utf-8", "backslashreplace"))

    def _attach(self, name, mime_type, content):
        count = self._names[name]
        self._names[name] += 1
        if count:
            name = "%s-%d" % (name, count)
        self.reporter.attach(self._id, name, mime_type, content, self._time)

    def _traceback(self, test, err):
        try:
            return self._exc_info_to_string(err, test)
        except AttributeError:
            # A test that is no TestCase.
            return "".join(traceback.format_exception(*err))

    # -- tags and times --

    def tags(self, new_tags, gone_tags):
        tags = self._tags if self._test is None else self._test_tags
        tags.update(new_tags)
        tags.difference_update(gone_tags)

    def time(self, when):
        """Tests may bring times of their own; None goes back to the clock."""
        if when is not None:
            since = (when if when.tzinfo else when.replace(tzinfo=datetime.timezone.utc)) - _EPOCH
            when = ((since.days * 86400 + since.seconds) * 1000000 + since.microseconds) * 1000
        self._time = when

    # -- what unittest calls before and after fixtures of classes and modules --

    def _setupStdout(self):
        # These take their time, and may be the end of us: what is known by now is told before.
        self.reporter.flush()

    def _restoreStdout(self):
        pass


# ---- loading ----


def leaves(item):
    """The tests of a suite."""
    try:
        items = iter(item)
    except TypeError:
        yield item
        return
    for part in items:
        yield from leaves(part)


def _is_plain(suite):
    """It does nothing but run its tests one after another."""
    cls = type(suite)
    return isinstance(suite, unittest.TestSuite) and cls.run is unittest.TestSuite.run \
        and cls.__call__ is unittest.TestSuite.__call__


def parts(item):
    """The tests outside of suites that do something of their own, and these suites."""
    if not _is_plain(item):
        yield item
        return
    for part in item:
        yield from parts(part)


def _first_id(item):
    return next((test.id() for test in leaves(item)), "")


def sort(suite):
    """By id, apart from suites that do something of their own; these may say how their tests are sorted."""
    count = collections.Counter(test.id() for test in leaves(suite))
    twice = sorted(test_id for test_id in count if count[test_id] > 1)
    if twice:
        sys.exit("testr_python: %d test ids occur more than once: %s%s" % (
            len(twice), ", ".join(twice[:10]), ", …" if len(twice) > 10 else ""))
    items = list(parts(suite))
    for item in items:
        if hasattr(item, "sort_tests"):
            item.sort_tests()
    return unittest.TestSuite(sorted(items, key=_first_id))


def fresh(test):
    """A copy to be run: what a run leaves behind in it is gone with it."""
    if not isinstance(test, unittest.TestCase):
        return test
    try:
        new = object.__new__(type(test))
        new.__dict__.update(test.__dict__)
    except TypeError:
        return test
    return new


def restrict(item, ids):
    """The tests of a suite with these ids, in suites of the same kind; the suite itself stays as it is."""
    if hasattr(item, "filter_by_ids"):
        return item.filter_by_ids(ids)
    if not isinstance(item, unittest.TestSuite):
        return fresh(item) if not hasattr(item, "id") or item.id() in ids else unittest.TestSuite()
    suite = item.__class__.__new__(item.__class__)
    suite.__dict__.update(item.__dict__)
    kept = (restrict(part, ids) for part in item)
    suite._tests = [part for part in kept if not isinstance(part, unittest.TestSuite) or part.countTestCases()]
    return suite


class Program(unittest.TestProgram):
    """Reads the command line and loads the tests. Running them is for others."""

    def __init__(self, argv):
        self.only_list = False
        self.load_list = None
        super().__init__(module=None, argv=argv, exit=False, testLoader=unittest.TestLoader())

    def _getParentArgParser(self):
        parser = super()._getParentArgParser()
        parser.add_argument("-l", "--list", dest="only_list", action="store_true", help="List tests instead of running them")
        parser.add_argument("--load-list", dest="load_list", metavar="FILE", help="Run only tests whose ids are lines of FILE")
        parser.add_argument("--server", action="store_true", help="Be a test server")
        return parser

    def _do_discovery(self, argv, Loader=None):
        super()._do_discovery(argv, Loader=Loader)
        self.test = sort(self.test)

    def runTests(self):
        pass


def _load(argv, capture, say):
    try:
        return Program(argv)
    except SystemExit:
        # Help, for one.
        for piece in capture.take():
            os.write(say, piece)
        raise


# ---- running once ----


def _chosen(suite, path):
    """What is to run, and its ids: all, or the tests in the file, whose order is kept where testr says that it matters."""
    if path is not None:
        with open(path, "rb") as file:
            ids = [line.strip().decode("utf-8") for line in file]
        if "TESTR_KEEP_ORDER" in os.environ:
            tests = Tests(suite)
            ids = [test_id for test_id in dict.fromkeys(ids) if test_id in tests]
            return tests.sequence(_Listed(ids)), ids
        suite = restrict(suite, set(ids))
    return suite, [test.id() for test in leaves(suite)]


def once(argv):
    capture, output = channel.move_output()
    reporter = report.Reporter(lambda data: channel.write_all(output, data), capture)
    program = _load(argv, capture, output)
    suite, ids = _chosen(program.test, program.load_list)
    reporter.outside()
    for test_id in ids:
        reporter.exists(test_id)
    reporter.flush()
    if program.only_list:
        errors = "\n".join(program.testLoader.errors)
        if errors:
            reporter.attach(None, "import errors", report.TEXT, errors.encode("utf-8", "backslashreplace"))
            reporter.flush()
        return 2 if errors else 0
    if program.catchbreak:
        unittest.installHandler()
    result = Result(reporter, failfast=program.failfast, tb_locals=program.tb_locals)
    result.startTestRun()
    try:
        suite(result)
    finally:
        result.stopTestRun()
        reporter.outside()
        reporter.flush()
    return 0


# ---- serving ----


class _Unknown:
    """Stands for a test that is not there."""

    def __init__(self, test_id):
        self._id = test_id

    def id(self):
        return self._id

    def countTestCases(self):
        return 1

    def __call__(self, result):
        result.startTest(self)
        result.outcome(self, "fail", reason="There is no test with the id %r here. List the tests to see which there are."
                       % self._id)
        result.stopTest(self)


class _Whole(unittest.TestSuite):
    """Tests that a suite of some special kind has to run itself, in the order that it likes."""

    def __init__(self, suite):
        super().__init__()
        self.suite = suite
        self.ids = []

    def run(self, result, debug=False):
        hold, result.hold = result.hold, False
        result.reporter.flush()
        try:
            restrict(self.suite, frozenset(self.ids))(result)
        except Exception:
            for test_id in self.left(result):
                test = _Unknown(test_id)
                result.startTest(test)
                result.outcome(test, "fail", sys.exc_info())
                result.stopTest(test)
        result.hold = hold
        return result

    def left(self, result):
        return [test_id for test_id in self.ids if test_id not in result.started]


class _Listed:
    """Stands for a request where there is no server."""

    stopped = False

    def __init__(self, tests):
        self.tests = tests


class _Sequence(unittest.TestSuite):
    """What one request asks for. unittest itself runs it, with the fixtures of classes and modules between."""

    _cleanup = False

    def __init__(self, items, request):
        super().__init__()
        self._items = items
        self._request = request
        self.reached = 0

    def __iter__(self):
        for item in self._items:
            if self._request.stopped:
                return
            self.reached += 1
            yield item if isinstance(item, _Whole) else fresh(item)

    def left(self, result):
        """The ids of the tests that were not started."""
        ids = []
        if self.reached and self._request.stopped and isinstance(self._items[self.reached - 1], _Whole):
            ids += self._items[self.reached - 1].left(result)
        for item in self._items[self.reached:]:
            ids += item.ids if isinstance(item, _Whole) else [subunit.clean(item.id())]
        return ids


class Tests:
    """What was loaded, by id."""

    def __init__(self, suite):
        self.ids = []
        self._by_id = {}  # lists of (test, the special suite it is in or None)
        for item in parts(suite):
            special = item if isinstance(item, unittest.TestSuite) else None
            for test in leaves(item):
                # What was heard of a test is how it is asked for.
                test_id = subunit.clean(test.id())
                self.ids.append(test_id)
                self._by_id.setdefault(test_id, []).append((test, special))

    def __contains__(self, test_id):
        return test_id in self._by_id

    def sequence(self, request):
        items = []
        for test_id in dict.fromkeys(self.ids) if request.tests is None else request.tests:
            for test, special in self._by_id.get(test_id, ((_Unknown(test_id), None),)):
                if special is None:
                    items.append(test)
                    continue
                last = items[-1] if items else None
                if not isinstance(last, _Whole) or last.suite is not special or test_id in last.ids:
                    items.append(_Whole(special))
                items[-1].ids.append(test_id)
        return _Sequence(items, request)


class _Service:
    """Answers requests."""

    def __init__(self, server, reporter, program):
        self._server = server
        self._reporter = reporter
        self._program = program
        self._tests = Tests(program.test)

    def answer(self, request):
        if request.kind == "List":
            wanted = self._tests.ids if request.tests is None else filter(self._tests.__contains__, request.tests)
            for test_id in wanted:
                self._reporter.exists(test_id)
            self._reporter.flush()
            self._server.done(request)
            return
        self._reporter.tags = frozenset(request.profile)
        result = Result(self._reporter, lambda: request.stopped, tb_locals=self._program.tb_locals)
        result.hold = True
        sequence = self._tests.sequence(request)
        with rpc.Environment(request.env):
            sequence.run(result)
        self._reporter.outside()
        self._reporter.flush()
        self._server.done(request, sequence.left(result))


def serve(argv):
    capture, output, source, sink = channel.open_conversation()
    server = rpc.Server(source, sink, on_quiet=lambda: reporter.tell_printed())
    reporter = report.Reporter(server.write, capture)
    server.start()
    service = _Service(server, reporter, _load(argv, capture, 2))
    while True:
        request = server.next_request()
        if request is None:
            return 0
        service.answer(request)


def main(argv):
    argv = ["python3 -m testr_python.unittest"] + argv[1:]
    if "--server" in argv:
        # unittest takes "discover" only as the first argument.
        argv.remove("--server")
        return serve(argv)
    return once(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
