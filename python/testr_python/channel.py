# SPDX-License-Identifier: Apache-2.0
"""Keeps what tests print apart from what is said about them.

Standard output is moved away: what is written to descriptor 1 from then on, by whomever, is captured in a file, to be
taken at the end of each test.
"""

import faulthandler
import fcntl
import os
import select
import sys
import tempfile

# What is taken of the captured output at a time.
_PIECE = 1048576
# The file is emptied when it is all taken and longer than this: that may lose what a process left behind prints just then.
_FILE_SIZE = 16 << 20

_FD_VARIABLE = "TESTR_RPC_FD"


class Capture:
    """What is printed on descriptor 1."""

    def __init__(self):
        self._file = tempfile.TemporaryFile(buffering=0, prefix="testr-")
        self._fd = self._file.fileno()
        # Children write at the end as well, wherever they think they are.
        fcntl.fcntl(self._fd, fcntl.F_SETFL, fcntl.fcntl(self._fd, fcntl.F_GETFL) | os.O_APPEND)
        self._taken = 0

    def install(self):
        _flush((sys.stdout, sys.__stdout__))
        os.dup2(self._fd, 1)

    def take(self, running=False):
        """What was printed since, in pieces. While a test is running, what it has put in the place of sys.stdout is let alone."""
        _flush((sys.__stdout__,) if running else (sys.stdout, sys.__stdout__))
        size = os.fstat(self._fd).st_size
        # A test may have emptied it through descriptor 1.
        self._taken = min(self._taken, size)
        while self._taken < size:
            piece = os.pread(self._fd, min(_PIECE, size - self._taken), self._taken)
            if not piece:
                break
            self._taken += len(piece)
            yield piece
        if self._taken > _FILE_SIZE and os.fstat(self._fd).st_size == self._taken:
            os.ftruncate(self._fd, 0)
            self._taken = 0


def _flush(streams):
    for stream in streams:
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            pass  # None, closed, or something of a test's own


def write_all(fd, data):
    view = memoryview(data)
    while len(view):
        try:
            view = view[os.write(fd, view):]
        except BlockingIOError:
            select.select([], [fd], [])


def move_output():
    """Captures descriptor 1: (capture, where it led to)."""
    _flush((sys.stdout, sys.__stdout__))
    output = os.dup(1)
    # Before anything is captured, so that nobody's last words are.
    faulthandler.enable(file=output, all_threads=True)
    capture = Capture()
    capture.install()
    return capture, output


def restore_output(output):
    """Undoes move_output."""
    _flush((sys.stdout, sys.__stdout__))
    os.dup2(output, 1)


def open_conversation():
    """For a test server: (capture, where descriptor 1 led to, the descriptor to read from, the one to write to)."""
    given = os.environ.pop(_FD_VARIABLE, None)
    if given is not None:
        if not given.isdigit():
            sys.exit("testr_python: %s is %r, not the number of a descriptor" % (_FD_VARIABLE, given))
        source = int(given)
        try:
            os.set_inheritable(source, False)
        except OSError as error:
            sys.exit("testr_python: %s says %d: %s" % (_FD_VARIABLE, source, error.strerror))
        capture, output = move_output()
        return capture, output, source, source
    source = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    capture, output = move_output()
    return capture, output, source, output
