# SPDX-License-Identifier: Apache-2.0
"""Speaks docs/rpc.md to a test server. Packets are python3-subunit's, so that nothing of ours is on both sides."""

import collections
import io
import json
import os
import queue
import socket
import subprocess
import tempfile
import threading

from subunit.v2 import ByteStreamToStreamResult, StreamResultToBytes

SOURCE = os.environ.get("TESTR_SOURCE") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PACKAGE = os.path.join(SOURCE, "python")
PYTHON = os.environ.get("PYTHON", "/usr/bin/python3")
RPC = "testrepository-rpc"
# Longer than anything takes; whoever waits so long has failed.
PATIENCE = 60

FINAL = ("success", "fail", "skip", "xfail", "uxsuccess")


def environment(**more):
    env = dict(os.environ, PYTHONPATH=PACKAGE, PYTHONDONTWRITEBYTECODE="1", LC_ALL="C.UTF-8")
    env.pop("TESTR_RPC_FD", None)
    env.update(more)
    return env


class Test:
    """What became of one test."""

    def __init__(self, test_id):
        self.id = test_id
        self.statuses = []
        self.tags = set()
        self.files = collections.OrderedDict()
        self.mime = {}

    @property
    def outcome(self):
        finals = [s for s in self.statuses if s in FINAL]
        return finals[0] if len(finals) == 1 else finals

    def text(self, name):
        return self.files.get(name, b"").decode("utf-8")


class Events:
    """Folds events: a StreamResult."""

    def __init__(self):
        self.tests = []  # in the order they ended
        self.exists = []
        self.files = collections.OrderedDict()  # of no test
        self.running = collections.OrderedDict()

    def startTestRun(self):
        pass

    stopTestRun = startTestRun

    def status(self, test_id=None, test_status=None, test_tags=None, runnable=True, file_name=None, file_bytes=None, eof=False,
               mime_type=None, route_code=None, timestamp=None):
        if test_status == "exists":
            self.exists.append(test_id)
            return
        if test_id is None:
            if file_name is not None:
                self.files[file_name] = self.files.get(file_name, b"") + bytes(file_bytes)
            return
        test = self.running.setdefault(test_id, Test(test_id))
        if file_name is not None:
            test.files[file_name] = test.files.get(file_name, b"") + bytes(file_bytes)
            test.mime[file_name] = mime_type
        if test_status is not None:
            test.statuses.append(test_status)
            test.tags.update(test_tags or ())
        if test_status in FINAL:
            self.tests.append(self.running.pop(test_id))

    @property
    def outcomes(self):
        return [(test.id, test.outcome) for test in self.tests]

    def one(self, test_id):
        found = [test for test in self.tests if test.id == test_id]
        assert len(found) == 1, "%s: %d times" % (test_id, len(found))
        return found[0]


def read_stream(data):
    events = Events()
    ByteStreamToStreamResult(io.BytesIO(data), non_subunit_name="text").run(events)
    return events


def run_once(command, cwd, **env):
    """(exit status, events) of a command that runs tests and exits."""
    run = subprocess.run(command, cwd=cwd, env=environment(**env), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, timeout=PATIENCE)
    events = read_stream(run.stdout)
    events.stderr = run.stderr.decode("utf-8", "replace")
    return run.returncode, events


