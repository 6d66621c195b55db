# SPDX-License-Identifier: Apache-2.0
"""Tells of tests, one at a time, as packets of subunit.

Invariant: a test that was begun is told of before it runs, and ends with exactly one status.
"""

import threading
import time

from testr_python import subunit

TEXT = 'text/plain; charset="utf8"'
TRACEBACK = 'text/x-traceback; charset="utf8"; language="python"'

# Packets of no urgency are collected up to this.
_BATCH = 65536


class Reporter:
    """`write` takes bytes; `capture` is asked for what was printed (channel.Capture)."""

    def __init__(self, write, capture):
        self.tags = frozenset()  # of all tests
        self._write = write
        self._capture = capture
        self._current = None
        self._printed = False  # part of what the current test printed was told
        self._packets = []
        self._length = 0
        self._lock = threading.RLock()

    def _add(self, data):
        self._packets.append(data)
        self._length += len(data)
        if self._length > _BATCH:
            self.flush()

    def flush(self):
        """Writes what was held back."""
        with self._lock:
            packets, self._packets, self._length = self._packets, [], 0
            if packets:
                self._write(b"".join(packets))

    def exists(self, test_id):
        with self._lock:
            self._add(subunit.packet(test_id, "exists"))

    def begin(self, test_id, now=None):
        with self._lock:
            self.outside()
            self._current = test_id
            self._add(subunit.packet(test_id, "inprogress", now or time.time_ns(), self.tags))
            self.flush()

    def attach(self, test_id, name, mime_type, content, now=None, eof=True):
        """Attaches to a test, or to the run if `test_id` is None."""
        with self._lock:
            for data in subunit.attachment(test_id, name, mime_type, content, now, eof):
                self._add(data)

    def end(self, test_id, status, tags=(), now=None, hold=False):
        """The end of a test. With `hold` it may be told together with what comes next."""
        with self._lock:
            if test_id == self._current:
                self._take_printed()
                if self._printed:
                    self.attach(test_id, "stdout", TEXT, b"")
                self._current = None
                self._printed = False
            self._add(subunit.packet(test_id, status, now or time.time_ns(), self.tags.union(tags)))
            if not hold:
                self.flush()

    def add_printed(self, content):
        """What the current test printed, if it was somebody else who captured it."""
        with self._lock:
            self._printed = True
            self.attach(self._current, "stdout", TEXT, content, eof=False)

    def outside(self):
        """Tells what was printed while no test ran."""
        with self._lock:
            self._take_printed()

    def tell_printed(self):
        """Tells what the current test printed so far; from any thread."""
        with self._lock:
            self._take_printed(running=True)
            self.flush()

    def _take_printed(self, running=False):
        for piece in self._capture.take(running):
            self._printed = self._current is not None
            self.attach(self._current, "stdout", TEXT, piece, eof=not self._printed)
