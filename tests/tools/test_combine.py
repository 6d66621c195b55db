# SPDX-License-Identifier: Apache-2.0
"""subunit-combine: beside python-subunit's where SUBUNIT_REFERENCE names that, and by itself."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402
from toolcheck import BINARY, TIMEOUT, Done, one_packet, packets_of, pieces_of, told, tool  # noqa: E402

# The subunit-combine of python-subunit 1.4.6 or later, which Debian does not have.
REFERENCE = os.environ.get("SUBUNIT_REFERENCE")

# A command that says what it was called with: a test for each argument and each variable X*, and the ids in its file.
SPEAKER = r'''
import os, sys
sys.path.insert(0, %r)
os.environ.setdefault("SUBUNIT_BIN", "")
from toolcheck import packet
out = sys.stdout.buffer
def say(text):
    out.write(packet(0x2103, text.encode()))
for i, arg in enumerate(sys.argv[1:]):
    is_file = "subunit-combine-" in arg
    say("arg %%d %%s" %% (i, "FILE" if is_file else arg))
    if is_file:
        for line in open(arg.partition("=")[2] or arg):
            say("id " + line.rstrip("\n"))
for name in sorted(os.environ):
    if name.startswith("X_"):
        say("env %%s=%%s" %% (name, os.environ[name]))
say("cwd " + os.path.basename(os.getcwd()))
out.write(b"text \xff\n")
out.write(packet(0x2002, "tést".encode(), (1577836800, 1000), [b"tag"], b"text/plain", (b"log", b"x"), b"0"))
out.flush()
''' % os.path.dirname(os.path.abspath(__file__))


class Case(unittest.TestCase):
    maxDiff = 4000

    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.directory = holder.name
        self.speaker = self.write("speaker.py", SPEAKER)

    def write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w" if isinstance(text, str) else "wb") as f:
            f.write(text)
        return path

    def config(self, commands):
        """JSON is YAML."""
        return self.write("config.yaml", commands if isinstance(commands, str) else json.dumps({"commands": commands}))

    def run_tool(self, command, *args):
        env = {k: v for k, v in os.environ.items() if not k.startswith("X_")}
        done = subprocess.run([*command, *args], cwd=self.directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=TIMEOUT, env=dict(env, X_OUTER="outer"))
        return Done(done.returncode, done.stdout, done.stderr)

    def combine(self, *args):
        """Ours, and the reference's when there is one: the same events and status."""
        done = self.run_tool([BINARY, "subunit-combine"], *args)
        if REFERENCE:
            theirs = self.run_tool([REFERENCE], *args)
            self.assertEqual((done.rc, told(packets_of(done.out))), (theirs.rc, told(packets_of(theirs.out))), theirs.err)
        return done

    def ids(self, done):
        return [e["test_id"] for e in packets_of(done.out) if e["test_status"] == "success"]

    def argv(self, *args):
        return [sys.executable, self.speaker, *args]


