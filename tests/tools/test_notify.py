# SPDX-License-Identifier: Apache-2.0
"""subunit-notify: with a notification service of its own on a bus of its own, and without."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402
from toolcheck import BINARY, TIMEOUT, Done, packet, packets_of, tool  # noqa: E402

STREAM = b"text\n" + b"".join(packet(0x2100 | s, b"test%d" % s) for s in (1, 3, 3, 4, 5, 6, 7)) + packet(0x2102, b"hung")
GOOD = packet(0x2103, b"a") + packet(0x2105, b"b")

# Takes the name, then says so; writes down each call and ends with the second note.
SERVICE = r'''
import sys
import dbus, dbus.service
from dbus.mainloop.glib import DBusGMainLoop
from gi.repository import GLib
DBusGMainLoop(set_as_default=True)
bus, loop = dbus.SessionBus(), GLib.MainLoop()
NAME = "org.freedesktop.Notifications"

class Service(dbus.service.Object):
    @dbus.service.method(NAME, in_signature="susssasa{sv}i", out_signature="u")
    def Notify(self, application, replaces, icon, summary, body, actions, hints, timeout):
        print("|".join([application, summary, body]), file=open(sys.argv[1], "a"))
        return 1

    @dbus.service.method(NAME, out_signature="as")
    def GetCapabilities(self):
        return ["body"]

    @dbus.service.method(NAME, out_signature="ssss")
    def GetServerInformation(self):
        return "test", "test", "1", "1.2"

name = dbus.service.BusName(NAME, bus)
service = Service(bus, "/org/freedesktop/Notifications")
open(sys.argv[2], "w").write("ready\n")
loop.run()
'''

SESSION = '''
"$PYTHON" "$1" "$2" "$3" & service=$!
head -1 "$3" >&2
shift 3
"$@"; status=$?
kill $service
exit $status
'''


class Notify(unittest.TestCase):
    maxDiff = 4000

    def alone(self, *args, stdin=STREAM, **environment):
        """Runs it where there is no bus."""
        env = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
        env = dict(env, DBUS_SESSION_BUS_ADDRESS="unix:path=/nonexistent", XDG_RUNTIME_DIR="/nonexistent", **environment)
        done = subprocess.run([BINARY, "subunit-notify", *args], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=TIMEOUT, env=env)
        return Done(done.returncode, done.stdout, done.stderr)

    def test_no_service(self):
        """What the stream says is passed on and decides the status all the same."""
        for args, texts, ids in (([], 1, 0), (["--no-passthrough"], 0, 0), (["-f"], 1, 8), (["-f", "--no-passthrough"], 0, 8)):
            with self.subTest(args=args):
                done = self.alone(*args)
                self.assertEqual(done.rc, 1)
                events = packets_of(done.out)
                self.assertEqual((sum(e["test_id"] is None for e in events), sum(e["test_id"] is not None for e in events)), (texts, ids))
                self.assertTrue(done.err.startswith(b"subunit-notify: there is no display for notes: "), done.err)
                self.assertTrue(done.err.endswith(b"\nTest run failed\nTotal tests: 7; Passed: 4; Failed: 2\n"), done.err)
        done = self.alone(stdin=GOOD)
        self.assertEqual(done.rc, 0)
        self.assertTrue(done.err.endswith(b"\nTest run successful\nTotal tests: 2; Passed: 1; Failed: 0\n"), done.err)

    def test_report(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "note")
            self.assertEqual(self.alone("-o", path).rc, 1)
            with open(path) as f:
                self.assertEqual(f.read(), "Test run failed\nTotal tests: 7; Passed: 4; Failed: 2\n")

    def test_no_library(self):
        """Another file in the library's place, as a system without it has none."""
        with tempfile.TemporaryDirectory() as directory:
            with open(os.path.join(directory, "libnotify.so.4"), "wb") as f:
                f.write(b"no library")
            done = self.alone(LD_LIBRARY_PATH=directory)
        self.assertEqual((done.rc, b"libnotify.so.4 cannot be loaded" in done.err), (1, True), done.err)

    def test_service(self):
        if not shutil.which("dbus-run-session"):
            self.skipTest("there is no dbus-run-session")
        with tempfile.TemporaryDirectory() as directory:
            service, notes, ready = (os.path.join(directory, n) for n in ("service.py", "notes", "ready"))
            with open(service, "w") as f:
                f.write(SERVICE)
            os.mkfifo(ready)
            open(notes, "w").close()
            for stream, rc in ((STREAM, 1), (GOOD, 0)):
                done = subprocess.run(["dbus-run-session", "--", "sh", "-c", SESSION, "sh", service, notes, ready, BINARY, "subunit-notify",
                                       "--no-passthrough"], input=stream, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TIMEOUT,
                                      env=dict(os.environ, PYTHON="/usr/bin/python3"))
                self.assertEqual((done.returncode, done.stdout), (rc, b""))
                # The bus may have something to say, too.
                self.assertTrue(done.stderr.endswith(b"ready\n"), done.stderr)
            with open(notes) as f:
                self.assertEqual(f.read(), "subunit-notify|Test run failed|Total tests: 7; Passed: 4; Failed: 2\n"
                                           "subunit-notify|Test run successful|Total tests: 2; Passed: 1; Failed: 0\n")

    def test_usage(self):
        self.assertEqual(tool("subunit-notify", "--bogus").rc, 2)
        self.assertEqual(tool("subunit-notify", "/nonexistent").rc, 1)


if __name__ == "__main__":
    tap.main()
