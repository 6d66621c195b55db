# SPDX-License-Identifier: Apache-2.0
"""Runs Python's testr and ours side by side on two copies of one project and compares what they say.

A scenario is a test method of a subclass of Compare: it makes a project and gives commands.

    self.same("run --failing", status=1)    both say the same and end with this status
    self.differs(5, "run", status=1)        ours differs as decision 5 of the design says: what is given is ours, the rest Python's
    self.results("last --subunit")          both streams hold the same results, whatever their bytes are
    self.both("init")                       something both must do; the output is no matter

A scenario goes on after a difference, so that one run shows them all. Normalised are the project's directory, the
temporary names in it, the order of words in `tags:` lines and, in projects with real clocks, the times of summary lines. Nothing else is.

TESTR_BIN names our program. With TESTR_BIN=/usr/bin/testr exactly the declared differences are missing.
"""

import collections
import difflib
import io
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # testtools uses modules that Python is about to drop
    import subunit
    import testtools

PYTHON_TESTR = "/usr/bin/testr"
# How long one command may take.
DEADLINE = 60
# How much of one difference is shown.
SHOWN = 4000

# Expectations for text in our own words.
ANY_LINES = re.compile(r"([^\n]*\n)*")
ONE_LINE = re.compile(r"[^\n]+\n")
SOME_LINES = re.compile(r"([^\n]+\n)+")

Output = collections.namedtuple("Output", "status out err")
Result = collections.namedtuple("Result", "id status tags details times routes")


