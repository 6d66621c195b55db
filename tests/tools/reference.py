# SPDX-License-Identifier: Apache-2.0
"""Debian's subunit tools, run in forks of this process, in which their modules are loaded already: starting Python for each call
would take hundreds of times longer than the call."""

import os
import sys
import traceback

PROGRAMS = "/usr/bin/"


def missing():
    """What there is no comparison without."""
    try:
        import junitxml  # noqa: F401
        import subunit.filter_scripts  # noqa: F401
    except ImportError:
        pass
    try:
        import subunit.filters  # noqa: F401
        import subunit.test_results  # noqa: F401
        import subunit.v2  # noqa: F401
        import testtools  # noqa: F401
    except ImportError as error:
        return str(error)
    return None if os.path.exists(PROGRAMS + "subunit-ls") else "Debian's subunit is not installed"


class Call:
    """One run of a tool: its name, its arguments, the file that is its standard input; and, when it has run, what came of it.
    `death` is the last line of the traceback by which it ended, or None."""

    def __init__(self, name, args, path):
        self.name, self.args, self.path = name, list(args), path
        self.rc = self.out = self.err = self.death = None

    def collect(self, stem):
        with open(stem + ".out", "rb") as f:
            self.out = f.read()
        with open(stem + ".err", "rb") as f:
            self.err = f.read()
        with open(stem + ".rc") as f:
            rc, _, death = f.read().partition(" ")
        self.rc, self.death = int(rc), death or None


CODES = {}


def code_of(name):
    if name not in CODES:
        with open(PROGRAMS + name, "rb") as f:
            CODES[name] = compile(f.read(), PROGRAMS + name, "exec")
    return CODES[name]


def open_streams(call, stem):
    """The standard streams as Python makes them with PYTHONUNBUFFERED."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    for number, fd in ((0, os.open(call.path, os.O_RDONLY)), (1, os.open(stem + ".out", flags, 0o600)),
                       (2, os.open(stem + ".err", flags, 0o600))):
        os.dup2(fd, number)
        os.close(fd)
    sys.stdin = open(0, encoding="utf-8", errors="surrogateescape", newline="\n", closefd=False)
    sys.stdout = open(1, "wb", buffering=0, closefd=False)
    sys.stderr = open(2, "wb", buffering=0, closefd=False)
    import io
    sys.stdout = io.TextIOWrapper(sys.stdout, encoding="utf-8", errors="surrogateescape", write_through=True)
    sys.stderr = io.TextIOWrapper(sys.stderr, encoding="utf-8", errors="backslashreplace", write_through=True)


def run_here(call, stem):
    open_streams(call, stem)
    sys.argv = [call.name] + call.args
    rc, death = 0, ""
    try:
        exec(code_of(call.name), {"__name__": "__main__", "__file__": PROGRAMS + call.name, "__doc__": None})
    except SystemExit as end:
        rc = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException as error:
        rc, death = 1, traceback.format_exception_only(error)[-1].rstrip("\n")
        traceback.print_exc()
    sys.stdout.flush()
    with open(stem + ".rc", "w", encoding="utf-8", errors="backslashreplace") as f:
        f.write("%d %s" % (rc, death))


class Batch:
    """Calls that run, one after another, in one fork."""

    def __init__(self, calls, directory):
        self.calls = [(call, os.path.join(directory, "theirs-%d" % i)) for i, call in enumerate(calls)]
        for call in calls:
            code_of(call.name)
        self.pid = os.fork()
        if self.pid == 0:
            try:
                for call, stem in self.calls:
                    run_here(call, stem)
            finally:
                os._exit(0)

    def wait(self):
        os.waitpid(self.pid, 0)
        for call, stem in self.calls:
            call.collect(stem)
