#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`testr proxy`: whatever comes from the command, what goes out is whole packets, and nothing outlives either side."""
import collections
import os
import select
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import project  # noqa: E402
import suite  # noqa: E402
import tap  # noqa: E402
from project import PATIENCE, TESTR, ProjectTest  # noqa: E402

SERVER = "/usr/bin/python3 %s/server.py " % project.HERE
SUITE = "/usr/bin/python3 %s/suite.py " % project.HERE


def message(text):
    """A message of the client, as server.py reads it."""
    content = text.encode()
    body = suite.text("testrepository-rpc") + suite.text("application/json") + suite.text("rpc") + suite.number(len(content)) + content
    length = 3 + len(body) + 4 + 2
    data = (0xB32870).to_bytes(3, "big") + (length | 0x4000).to_bytes(2, "big") + body
    return data + suite.zlib.crc32(data).to_bytes(4, "big")


def number(data, at):
    size = (data[at] >> 6) + 1
    return int.from_bytes(data[at:at + size], "big") & ((1 << (8 * size - 2)) - 1), at + size


Event = collections.namedtuple("Event", "test status name content")


def take(data, at):
    length, at = number(data, at)
    return bytes(data[at:at + length]), at + length


def decode(data):
    """The events of a stream in which there may be nothing but whole packets."""
    events, begin = [], 0
    while begin < len(data):
        assert data[begin] == 0xB3, data[begin:begin + 40]
        flags = int.from_bytes(data[begin + 1:begin + 3], "big")
        length, at = number(data, begin + 3)
        end = begin + length
        assert end <= len(data), "the last packet is not whole"
        assert suite.zlib.crc32(data[begin:end - 4]) == int.from_bytes(data[end - 4:end], "big")
        test = name = content = None
        if flags & 0x0200:
            _, at = number(data, at + 4)
        if flags & 0x0800:
            test, at = take(data, at)
        if flags & 0x0080:
            count, at = number(data, at)
            for _ in range(count):
                _, at = take(data, at)
        if flags & 0x0020:
            _, at = take(data, at)
        if flags & 0x0040:
            name, at = take(data, at)
            content, at = take(data, at)
        assert at == end - 4, "there is a route"
        events.append(Event(test and test.decode(), flags & 7, name and name.decode(), content))
        begin = end
    return events


def attached(events, test, name):
    return b"".join(e.content for e in events if e.test == test and e.name == name)


