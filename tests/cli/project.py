# SPDX-License-Identifier: Apache-2.0
"""A project of its own for each test: a directory with a configuration for suite.py, and testr to call on it."""
import json
import os
import shutil
import subprocess
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TESTR = os.environ.get("TESTR_BIN", "testr")
SUBUNIT = os.environ.get("SUBUNIT_BIN", "subunit")
# ./check --long
LONG = "TESTR_LONG" in os.environ
# Far more than any command here takes on a busy machine with sanitizers.
PATIENCE = int(os.environ.get("TESTR_PATIENCE", "120"))

CONFIG = """[DEFAULT]
test_command=/usr/bin/python3 {here}/suite.py $LISTOPT $IDOPTION {tests}
test_id_option=--load-list $IDFILE
test_list_option=--list
"""


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def __repr__(self):
        return "exit %d\n--- stdout\n%s\n--- stderr\n%s" % (self.code, self.out, self.err)


class ProjectTest(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="testr-test-")
        self.addCleanup(shutil.rmtree, self.dir)
        self.env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS",)}

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)

    def read(self, name):
        with open(self.path(name)) as f:
            return f.read()

    def configure(self, tests, extra=""):
        """The project's tests; see suite.py."""
        self.write(".testr.conf", CONFIG.format(here=HERE, tests=tests) + extra)

    def start(self, *args, **kwargs):
        kwargs.setdefault("stdout", subprocess.PIPE)
        kwargs.setdefault("stderr", subprocess.PIPE)
        return subprocess.Popen([TESTR, *args], cwd=self.dir, env=self.env, stdin=kwargs.pop("stdin", subprocess.DEVNULL),
                                **kwargs)

    def finish(self, process):
        out, err = process.communicate(timeout=PATIENCE)
        return Result(process.returncode, (out or b"").decode(errors="replace"), (err or b"").decode(errors="replace"))

    def call(self, *args, expect=None, input=None):
        process = self.start(*args, stdin=subprocess.PIPE if input is not None else subprocess.DEVNULL)
        out, err = process.communicate(input, timeout=PATIENCE)
        result = Result(process.returncode, out.decode(errors="replace"), err.decode(errors="replace"))
        if expect is not None:
            self.assertEqual(expect, result.code, result)
        return result

    def project(self, tests, extra=""):
        self.configure(tests, extra)
        self.call("init", expect=0)

    def lines(self, *args, expect=None):
        return self.call(*args, expect=expect).out.splitlines()

    def results(self, run="-1"):
        """Outcome by id, as `last --subunit` tells it."""
        packets = subprocess.run([TESTR, "last", "-r", run, "--subunit"], cwd=self.dir, stdout=subprocess.PIPE).stdout
        text = subprocess.run([SUBUNIT, "subunit2json"], input=packets, stdout=subprocess.PIPE, check=True).stdout
        events = [json.loads(line) for line in text.splitlines()]
        return {e["test_id"]: e["test_status"] for e in events if e["test_status"] not in (None, "inprogress")}

    def wait_for(self, what):
        """The first true answer of what()."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            answer = what()
            if answer:
                return answer
            time.sleep(0.02)
        self.fail("nothing happened")

    def stored(self, word):
        """True when a stored stream has the word in it."""
        streams = self.path(".testrepository/streams")
        for name in os.listdir(streams) if os.path.isdir(streams) else []:
            with open(os.path.join(streams, name), "rb") as f:
                if word in f.read():
                    return True
        return False

    def processes(self, words):
        """The processes in the project's directory whose command line has all the words in it."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink("/proc/%s/cwd" % pid) != self.dir:
                    continue
                with open("/proc/%s/cmdline" % pid, "rb") as f:
                    line = f.read().replace(b"\0", b" ").decode(errors="replace")
                with open("/proc/%s/stat" % pid) as f:
                    state = f.read().rsplit(")", 1)[1].split()[0]
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
            if state != "Z" and all(w in line for w in words):
                found.append(int(pid))
        return found
