# SPDX-License-Identifier: Apache-2.0
"""The server's side of docs/rpc.md, versions 1 and 2.

A thread reads, so that Hello, Ping and Cancel are heard while a test runs; requests wait in a queue for whoever runs the
tests. Whatever is written goes through Server.write, in whole packets.
"""

import collections
import json
import os
import select
import threading

from testr_python import channel, subunit

TEST_ID = "testrepository-rpc"
MIME_TYPE = "application/json"
VERSION_MIN = 1
VERSION_MAX = 2
NONCE_MAX = 2 ** 53 - 1
MAX_TEXT = 128 << 20
MAX_OPEN = 64

_READ_SIZE = 65536
# After so many milliseconds without a message Server's on_quiet is called.
_QUIET = 1000


class Fault(Exception):
    """A message that breaks a rule. It changes nothing."""


# ---- messages ----


def _object(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Fault("a name occurs twice")
    return members


def _number(text):
    raise Fault("%s is no integer" % text[:40])


def decode(text):
    """(name, fields) of a message's JSON text, which is bytes."""
    try:
        message = json.loads(text.decode("utf-8"), object_pairs_hook=_object, parse_float=_number, parse_constant=_number)
    except (ValueError, RecursionError) as error:
        raise Fault("it is not JSON: %s" % error)
    if not isinstance(message, dict) or len(message) != 1:
        raise Fault("it is not an object with one member")
    name, fields = next(iter(message.items()))
    if not isinstance(fields, dict):
        raise Fault("the value of %r is not an object" % name[:40])
    return name, fields


def encode(name, **fields):
    """The packets of a message."""
    text = json.dumps({name: fields}, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
    pieces = [text[i:i + subunit.MAX_CONTENT] for i in range(0, len(text), subunit.MAX_CONTENT)]
    return b"".join(
        subunit.packet(TEST_ID, file_name="rpc", content=piece, eof=i == len(pieces) - 1, mime_type=MIME_TYPE, runnable=False)
        for i, piece in enumerate(pieces))


def _is_string(value):
    if not isinstance(value, str) or "\0" in value:
        return False
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _integer(fields, name):
    value = fields.get(name)
    # True is an int, too.
    if type(value) is not int or not 1 <= value <= NONCE_MAX:
        raise Fault("%s is not an integer from 1 to %d" % (name, NONCE_MAX))
    return value


def _strings(fields, name):
    """A list, or None when it is missing."""
    if name not in fields:
        return None
    value = fields[name]
    if not isinstance(value, list) or not all(map(_is_string, value)):
        raise Fault("%s is not an array of strings" % name)
    return value


def _environment(fields):
    value = fields.get("env", {})
    if not isinstance(value, dict) or not all(
            _is_string(k) and k and "=" not in k and _is_string(v) for k, v in value.items()):
        raise Fault("env is not an object of variables")
    return value


class Request:
    """A List or a Run. `tests` is None when all are meant."""

    def __init__(self, server, kind, fields, version):
        self._server = server
        self.kind = kind
        self.nonce = _integer(fields, "nonce")
        self.tests = _strings(fields, "tests")
        self.profile = []
        self.attempt = 1
        self.env = {}
        self.cancelled = False
        if kind == "Run" and version >= 2:
            self.profile = _strings(fields, "profile") or []
            self.attempt = _integer(fields, "attempt") if "attempt" in fields else 1
            self.env = _environment(fields)

    @property
    def stopped(self):
        """No further test of it is to be started."""
        return self.cancelled or self._server.ended


class Environment:
    """Sets variables for a while."""

    def __init__(self, variables):
        self._variables = variables

    def __enter__(self):
        self._before = {name: os.environ.get(name) for name in self._variables}
        os.environ.update(self._variables)

    def __exit__(self, *_):
        for name, value in self._before.items():
            if value is not None:
                os.environ[name] = value
            else:
                os.environ.pop(name, None)


# ---- the conversation ----


class _Messages:
    """Joins the pieces of messages."""

    def __init__(self):
        self._reader = subunit.Reader()
        self._text = bytearray()
        self._too_long = False

    def feed(self, data):
        """The texts of the messages that `data` completes; None stands for one that was too long."""
        for event in self._reader.feed(data):
            if event.test_id != TEST_ID or event.file_name is None:
                continue
            if len(self._text) + len(event.content) > MAX_TEXT:
                self._too_long = True
                self._text.clear()
            if not self._too_long:
                self._text += event.content
            if event.eof:
                yield None if self._too_long else bytes(self._text)
                self._too_long = False
                self._text.clear()


class Server:
    """Holds the conversation on the descriptors `source` and `sink`, which may be the same.

    `on_quiet` is called by the thread that reads, now and then and before a Pong: time to tell what is not told yet.
    Invariant: what is asked for is handed out by next_request in the order it came, until `ended`.
    """

    def __init__(self, source, sink, on_quiet):
        self.ended = False
        self.version = 0  # until Hello
        self._source = source
        self._sink = sink
        self._errors = os.dup(2)  # a test may lead standard error elsewhere
        self._on_quiet = on_quiet
        self._writing = threading.Lock()
        self._queue = collections.deque()
        self._open = {}
        self._changed = threading.Condition(threading.Lock())
        os.register_at_fork(after_in_child=self._leave_to_parent)

    def start(self):
        threading.Thread(target=self._read, name="testr-rpc", daemon=True).start()

    def _leave_to_parent(self):
        """A forked child must neither speak nor keep the conversation open."""
        self._writing = threading.Lock()
        null = os.open(os.devnull, os.O_RDWR)
        for fd in {self._source, self._sink}:
            os.dup2(null, fd, inheritable=False)
        os.close(null)

    # -- for whoever runs the tests --

    def next_request(self):
        """Waits for it. None: no more will come."""
        with self._changed:
            while not self._queue and not self.ended:
                self._changed.wait()
            return None if self.ended else self._queue.popleft()

    def peek_request(self):
        """The next one, if it is there already; it stays where it is."""
        with self._changed:
            return self._queue[0] if self._queue and not self.ended else None

    def write(self, data):
        """Writes whole packets. When nobody reads any more, the conversation is over."""
        try:
            with self._writing:
                channel.write_all(self._sink, data)
        except OSError:
            self._end()

    def done(self, request, returned=()):
        with self._changed:
            self._open.pop(request.nonce, None)
        if returned and self.version >= 2:
            self.write(encode("Done", nonce=request.nonce, returned=list(returned)))
        else:
            self.write(encode("Done", nonce=request.nonce))

    def goodbye(self):
        """Nothing is written after it."""
        self.write(encode("Goodbye"))
        self._end()

    def _end(self):
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    # -- the reading thread --

    def _read(self):
        messages = _Messages()
        poll = select.poll()
        poll.register(self._source, select.POLLIN)
        try:
            while not self.ended:
                if not poll.poll(_QUIET):
                    self._on_quiet()
                    continue
                try:
                    data = os.read(self._source, _READ_SIZE)
                except BlockingIOError:
                    continue
                except OSError:
                    break
                if not data:
                    break
                for text in messages.feed(data):
                    self._hear(text)
        finally:
            self._end()

    def _hear(self, text):
        if self.ended:
            return
        try:
            if text is None:
                raise Fault("it is longer than %d bytes" % MAX_TEXT)
            self._take(*decode(text))
        except Fault as fault:
            self._complain("a message that breaks a rule: %s" % fault)

    def _take(self, name, fields):
        if name == "Hello":
            self._hello(fields)
        elif not self.version:
            raise Fault("%r before Hello" % name[:40])
        elif name in ("List", "Run"):
            self._ask(name, fields)
        elif name == "Goodbye":
            self._end()
        elif name == "Done" or (name == "Pong" and self.version >= 2):
            raise Fault("%s is for the server to say" % name)
        elif self.version < 2:
            raise Fault("version 1 has no %r" % name[:40])
        elif name == "Ping":
            self._ping(_integer(fields, "nonce"))
        elif name == "Cancel":
            self._cancel(_integer(fields, "nonce"))

    def _complain(self, text):
        try:
            os.write(self._errors, ("testr_python: %s\n" % text).encode("utf-8", "backslashreplace"))
        except OSError:
            pass

    def _hello(self, fields):
        if self.version:
            raise Fault("Hello twice")
        low, high = _integer(fields, "min"), _integer(fields, "max")
        if low > high:
            raise Fault("a range of versions that is none")
        self.write(encode("Hello", min=VERSION_MIN, max=VERSION_MAX))
        if low > VERSION_MAX or high < VERSION_MIN:
            self._complain("the versions %d to %d were offered; known are %d to %d" % (low, high, VERSION_MIN, VERSION_MAX))
            self._end()
        else:
            self.version = min(high, VERSION_MAX)

    def _ask(self, kind, fields):
        request = Request(self, kind, fields, self.version)
        with self._changed:
            self._check_nonce(request.nonce)
            if len(self._open) >= MAX_OPEN:
                raise Fault("more than %d requests" % MAX_OPEN)
            self._open[request.nonce] = request
            self._queue.append(request)
            self._changed.notify_all()

    def _check_nonce(self, nonce):
        if nonce in self._open:
            raise Fault("the nonce %d is that of an open request" % nonce)

    def _ping(self, nonce):
        with self._changed:
            self._check_nonce(nonce)
        self._on_quiet()
        self.write(encode("Pong", nonce=nonce))

    def _cancel(self, nonce):
        with self._changed:
            request = self._open.get(nonce)
        if request and request.kind == "Run":
            request.cancelled = True