class Combine(Case):
    def test_prefixes_environment_and_directory(self):
        os.mkdir(os.path.join(self.directory, "sub"))
        done = self.combine(self.config([
            {"prefix": "one/", "argv": self.argv("a b", "it's", "$HOME", ""), "env": {"X_INNER": "yes it is", "X_OUTER": "mine"}},
            {"argv": self.argv(), "cwd": "sub", "env": None}]))
        self.assertEqual((done.rc, done.err), (0, b""))
        here = os.path.basename(self.directory)
        self.assertEqual(self.ids(done), ["one/arg 0 a b", "one/arg 1 it's", "one/arg 2 $HOME", "one/arg 3 ", "one/env X_INNER=yes it is",
                                          "one/env X_OUTER=mine", "one/cwd " + here, "env X_OUTER=outer", "cwd sub"])
        events = packets_of(done.out)
        self.assertEqual([e["file_bytes"] for e in events if e["test_id"] is None], [b"text \xff\n"] * 2)
        self.assertEqual([(e["test_id"], e["test_tags"], e["route_code"]) for e in events if e["file_name"] == "log"],
                         [("one/tést", ["tag"], "0"), ("tést", ["tag"], "0")])

    COMMANDS = [("p/", "--list --quiet", "--ids $IDFILE $IDLIST $LISTOPT"), ("p/q/", None, None), (None, "-l", "--load-list=$IDFILE")]

    def commands(self):
        result = []
        for prefix, list_option, id_option in self.COMMANDS:
            command = {"argv": self.argv("$LISTOPT", "$IDOPTION", "<$IDLIST>", "x$LISTOPTy", "$IDLISTX", "$OTHER")}
            for key, value in (("prefix", prefix), ("list_option", list_option), ("id_option", id_option)):
                if value is not None:
                    command[key] = value
            result.append(command)
        return result

    def test_variables(self):
        path = self.config(self.commands())
        load = self.write("ids", "# comment\np/one # that\n\n  p/q/two  \nother\n")
        for args in ([], ["--list"], ["p/one"], ["p/one", "p/q/two words", "--list"], ["--load-list", load],
                     ["more", "--load-list=" + load],
                     ["--load-list", load, "--list"], ["nothing"], ["--load-list", os.devnull], ["--load-list", ""], ["--lo", load]):
            with self.subTest(args=args):
                done = self.combine(path, *args)
                self.assertEqual((done.rc, done.err), (0, b""))
        done = self.combine(path, "p/one", "p/q/two")
        self.assertEqual([i for i in self.ids(done) if "cwd" not in i and "env" not in i][:10], [
            "p/arg 0 --ids", "p/arg 1 FILE", "p/id one", "p/id q/two", "p/arg 2 one", "p/arg 3 q/two", "p/arg 4 <one", "p/arg 5 q/two>",
            "p/arg 6 xy", "p/arg 7 one"])
        self.assertEqual([n for n in os.listdir(tempfile.gettempdir()) if n.startswith("subunit-combine-")], [])

    def test_statuses(self):
        for codes, status in (((0, 0), 0), ((3, 0), 1), ((0, 1), 1)):
            commands = [{"argv": ["sh", "-c", "exit %d" % c]} for c in codes]
            self.assertEqual(self.combine(self.config(commands)).rc, status)
        done = self.run_tool([BINARY, "combine"], self.config([{"argv": ["sh", "-c", "kill -9 $$"]}, {"argv": self.argv()}]))
        self.assertEqual(done.rc, 1)
        self.assertIn(b"commands[0] (sh): signal 9", done.err)
        self.assertEqual(self.ids(done)[0], "env X_OUTER=outer")

    def test_yaml(self):
        """Ways to write it, and what is wrong: a message with the place, status 1."""
        speak = "[%s, %s]" % (json.dumps(sys.executable), json.dumps(self.speaker))
        for text in ("commands:\n- argv: %s\n" % speak, "commands: [{argv: %s, prefix: 'yes'}]" % speak,
                     "base: &b {prefix: b., argv: %s}\ncommands:\n- <<: *b\n- <<: [*b]\n  prefix: c.\n" % speak,
                     'commands:\n- {argv: %s, prefix: "12", env: {}}\n' % speak, "%%YAML 1.1\n---\ncommands: [{argv: %s}]\n" % speak,
                     "commands:\n- {argv: %s, prefix: 1.2.3}\n- {argv: %s, prefix: 12a, env: {X_A: 'on'}}" % (speak, speak)):
            with self.subTest(text=text):
                self.assertEqual(self.combine(self.config(text)).rc, 0)
        for text, what in (("", b"mapping"), ("[]", b"mapping"), ("commands: []", b'"commands" must be a list'), ("a: 1", b'"commands"'),
                           ("commands: [1]", b"commands[0] must be a mapping"), ("commands: [{}]", b"commands[0].argv"),
                           ("commands: [{argv: [a]}, {argv: []}]", b"commands[1].argv"), ("commands: [{argv: [1]}]", b"in quotes"),
                           ("commands: [{argv: [yes]}]", b"in quotes"), ("commands: [{argv: [2020-01-01]}]", b"in quotes"),
                           ("commands: [{argv: [a], prefix: 1}]", b"commands[0].prefix must be a string"),
                           ("commands: [{argv: [a], list_option: [x]}]", b"list_option must be a string"),
                           ("commands: [{argv: [a], id_option: off}]", b"id_option must be a string"),
                           ("commands: [{argv: [a], env: {A: 1}}]", b"commands[0].env"), ("commands: [", b"line "), ("\tx: 1", b"line 1"),
                           ("commands: [{argv: [a], cwd: /nonexistent}]", b"/nonexistent"), ("a: 1\n---\nb: 2\n", b"more than one"),
                           ("x: &x {<<: *x}\ncommands: [*x]", b"argv"), ("commands: [{argv: ['$LISTOPT']}]", b"nothing is left"),
                           ('commands: [{argv: ["a\\0b"]}]', b"argv")):
            with self.subTest(text=text):
                done = self.combine(self.config(text))
                self.assertEqual((done.rc, done.out, done.err.count(b"\n")), (1, b"", 1), done.err)
                self.assertIn(what, done.err)

    def test_usage(self):
        self.assertEqual(tool("subunit-combine").rc, 2)
        self.assertEqual(tool("subunit-combine", "--bogus").rc, 2)
        self.assertEqual(tool("subunit-combine", "/nonexistent").rc, 1)
        self.assertEqual(tool("subunit-combine", "--help").rc, 0)

    def test_full_disk(self):
        path = self.config([{"argv": ["sh", "-c", "while :; do echo text; done"]}])
        with open("/dev/full", "wb") as full:
            done = subprocess.run([BINARY, "subunit-combine", path], stdout=full, stderr=subprocess.PIPE, timeout=TIMEOUT)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"No space left", done.stderr)