class Server:
    """A server and the conversation with it. `channel` is "socket" or "stdio"."""

    def __init__(self, command, cwd, channel="socket", hello=(1, 2), **env):
        self.nonce = 0
        self.events = None
        self.pongs = []
        self._queue = queue.Queue()
        env = environment(**env)
        self._errors = tempfile.TemporaryFile()
        options = dict(cwd=cwd, stderr=self._errors, stdout=subprocess.PIPE)
        if channel == "socket":
            ours, theirs = socket.socketpair()
            env["TESTR_RPC_FD"] = str(theirs.fileno())
            self.process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()], **options)
            theirs.close()
            self._socket = ours
            self._sink = ours.makefile("wb", 0)
            self._source = ours.makefile("rb")
        else:
            self.process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, **options)
            self._socket = None
            self._sink = self.process.stdin
            self._source = self.process.stdout
        self._writer = StreamResultToBytes(self._sink)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        if hello:
            self.send("Hello", min=hello[0], max=hello[1])
            assert self.message("Hello") == {"min": 1, "max": 2}

    # -- the lower half --

    def send_text(self, text, pieces=1):
        size = -(-len(text) // pieces)
        for i in range(pieces):
            self._writer.status(test_id=RPC, file_name="rpc", file_bytes=text[i * size:(i + 1) * size], eof=i == pieces - 1,
                                mime_type="application/json", runnable=False)

    def send(self, name, **fields):
        self.send_text(json.dumps({name: fields}).encode("utf-8"))

    def send_bytes(self, data):
        self._sink.write(data)

    def _listen(self):
        text = []

        class Target:
            @staticmethod
            def status(**event):
                event = dict({"test_id": None, "test_status": None}, **event)
                if event["test_id"] != RPC:
                    self._queue.put(event)
                    return
                text.append(bytes(event["file_bytes"]))
                if event["eof"]:
                    self._queue.put(json.loads(b"".join(text).decode("utf-8")))
                    text.clear()

        try:
            ByteStreamToStreamResult(self._source, non_subunit_name="text").run(Target)
        except (OSError, ValueError):
            pass
        self._queue.put(None)

    def next(self):
        """An event (it has a test_id), a message, or None at the end."""
        return self._queue.get(timeout=PATIENCE)

    def message(self, name):
        """The fields of the next message, which has this name; events on the way are folded."""
        while True:
            item = self.next()
            assert item is not None, "the server ended: " + self.errors()
            if "test_id" in item:
                if self.events is not None:
                    self.events.status(**item)
                continue
            if "Pong" in item and name != "Pong":
                self.pongs.append(item["Pong"]["nonce"])
                continue
            assert name in item, "%s instead of %s" % (item, name)
            return item[name]

    def wait_status(self, test_id, status):
        """Until this is said of the test."""
        while True:
            item = self.next()
            assert item is not None, "the server ended: " + self.errors()
            if "test_id" in item:
                self.events.status(**item)
                if item["test_id"] == test_id and item["test_status"] == status:
                    return

    # -- the upper half --

    def ask(self, name, **fields):
        self.nonce += 1
        self.send(name, nonce=self.nonce, **fields)
        return self.nonce

    def answer(self, nonce):
        """The events up to that Done, with `returned`."""
        if self.events is None:
            self.events = Events()
        done = self.message("Done")
        assert done["nonce"] == nonce, done
        events, self.events = self.events, None
        events.returned = done.get("returned", [])
        return events

    def list(self, **fields):
        return self.answer(self.ask("List", **fields)).exists

    def run(self, tests=None, **fields):
        if tests is not None:
            fields["tests"] = tests
        return self.answer(self.ask("Run", **fields))

    def errors(self):
        return os.pread(self._errors.fileno(), 1 << 20, 0).decode("utf-8", "replace")

    def close_conversation(self):
        if self._socket:
            self._socket.shutdown(socket.SHUT_WR)
        else:
            self._sink.close()

    def end(self, goodbye=True):
        """(exit status, what it printed beside the conversation)."""
        if goodbye:
            self.send("Goodbye")
        return self.wait()

    def wait(self):
        if self._socket:
            printed = self.process.communicate(timeout=PATIENCE)[0]
        else:
            self.process.wait(timeout=PATIENCE)
            printed = b""
        self._thread.join(PATIENCE)
        self.release()
        return self.process.returncode, printed

    def release(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for stream in (self._sink, self._source, self.process.stdout, self.process.stdin, self._errors, self._socket):
            if stream:
                try:
                    stream.close()
                except OSError:
                    pass