class Side:
    """One of the two programs, with its copy of the project."""

    def __init__(self, name, program, root):
        self.name = name
        self.program = program
        self.root = os.path.join(root, name)
        self.project = os.path.join(self.root, "project")
        self.temporary = os.path.join(self.root, "tmp")
        os.makedirs(self.project)
        os.makedirs(self.temporary)

    def environment(self, extra):
        keep = {name: os.environ[name] for name in ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS") if name in os.environ}
        return dict(keep, PYTHON="/usr/bin/python3", PYTHONHASHSEED="0", PYTHONUNBUFFERED="1", LC_ALL="C.UTF-8",
                    PYTHONDONTWRITEBYTECODE="1", HOME=self.root, TMPDIR=self.temporary, **extra)

    def start(self, arguments, directory, stdin, extra):
        arguments = [argument.replace("@PROJECT@", self.project) for argument in arguments]
        process = subprocess.Popen(
            [self.program] + arguments, cwd=os.path.join(self.project, directory), env=self.environment(extra),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        process.input = stdin
        return process

    def finish(self, process):
        try:
            out, err = process.communicate(process.input, timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            alive = subprocess.run(["ps", "-o", "pid,ppid,pgid,stat,wchan:20,args", "-s", str(process.pid)], stdout=subprocess.PIPE)
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            err += b"(killed: it took longer than %d s)\n" % DEADLINE + alive.stdout
        return Output(process.returncode, out, err)

    def hide_names(self, text):
        text = text.replace(self.project, "PROJECT")
        text = re.sub(re.escape(self.temporary) + r"/\S+", "IDFILE", text)
        return text.replace(self.root, "ROOT")


def sort_tags(text):
    return re.sub(r"(?m)^tags: (.*)$", lambda m: "tags: " + " ".join(sorted(m.group(1).split())), text)


def hide_times(text):
    """Two runs may happen to take the same time to the microsecond, and then there is no difference to show."""
    return re.sub(r"\bin \d+\.\d{3}s( \([+-]\d+\.\d{3}s\))?", "in TIME", text)


def sort_blocks(text):
    """For parallel runs: worker numbers hidden; echoes, failures and summaries sorted, or, without any of these, lines."""
    text = re.sub(r"\bworker-\d+\b", "worker-N", text)
    blocks = re.split(r"(?m)^(?=={70}$|running=|Ran |PASSED|FAILED)", text)
    return "".join(sorted(blocks if len(blocks) > 1 else text.splitlines(True)))


class Beside(testtools.StreamResult):
    """Gathers what StreamToDict leaves out: the route codes of each test, and the text outside of tests."""

    def __init__(self):
        super().__init__()
        self.routes = collections.defaultdict(set)
        self.text = []

    def status(self, test_id=None, file_bytes=None, route_code=None, **_):
        self.routes[test_id].add(route_code or "")
        if test_id is None and file_bytes:
            self.text.append(file_bytes)


def parse_results(stream):
    """The results in a stream, in order of their end, and the text outside of tests."""
    tests, beside = [], Beside()
    result = testtools.CopyStreamResult([testtools.StreamToDict(tests.append), beside])
    result.startTestRun()
    subunit.ByteStreamToStreamResult(io.BytesIO(stream), non_subunit_name="stdout").run(result)
    result.stopTestRun()
    results = []
    for test in tests:
        details = [(name, content.content_type.type, content.content_type.subtype, b"".join(content.iter_bytes()))
                   for name, content in sorted(test["details"].items())]
        results.append(Result(test["id"], test["status"], sorted(test["tags"]), details,
                              [str(time) for time in test["timestamps"]], sorted(beside.routes[test["id"]])))
    return results, b"".join(beside.text)


def difference(expected, got):
    """A readable difference of two texts."""
    lines = difflib.unified_diff(expected.splitlines(True), got.splitlines(True), "expected", "ours", n=2)
    return "".join(line if line.endswith("\n") else line + "\n(no end of line)\n" for line in lines)


class Compare(unittest.TestCase):
    """Base class of the scenarios."""

    @classmethod
    def setUpClass(cls):
        if not os.path.exists(PYTHON_TESTR):
            raise unittest.SkipTest("%s is not installed" % PYTHON_TESTR)
        if "TESTR_BIN" not in os.environ:
            raise unittest.SkipTest("TESTR_BIN is not set")

    def setUp(self):
        root = tempfile.mkdtemp(prefix="compare-")
        self.addCleanup(shutil.rmtree, root)
        self.sides = [Side("python", PYTHON_TESTR, root), Side("ours", os.environ["TESTR_BIN"], root)]
        self.found = []
        self.addCleanup(self.report)
        self.real_clock = False

    def report(self):
        if self.found:
            self.fail("\n\n".join(self.found))

    # What a scenario says.

    def project(self, files, real_clock=False, init=True):
        """Makes both copies. With real_clock the times of summaries are not compared."""
        self.real_clock = real_clock
        for name, contents in files.items():
            self.write(name, contents)
        if init:
            self.both("init")

    def write(self, name, contents):
        """Writes a file into both copies."""
        if isinstance(contents, str):
            contents = contents.encode()
        for side in self.sides:
            path = os.path.join(side.project, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(contents)

    def remove(self, name):
        """Removes a file or a directory from both copies."""
        for side in self.sides:
            path = os.path.join(side.project, name)
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)

    def both(self, command, status=0, **how):
        for output in self.run_sides(command, **how):
            if output.status != status:
                self.note(command, "status %d, expected %d\n%s" % (output.status, status, output.err.decode()))

    def same(self, command, status=0, own_words=None, ordered=True, **how):
        """Equal output, errors and status. own_words: what standard error may be instead of being equal; "last" compares its last
        line only. ordered=False is for parallel runs."""
        python, ours = self.texts(command, ordered, how)
        if python.status != status:
            self.note(command, "Python's status is %d, expected %d\n%s" % (python.status, status, python.err))
        if own_words == "last":
            python, ours = (output._replace(err=output.err.splitlines()[-1:]) for output in (python, ours))
            own_words = None
        self.check(command, python if own_words is None else python._replace(err=own_words), ours)

    def differs(self, decision, command, status=None, out=None, err=None, ordered=True, **how):
        """A difference that is meant. What is given is expected of ours, the rest is as in Python: a text, a pattern, or a function
        from Python's text to ours."""
        python, ours = self.texts(command, ordered, how)
        expected = Output(python.status if status is None else status,
                          out(python.out) if callable(out) else python.out if out is None else out,
                          err(python.err) if callable(err) else python.err if err is None else err)
        if ours == python:
            self.note(command, "decision %s: no difference from Python:\n%s%s" % (decision, ours.out, ours.err))
        else:
            if not ordered and isinstance(out, str):
                expected = expected._replace(out=sort_blocks(out))
            self.check("%s  [decision %s]" % (command, decision), expected, ours)

    def results(self, command, status=0, ordered=True, timed=True, routed=False, err=None, **how):
        """Equal results in the streams on standard output; with `routed` equal route codes as well. `status` is ours: Python's is 0
        whatever happened (decision 6). Text that Python mixes into the stream is on our standard error (decision 7), if that is not
        given as `err`."""
        python, ours = self.run_sides(command, **how)
        python_results, python_text = parse_results(python.out)
        our_results, our_text = parse_results(ours.out)
        lines = []
        for side, results in enumerate((python_results, our_results)):
            shown = [repr(result._replace(times=timed and result.times, routes=routed and result.routes)) + "\n"
                     for result in results]
            lines.append(self.text(side, "".join(shown if ordered else sorted(shown)).encode()))
        expected_err = self.text(0, python_text + python.err) if err is None else err
        self.check(command, Output(status, lines[0], expected_err), Output(ours.status, lines[1], self.text(1, ours.err)))
        if our_text:
            self.note(command, "text in the stream: %r" % our_text)

    def ours(self, command, **how):
        """The output of our program alone."""
        side = self.sides[1]
        output = side.finish(side.start(shlex.split(command), ".", b"", how))
        return Output(output.status, self.text(1, output.out), self.text(1, output.err))

    # How it is done.

    def run_sides(self, command, directory=".", stdin=b"", **extra):
        """Runs a command on both sides at the same time; `extra` is put into the environment."""
        arguments = shlex.split(command)
        processes = [side.start(arguments, directory, stdin, extra) for side in self.sides]
        return [side.finish(process) for side, process in zip(self.sides, processes)]

    def text(self, side, data):
        text = sort_tags(self.sides[side].hide_names(data.decode("utf-8", "surrogateescape")))
        return hide_times(text) if self.real_clock else text

    def texts(self, command, ordered, how):
        outputs = []
        for side, output in enumerate(self.run_sides(command, **how)):
            out, err = self.text(side, output.out), self.text(side, output.err)
            if not ordered:
                out, err = sort_blocks(out), "".join(sorted(err.splitlines(True)))
            outputs.append(Output(output.status, out, err))
        return outputs

    def check(self, command, expected, got):
        """Compares one output with what it should be."""
        problems = []
        if got.status != expected.status:
            problems.append("status %s, expected %s\n" % (got.status, expected.status))
        for name in ("out", "err"):
            want, have = getattr(expected, name), getattr(got, name)
            if isinstance(want, re.Pattern):
                if not want.fullmatch(have):
                    problems.append("%s: not like %r:\n%s" % (name, want.pattern, have))
            elif want != have:
                problems.append("%s:\n%s" % (name, difference("".join(want), "".join(have))))
        if problems:
            self.note(command, "".join(problems))

    def note(self, command, text):
        self.found.append("$ testr %s\n%s" % (command, text[:SHOWN]))


def main():
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))
    import tap

    tap.main()
