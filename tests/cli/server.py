#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A test server for tests of testr, by docs/rpc.md, over the tests of suite.py. It can misbehave.

    server.py MODE TEST...         or @ instead of the tests, for those in the file TESTS

    good       as it should be                 old        speaks version 1 alone
    mute       never says Hello                future     speaks version 9 alone
    hello      dies instead of saying Hello    list       dies in the first List
    between    exits with 0 after a first test half       breaks off inside a packet after a first test
    closed     closes the conversation after a first test, and stays
    wrong      answers a request that nobody made
    child      starts a process that keeps every descriptor, then works
    stop       stops itself (SIGSTOP) in a test
    returns    gives the second half of each Run back
    cancels    as good, and listens for Cancel between tests
    omits      leaves out the last test of each Run and says nothing of it
    hangs      does not exit after Goodbye

A test of the kind "slow" takes ten milliseconds. The process appends a line "PID MODE" to the file STARTS when it starts, and
"PID TEST" to RAN for each test that it begins.
"""
import json
import os
import select
import signal
import subprocess
import sys
import time

import suite

ID = "testrepository-rpc"


def number(data, at):
    size = (data[at] >> 6) + 1
    return int.from_bytes(data[at:at + size], "big") & ((1 << (8 * size - 2)) - 1), at + size


def message(data):
    """The content of the packet's file; it has no time and no tags."""
    flags = int.from_bytes(data[1:3], "big")
    at, parts = number(data, 3)[1], []
    for bit in (0x0800, 0x0020, 0x0040):
        if flags & bit:
            length, at = number(data, at)
            parts.append(data[at:at + length])
            at += length
            if bit == 0x0040:
                length, at = number(data, at)
                parts.append(data[at:at + length])
    return parts[-1], bool(flags & 0x0010)


class Server:
    def __init__(self, mode, tests):
        self.mode, self.tests = mode, tests
        self.fd = int(os.environ["TESTR_RPC_FD"])
        os.set_inheritable(self.fd, mode == "child")
        self.input, self.text, self.before, self.ran, self.waiting = b"", b"", set(), 0, []

    def send(self, name, **fields):
        content = json.dumps({name: fields}).encode()
        body = suite.text(ID) + suite.text("application/json") + suite.text("rpc") + suite.number(len(content)) + content
        length = 3 + len(body) + 4 + 2
        data = (0xB32870).to_bytes(3, "big") + (length | 0x4000).to_bytes(2, "big") + body
        os.write(self.fd, data + suite.zlib.crc32(data).to_bytes(4, "big"))

    def receive(self):
        """The next message, or None at the end."""
        while True:
            if len(self.input) >= 6:
                length = number(self.input, 3)[0]
                if len(self.input) >= length:
                    content, last = message(self.input[:length])
                    self.input, self.text = self.input[length:], self.text + content
                    if last:
                        text, self.text = self.text, b""
                        (name, fields), = json.loads(text).items()
                        return name, fields
                    continue
            data = os.read(self.fd, 65536)
            if not data:
                return None
            self.input += data

    def hello(self):
        if self.mode == "mute":
            signal.pause()
        if self.mode == "hello":
            os.write(1, b"no such database\n")
            sys.exit(3)
        lowest, highest = {"old": (1, 1), "future": (9, 9)}.get(self.mode, (1, 2))
        self.send("Hello", min=lowest, max=highest)

    def misbehave(self):
        if self.mode == "between":
            os._exit(0)
        if self.mode == "half":
            os.write(self.fd, suite.packet("half.x", "success")[:20])
            os._exit(0)
        if self.mode == "closed":
            os.close(self.fd)
            signal.pause()

    def run(self, test):
        with open("RAN", "a") as f:
            f.write("%d %s\n" % (os.getpid(), test))
        if test.startswith("slow"):
            time.sleep(0.01)
        if self.mode == "stop" and test.startswith("stop"):
            suite.say(test, "inprogress")
            os.kill(os.getpid(), signal.SIGSTOP)
        if test not in self.tests:
            suite.say(test, "fail", ("reason", b"there is no such test\n"))
            return
        suite.run(test, self.before)
        self.before.add(test.split(".")[0])
        self.ran += 1
        if self.ran == 1:
            self.misbehave()

    def cancelled(self, nonce):
        """The client has sent a Cancel of this Run; what else has come waits."""
        while select.select([self.fd], [], [], 0)[0]:
            received = self.receive()
            if received is None:
                break
            self.waiting.append(received)
        return ("Cancel", {"nonce": nonce}) in self.waiting

    def do_run(self, nonce, tests=None, **_):
        tests = self.tests if tests is None else tests
        returned = []
        if self.mode == "returns" and len(tests) > 1:
            tests, returned = tests[:len(tests) // 2], tests[len(tests) // 2:]
        for i, test in enumerate(tests[:-1] if self.mode == "omits" else tests):
            if self.mode == "cancels" and self.cancelled(nonce):
                returned = tests[i:]
                break
            self.run(test)
        if self.mode == "wrong" and self.ran:
            self.send("Done", nonce=nonce + 1000)
        self.send("Done", nonce=nonce, **({"returned": returned} if returned else {}))

    def do_list(self, nonce, tests=None):
        if self.mode == "list":
            os._exit(4)
        for test in self.tests:
            if tests is None or test in tests:
                suite.say(test, "exists", timed=False)
        self.send("Done", nonce=nonce)

    def serve(self):
        suite.OUT = self.fd
        if self.mode == "child":
            subprocess.Popen(["sleep", "60"], close_fds=False)
        while True:
            received = self.waiting.pop(0) if self.waiting else self.receive()
            if received is None or received[0] == "Goodbye":
                break
            name, fields = received
            if name == "Hello":
                self.hello()
            elif name == "List":
                self.do_list(**fields)
            elif name == "Run":
                self.do_run(**fields)
            elif name == "Ping":
                self.send("Pong", **fields)
        if self.mode == "hangs":
            signal.pause()


if __name__ == "__main__":
    with open("STARTS", "a") as starts:
        starts.write("%d %s\n" % (os.getpid(), sys.argv[1]))
    tests = sys.argv[2:]
    if tests[:1] == ["@"]:
        with open("TESTS") as f:
            tests = f.read().split()
    Server(sys.argv[1], tests).serve()
