# SPDX-License-Identifier: Apache-2.0
"""A plugin for pytest 7 or later: tells of tests in subunit, or is a test server.

    pytest -p testr_python.pytest --subunit [--subunit-load-list=FILE]
    pytest -p testr_python.pytest --subunit-list
    pytest -p testr_python.pytest --testr-server

Tests have pytest's own ids. A file that could not be collected, or was skipped as a whole, is listed by its id like a
test, and fails or is skipped like one.
"""

import faulthandler
import os

import pytest

from testr_python import channel, rpc, subunit
from testr_python.report import TEXT, TRACEBACK, Reporter

# Of several outcomes of one test the worst counts.
_WORSE = {None: 0, "success": 1, "xfail": 2, "skip": 3, "fail": 4}


def pytest_addoption(parser):
    group = parser.getgroup("testr")
    group.addoption("--subunit", action="store_true", help="Tell of tests on standard output as a stream of subunit version 2.")
    group.addoption("--subunit-list", action="store_true", help="As --subunit, but only list the tests.")
    group.addoption("--subunit-load-list", metavar="FILE", help="As --subunit, for the tests whose ids are lines of FILE.")
    group.addoption("--testr-server", action="store_true", help="Be a test server: collect once, run tests when asked to.")


# Before pytest itself looks at standard output.
@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config):
    options = early_config.known_args_namespace
    if options.testr_server:
        early_config.pluginmanager.register(_Serve(), "testr")
    elif options.subunit or options.subunit_list or options.subunit_load_list:
        early_config.pluginmanager.register(_Once(options, early_config.invocation_params.args), "testr")
    yield


def _read_list(path, args):
    """The ids in a file, with their places in it."""
    if "--subunit-load-list" in args:
        # pytest chooses its root, which all ids depend on, before it knows our options: this file would be one to look at.
        raise pytest.UsageError("--subunit-load-list and FILE have to be one argument: --subunit-load-list=" + path)
    try:
        with open(path, "rb") as file:
            return {line.strip().decode("utf-8"): place for place, line in enumerate(file)}
    except (OSError, UnicodeDecodeError) as error:
        raise pytest.UsageError("--subunit-load-list: %s: %s" % (path, error))


def _encode(text):
    return str(text).encode("utf-8", "backslashreplace")


class _Test:
    """What is known of a test that runs."""

    def __init__(self):
        self.status = None
        self.parts = 0  # attachments with a traceback
        self.last = None  # report

    def worsen(self, status):
        if _WORSE[status] > _WORSE[self.status]:
            self.status = status


