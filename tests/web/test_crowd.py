#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""testr serve among many clients, slow ones, and such as do not read. With TESTR_LONG in the numbers of the goal."""
import json
import os
import selectors
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402
from webcase import PATIENCE, TESTR, Server, WebTest, everywhere, stream  # noqa: E402

LONG = "TESTR_LONG" in os.environ
IDLE = 1000 if LONG else 100
SILENT = 20 if LONG else 2  # for each thing that they ask for
VIEWERS = 50 if LONG else 12
TESTS = 5000 if LONG else 300
MEMORY = 64 << 10  # KiB over what it takes without a client


def memory(process):
    with open("/proc/%d/status" % process.pid) as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


class Crowd(WebTest):
    RUNS = ([("test_%d" % n, "fail", 0.01, b"x" * 1000) for n in range(2000)],)

    def connect(self, text=b""):
        client = socket.create_connection((self.server.host, self.server.port), timeout=PATIENCE)
        self.addCleanup(client.close)
        client.sendall(text)
        return client

    def answers(self):
        self.assertEqual(1, len(self.get("/api/v1/runs").json()["runs"]))

    def test_idle_and_slow_clients(self):
        self.answers()
        before = memory(self.server.process)
        for _ in range(IDLE):
            self.connect()
        for _ in range(IDLE // 4):
            self.connect(b"GET /api/v1/runs HTTP/1.1\r\nHost: localhost\r\nX-")
        self.answers()
        # They ask for more than any socket holds, and read none of it.
        for what in "stream", "results?limit=1000", "events", "junit.xml", "timeline":
            for _ in range(SILENT):
                self.connect(b"GET /api/v1/runs/0/%s HTTP/1.1\r\nHost: localhost\r\n\r\n" % what.encode() * 20)
        for _ in range(20):
            self.answers()
        if not os.environ.get("TESTR_SANITIZE", "none").startswith("address"):
            self.assertLess(memory(self.server.process) - before, MEMORY)

    def test_too_much(self):
        for text, status in ((b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n", (400, 414, 431)),
                             (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 100000 + b"\r\n", (400, 413, 431)),
                             (b"nonsense\r\n\r\n", (400,)), (b"GET / HTTP/1.1\r\n\r\n", (400,))):
            client = self.connect()
            try:
                client.sendall(text)
                line = client.makefile("rb").readline()
            except (BrokenPipeError, ConnectionResetError):
                continue
            if line:
                self.assertIn(int(line.split()[1]), status, line)
        # More may come of this one.
        self.connect(b"\0" * 1000 + b"\r\n\r\n")
        self.answers()

    @tap.long
    def test_heads_that_never_end(self):
        clients = [self.connect(b"GET / HTTP/1.1\r\nX: ") for _ in range(10)]
        ticks, ended = selectors.DefaultSelector(), set()
        for client in clients:
            ticks.register(client, selectors.EVENT_READ)
        for _ in range(60):
            for key, _ in ticks.select(timeout=1):
                try:
                    if not key.fileobj.recv(1000):
                        ended.add(key.fileobj)
                except ConnectionResetError:
                    ended.add(key.fileobj)
            for client in set(clients) - ended:
                try:
                    client.send(b"y")
                except (BrokenPipeError, ConnectionResetError):
                    ended.add(client)
            if len(ended) == len(clients):
                return
        self.fail("%d are still there" % (len(clients) - len(ended)))


class Viewers(WebTest):
    """Many that watch a run lose no event of it, also across a restart of the server."""

    def test_all_see_all(self):
        results = [("test_%d" % n, "success", 0.001, None) for n in range(TESTS)]
        fifo = os.path.join(self.dir, "fifo")
        os.mkfifo(fifo)
        with open(os.path.join(self.dir, ".testr.conf"), "w") as f:
            f.write("[DEFAULT]\ntest_command=cat fifo\n")
        run = subprocess.Popen([TESTR, "run"], cwd=self.dir, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        with open(fifo, "wb") as pipe:
            pipe.write(stream(results[:TESTS // 2]))
            pipe.flush()
            server = Server(self.dir)
            while not server.get("/api/v1/runs?state=running").json()["runs"]:
                self.assertIsNone(run.poll())
            viewers = [Viewer() for _ in range(VIEWERS)]
            self.watch(server, viewers, lambda v: len(v.tests) >= TESTS // 4)
            self.assertEqual((0, ""), server.stop())
            pipe.write(stream(results[TESTS // 2:]))
        server = Server(self.dir)
        self.watch(server, viewers, lambda v: v.last == "end")
        self.assertEqual(0, run.wait(PATIENCE))
        for viewer in viewers:
            self.assertEqual([r[0] for r in results], viewer.tests)
        self.assertEqual((0, ""), server.stop())

    def watch(self, server, viewers, enough):
        selector = selectors.DefaultSelector()
        for viewer in viewers:
            viewer.connect(server)
            selector.register(viewer.socket, selectors.EVENT_READ, viewer)
        waiting = set(viewers)
        while waiting:
            ready = selector.select(timeout=PATIENCE)
            self.assertTrue(ready, "nothing comes any more")
            for key, _ in ready:
                if key.data in waiting and (not key.data.read() or enough(key.data)):
                    self.assertTrue(enough(key.data), "cut off at " + str(key.data.last))
                    waiting.discard(key.data)
                    selector.unregister(key.fileobj)
        for viewer in viewers:
            viewer.socket.close()


class Viewer:
    def __init__(self):
        self.last, self.tests = None, []

    def connect(self, server):
        self.buffer = b""
        self.socket = socket.create_connection((server.host, server.port), timeout=PATIENCE)
        after = "Last-Event-ID: %s\r\n" % self.last if self.last else ""
        # HTTP/1.0: without chunks.
        self.socket.sendall(("GET /api/v1/runs/latest/events HTTP/1.0\r\nHost: localhost\r\n%s\r\n" % after).replace(
            "latest", "0").encode())
        self.head = True

    def read(self):
        data = self.socket.recv(1 << 16)
        self.buffer += data
        *blocks, self.buffer = self.buffer.split(b"\r\n\r\n" if self.head else b"\n\n")
        if self.head and blocks:
            self.head = False
            *blocks, self.buffer = (b"\n\n".join(blocks[1:] + [self.buffer])).split(b"\n\n")
        elif self.head:
            return bool(data)
        for block in blocks:
            event = dict(line.split(": ", 1) for line in block.decode().splitlines() if ": " in line)
            if "id" in event:
                self.last = event["id"]
                if event["event"] == "result":
                    self.tests.append(json.loads(event["data"])["test"])
        return bool(data)


setUpModule, tearDownModule = everywhere(globals())

if __name__ == "__main__":
    tap.main()