class Signals(Case):
    """No process of a command outlives us."""

    def gone(self, pid):
        try:
            with open("/proc/%d/stat" % pid) as f:
                return f.read().rpartition(")")[2].split()[0] == "Z"
        except (FileNotFoundError, ProcessLookupError):
            return True

    def interrupt(self, number, script):
        path = self.config([{"argv": ["sh", "-c", script]}, {"argv": ["sh", "-c", "echo second"]}])
        child = subprocess.Popen([BINARY, "subunit-combine", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, pids = b"", []
        while len(pids) < 2:
            piece = os.read(child.stdout.fileno(), 4096)
            self.assertTrue(piece)
            out += piece
            # A packet that is not whole yet would be text.
            pids = [int(w) for is_packet, data in pieces_of(out) if is_packet for w in one_packet(data)["file_bytes"].split()]
        child.send_signal(number)
        more, _ = child.communicate(timeout=TIMEOUT)
        limit = time.monotonic() + TIMEOUT
        while not all(map(self.gone, pids)) and time.monotonic() < limit:
            pass
        self.assertTrue(all(map(self.gone, pids)))
        self.assertNotIn(b"second", out + more)
        return child.returncode

    SCRIPT = "sleep 1000 & echo $$ $!; wait"

    def test_signals(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(signal=number):
                self.assertEqual(self.interrupt(number, self.SCRIPT), 128 + number)

    def test_killed(self):
        self.assertEqual(self.interrupt(signal.SIGKILL, self.SCRIPT), -signal.SIGKILL)

    def test_left_behind(self):
        done = tool("subunit-combine", self.config([{"argv": ["sh", "-c", "sleep 1000 & echo $!"]}]))
        self.assertEqual(done.rc, 0)
        self.assertIn(b"left 1 processes behind", done.err)
        self.assertTrue(self.gone(int(packets_of(done.out)[0]["file_bytes"])))


if __name__ == "__main__":
    tap.main()