class _Plugin:
    """What both ways of running have in common: tells a reporter what pytest reports."""

    def __init__(self, capture, output, write):
        self._output = output
        self._complaints = os.dup(2)  # a test may lead standard error elsewhere
        self.reporter = Reporter(write, capture)
        self.hold = False
        self.uncollected = {}  # reports by id
        self._running = {}

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config):
        # What cannot be collected fails like a test; it does not keep others from running.
        config.option.continue_on_collection_errors = True
        terminal = config.pluginmanager.getplugin("terminalreporter")
        if terminal:
            config.pluginmanager.unregister(terminal)
            # It lives as long as the process does.
            config.pluginmanager.register(type(terminal)(config, open(os.devnull, "w")), "terminalreporter")
        # pytest has it write to standard error.
        faulthandler.enable(file=self._output, all_threads=True)

    def pytest_unconfigure(self):
        self.reporter.outside()
        self.reporter.flush()
        channel.restore_output(self._output)

    def pytest_internalerror(self, excrepr):
        text = "".join("INTERNALERROR> %s\n" % line for line in str(excrepr).split("\n"))
        channel.write_all(self._complaints, _encode(text))

    def pytest_collectreport(self, report):
        if not report.passed:
            self.uncollected[report.nodeid] = report

    # -- reports --

    def pytest_runtest_logstart(self, nodeid):
        self._running[nodeid] = _Test()
        self.reporter.begin(nodeid)

    def pytest_runtest_logreport(self, report):
        test = self._running.get(report.nodeid)
        if test is None:
            return
        if hasattr(report, "context"):
            # A part of a test. It has no id of its own, since it cannot be run by itself.
            if report.failed:
                test.worsen("fail")
                self._trace(test, report, _part(report.context))
            return
        test.last = report
        self._judge(test, report)

    def _judge(self, test, report):
        unexpected = getattr(report, "wasxfail", None)
        if report.failed:
            test.worsen("fail")
            self._trace(test, report, "" if report.when in ("call", "collect") else report.when)
        elif report.skipped and unexpected is not None:
            test.worsen("xfail")
            self._trace(test, report, "")
            self._reason(report.nodeid, unexpected)
        elif report.skipped:
            test.worsen("skip")
            self._reason(report.nodeid, _skip_reason(report))
        elif getattr(report, "when", "call") == "call":
            test.worsen("success")
            if unexpected is not None:
                self.reporter.attach(report.nodeid, "xpass", TEXT, _encode(unexpected or "It was expected to fail."))

    def _trace(self, test, report, where):
        name = "traceback" + (" " + where if where else "")
        if test.parts and not where:
            name += "-%d" % test.parts
        test.parts += 1
        self.reporter.attach(report.nodeid, name, TRACEBACK, _encode(report.longreprtext))

    def _reason(self, nodeid, reason):
        self.reporter.attach(nodeid, "reason", TEXT, _encode(reason))

    def pytest_runtest_logfinish(self, nodeid):
        test = self._running.pop(nodeid, None)
        if test is None:
            return
        if test.last is not None and test.last.sections:
            self._attach_captured(nodeid, test.last)
        if test.status is None:
            self._reason(nodeid, "pytest did not say what became of it.")
        self.reporter.end(nodeid, test.status or "fail", hold=self.hold)

    def _attach_captured(self, nodeid, last):
        # The last report has what was captured in all phases.
        if last.capstdout:
            self.reporter.add_printed(_encode(last.capstdout))
        if last.capstderr:
            self.reporter.attach(nodeid, "stderr", TEXT, _encode(last.capstderr))
        if last.caplog:
            self.reporter.attach(nodeid, "log", TEXT, _encode(last.caplog))

    # -- for both ways --

    def ids(self, session):
        return list(self.uncollected) + [item.nodeid for item in session.items]

    def tell_uncollected(self, nodeid):
        """Of what could not be collected as of a test."""
        self.pytest_runtest_logstart(nodeid)
        self._judge(self._running[nodeid], self.uncollected[nodeid])
        self.pytest_runtest_logfinish(nodeid)

    def fail(self, nodeid, reason):
        """Ends a test that pytest says nothing of, whether it runs or not."""
        if nodeid not in self._running:
            self.pytest_runtest_logstart(nodeid)
        self._running[nodeid].status = "fail"
        self._reason(nodeid, reason)
        self.pytest_runtest_logfinish(nodeid)


def _part(context):
    words = [str(context.msg)] if context.msg else []
    words += ["%s=%r" % pair for pair in context.kwargs.items()]
    return "(%s)" % ", ".join(words)


def _skip_reason(report):
    if isinstance(report.longrepr, tuple):
        reason = report.longrepr[2]
        return reason[len("Skipped: "):] if reason.startswith("Skipped: ") else reason
    return report.longreprtext


# ---- running once ----