class Proxy(ProjectTest):
    def proxy(self, *command, **kwargs):
        kwargs.setdefault("stdin", subprocess.PIPE)
        process = self.start("proxy", "--", *command, **kwargs)
        self.addCleanup(self.close, process)
        return process

    def close(self, process):
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                stream.close()
        process.wait(PATIENCE)

    def converse(self, command, *messages, status=0):
        """The events that come for these messages and the end of the client's stream."""
        process = self.proxy(command)
        out, err = process.communicate(b"".join(map(message, messages)), PATIENCE)
        self.assertEqual(status, process.returncode, err)
        return decode(out)

    def nothing_is_left(self):
        self.wait_for(lambda: self.processes([project.HERE]) == [] and self.processes(["sleep"]) == [])

    # ---- commands that run tests once ----

    def once(self, *command, status=0):
        process = self.proxy(*command, stdin=subprocess.DEVNULL)
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual(status, process.returncode, err)
        return decode(out)

    def test_status_of_the_command(self):
        self.once("true")
        self.once("exit 7", status=7)
        self.once("kill -SEGV $$", status=128 + signal.SIGSEGV)

    def test_words_stay_words(self):
        self.once("sh", "-c", 'test "$1" = "it\'s  two"', "-", "it's  two")
        self.assertEqual(b"a  b\n", attached(self.once("echo 'a  b'"), None, "stdout"))

    def test_usage(self):
        for arguments in ([], ["--"], ["true"]):
            self.assertIn("behind", self.call("proxy", *arguments, expect=2).err)

    def test_what_is_printed_is_the_tests(self):
        """Packets on standard output are events here, junk between them is not."""
        events = self.once(SUITE + "print.a fail.b; echo bye; echo worse >&2")
        self.assertIn(b"junk " + bytes(range(256)), attached(events, "print.a", "stdout"))
        self.assertEqual(b"bye\n", attached(events, None, "stdout"))
        self.assertEqual(b"worse\n", attached(events, None, "stderr"))
        self.assertEqual([("print.a", 3), ("fail.b", 6)], [(e.test, e.status) for e in events if e.status > 2])

    def test_version_1(self):
        events = self.once("printf 'time: 1969-01-01 00:00:00Z\\ntest: a\\nx\\nfailure: a [\\nbad\\n]\\n'")
        self.assertEqual([2, 6], [e.status for e in events if e.status])
        self.assertEqual(b"x\n", attached(events, "a", "stdout"))

    def test_what_is_left_behind_is_killed_and_told(self):
        events = self.once(SUITE + "orphan.a pass.b")
        self.assertIn(b"sleep 60", attached(events, None, "stderr"))
        self.nothing_is_left()

    # ---- test servers ----

    def test_conversation(self):
        events = self.converse(SERVER + "good noise.a", '{"Hello":{"min":1,"max":2}}', '{"List":{"nonce":1}}',
                               '{"Run":{"nonce":2}}')
        self.assertEqual(["noise.a"], [e.test for e in events if e.status == 1])
        self.assertEqual([("noise.a", 3)], [(e.test, e.status) for e in events if e.status > 2])
        self.assertEqual(suite.noise("noise.a"), attached(events, "noise.a", "stdout"))
        self.assertEqual(suite.noise("noise.a"), attached(events, "noise.a", "stderr"))
        self.assertEqual([b'{"Done": {"nonce": 1}}', b'{"Done": {"nonce": 2}}'],
                         [e.content for e in events if e.name == "rpc"][1:])

    def test_server_breaks_off(self):
        """Half a packet of the server's is no packet."""
        for mode, status in (("half", 0), ("between", 0), ("hello", 3), ("list", 4)):
            with self.subTest(mode):
                self.converse(SERVER + mode + " pass.a pass.b", '{"Hello":{"min":1,"max":2}}', '{"List":{"nonce":2}}' if mode == "list"
                              else '{"Run":{"nonce":2}}', status=status)
                self.nothing_is_left()

    def test_server_crashes(self):
        events = self.converse(SERVER + "good crash.a", '{"Hello":{"min":1,"max":2}}', '{"Run":{"nonce":2}}', status=128 + signal.SIGKILL)
        self.assertEqual(b"about to crash\n", attached(events, "crash.a", "stdout"))

    def test_server_closes_the_conversation(self):
        """And stays: it is not waited for."""
        self.converse("exec " + SERVER + "closed pass.a", '{"Hello":{"min":1,"max":2}}', '{"Run":{"nonce":2}}', status=128 + signal.SIGKILL)
        self.nothing_is_left()

    def busy(self, command, *messages):
        """A proxy whose server is in a test."""
        process = self.proxy(command)
        process.stdin.write(b"".join(map(message, ('{"Hello":{"min":1,"max":2}}', '{"Run":{"nonce":2}}'))))
        process.stdin.flush()
        self.wait_for(lambda: os.path.exists(self.path("RAN")))
        return process

    def test_client_goes(self):
        process = self.busy(SERVER + "child hang.a")
        process.stdin.close()
        process.stdout.close()
        self.assertEqual(3, process.wait(PATIENCE))
        self.nothing_is_left()

    def test_client_goes_before_a_test_once(self):
        process = self.proxy(SUITE + "hang.a", stdin=subprocess.DEVNULL)
        self.wait_for(lambda: self.processes(["suite.py", "hang.a"]))
        process.stdout.close()
        self.assertEqual(3, process.wait(PATIENCE))
        self.nothing_is_left()

    def test_proxy_is_killed(self):
        process = self.busy(SERVER + "child hang.a")
        process.kill()
        process.wait(PATIENCE)
        self.nothing_is_left()

    def test_signals_are_passed_on(self):
        for number in (signal.SIGTERM, signal.SIGABRT):
            with self.subTest(number):
                if os.path.exists(self.path("RAN")):
                    os.unlink(self.path("RAN"))
                process = self.busy(SERVER + "good hang.a")
                process.send_signal(number)
                self.assertEqual(128 + number, process.wait(PATIENCE))
                self.nothing_is_left()

    # ---- bounds ----

    def test_flood_is_not_held(self):
        size = 64 << 20
        process = self.proxy("head -c %d /dev/zero; head -c %d /dev/zero >&2" % (size, size), stdin=subprocess.DEVNULL)
        seen = 0
        while True:
            data = process.stdout.read(1 << 20)
            if not data:
                break
            seen += len(data)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(0, process.returncode)
        self.assertGreater(seen, 2 * size)
        # In KiB; a sanitizer alone takes tens of MiB.
        self.assertLess(usage.ru_maxrss, 64 << 10)

    def test_what_nobody_takes_is_not_held(self):
        """A server that does not read makes the client wait."""
        process = self.proxy("exec sleep 600")
        os.set_blocking(process.stdin.fileno(), False)
        sent = 0
        while select.select([], [process.stdin], [], 1)[1]:
            sent += os.write(process.stdin.fileno(), b"x" * 65536)
            self.assertLess(sent, 8 << 20)
        process.stdin.close()
        process.stdout.close()
        self.assertEqual(3, process.wait(PATIENCE))
        self.nothing_is_left()


if __name__ == "__main__":
    tap.main()