class _Once(_Plugin):
    def __init__(self, options, args):
        self._only_list = options.subunit_list
        self._wanted = _read_list(options.subunit_load_list, args) if options.subunit_load_list else None
        capture, output = channel.move_output()
        super().__init__(capture, output, lambda data: channel.write_all(output, data))

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config, items):
        if self._wanted is None:
            return
        gone = [item for item in items if subunit.clean(item.nodeid) not in self._wanted]
        items[:] = [item for item in items if subunit.clean(item.nodeid) in self._wanted]
        if "TESTR_KEEP_ORDER" in os.environ:
            items.sort(key=lambda item: self._wanted[subunit.clean(item.nodeid)])
        if gone:
            config.hook.pytest_deselected(items=gone)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session):
        """Lists, and lets pytest itself run the tests."""
        self.reporter.outside()
        if self._wanted is not None:
            self.uncollected = {k: v for k, v in self.uncollected.items() if k in self._wanted}
        for nodeid in self.ids(session):
            self.reporter.exists(nodeid)
        if self._only_list:
            self._tell_errors()
        self.reporter.flush()
        if self._only_list:
            return True
        for nodeid in self.uncollected:
            self.tell_uncollected(nodeid)
        return None

    def _errors(self):
        return [r.longreprtext for r in self.uncollected.values() if r.failed]

    def _tell_errors(self):
        if self._errors():
            self.reporter.attach(None, "import errors", TEXT, _encode("\n".join(self._errors())))

    def pytest_sessionfinish(self, session):
        if self._only_list and self._errors():
            session.exitstatus = 2
        elif session.exitstatus in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED):
            # The stream says so.
            session.exitstatus = pytest.ExitCode.OK


# ---- serving ----


class _Serve(_Plugin):
    def __init__(self):
        capture, output, source, sink = channel.open_conversation()
        self._server = rpc.Server(source, sink, on_quiet=lambda: self.reporter.tell_printed())
        super().__init__(capture, output, self._server.write)
        self.hold = True
        self._items = {}
        self._next = None  # what the last test was torn down for
        self._server.start()

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config):
        super().pytest_configure(config)
        # -x ends one run, not all there will be.
        config.option.maxfail = 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session):
        for item in session.items:
            self._items.setdefault(subunit.clean(item.nodeid), item)
        self._next = session
        while True:
            request = self._server.next_request()
            if request is None:
                return True
            if request.kind == "List":
                self._list(session, request)
            elif not self._run(session, request):
                self._server.goodbye()
                return True

    def pytest_sessionfinish(self, session):
        if session.exitstatus in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.OK

    def _list(self, session, request):
        known = [subunit.clean(nodeid) for nodeid in self.ids(session)]
        if request.tests is not None:
            there = frozenset(known)
            known = [nodeid for nodeid in request.tests if nodeid in there]
        for nodeid in known:
            self.reporter.exists(nodeid)
        self.reporter.flush()
        self._server.done(request)

    def _run(self, session, request):
        """False: nothing more can be run."""
        self.reporter.tags = frozenset(request.profile)
        ids = [subunit.clean(nodeid) for nodeid in self.ids(session)] if request.tests is None else request.tests
        left = []
        able = True
        with rpc.Environment(request.env):
            for i, nodeid in enumerate(ids):
                if request.stopped or not able:
                    left = ids[i:]
                    break
                if nodeid in self._items:
                    able = self._run_item(session, self._items[nodeid], self._following(session, ids, i + 1))
                elif nodeid in self.uncollected:
                    self.tell_uncollected(nodeid)
                else:
                    self.fail(nodeid, "There is no test with the id %r here. List the tests to see which there are." % nodeid)
        self.reporter.outside()
        self.reporter.flush()
        self._server.done(request, left)
        return able

    def _following(self, session, ids, start):
        """The item to be run next, or the session: its fixtures stay until the end."""
        following = self._server.peek_request() if start == len(ids) else None
        for nodeid in (following.tests or ()) if following else ids[start:]:
            if nodeid in self._items:
                return self._items[nodeid]
        return session

    def _run_item(self, session, item, following):
        """False: nothing more can be run."""
        if self._next is not item and self._next is not session:
            self._tear_down(session, item)
        self._next = following
        # It may have been run before.
        item._report_sections.clear()
        item.user_properties.clear()
        try:
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        except pytest.exit.Exception as error:
            self.fail(item.nodeid, "pytest.exit: %s" % error.msg)
            return False
        return True

    def _tear_down(self, session, item):
        """The last test was not followed by that which was expected."""
        try:
            session._setupstate.teardown_exact(item)
        except Exception:
            self.fail("teardown before " + item.nodeid, pytest.ExceptionInfo.from_current().getrepr())
