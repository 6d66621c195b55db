# SPDX-License-Identifier: Apache-2.0
"""A repository of its own for each class, and testr serving it."""
import glob
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
from urllib.parse import quote

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "python"))
from testr_python import subunit  # noqa: E402

TESTR = os.environ.get("TESTR_BIN", "testr")
# Far more than anything here takes on a busy machine with sanitizers.
PATIENCE = int(os.environ.get("TESTR_PATIENCE", "120"))
ODD = "odd / % # ? < é +&=\""
START = 1767225600_000000000


def stream(results):
    """Packets of results: id, status, seconds, and an attachment or None."""
    out, now = b"", START
    for number, (test, status, seconds, text) in enumerate(results):
        tags = ["worker-%d" % (number % 3), "py3"]
        out += packet(test, "inprogress", now, tags)
        now += round(seconds * 10**9)
        if text is not None:
            out += packet(test, None, now, None, text)
        if status != "unfinished":
            out += packet(test, status, now, tags)
    return out


def packet(test, status, time, tags, text=None):
    file = {} if text is None else {"file_name": "traceback", "content": text, "mime_type": "text/plain; charset=utf-8"}
    return subunit.packet(test, status, time, tags or (), **file)


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return "%d %r" % (self.status, self.body[:2000])


def events(response):
    """Server-sent events of an answer that is being read: dictionaries with id, event and data."""
    event = {}
    for line in response:
        key, _, value = line.decode().rstrip("\n").partition(": ")
        if key and value:
            event[key] = json.loads(value) if key == "data" else value
        elif not key and event:
            yield event
            event = {}


class Server:
    """testr serve, at a port of its choice."""

    def __init__(self, directory, *args, bind="127.0.0.1:0", env=None):
        self.process = subprocess.Popen([TESTR, "serve", "-d", directory, "--bind", bind, *args], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=env)
        line = self.process.stdout.readline().decode()
        found = re.match(r"serving at (http://(.*):(\d+)/|unix:(.*))\n", line)
        if not found:
            self.process.kill()
            raise AssertionError(line + self.process.communicate()[1].decode())
        self.host, self.port, self.path = found.group(2), found.group(3), found.group(4)
        self.port = self.port and int(self.port)

    def connect(self):
        if self.path:
            connection = http.client.HTTPConnection("localhost", timeout=PATIENCE)
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.settimeout(PATIENCE)
            connection.sock.connect(self.path)
            return connection
        return http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)

    def request(self, method, path, headers=None, body=None, connection=None):
        own = connection or self.connect()
        own.request(method, path, headers=headers or {}, body=body)
        answer = Answer(own.getresponse())
        if not connection:
            own.close()
        return answer

    def get(self, path, **headers):
        return self.request("GET", path, {k.replace("_", "-"): v for k, v in headers.items()})

    def stop(self):
        """Its exit status, and what it complained of."""
        self.process.terminate()
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, err.decode()


class GatedRun:
    """A run whose tests wait for words: say() lets one end."""

    def __init__(self, directory, tests, *args):
        here = os.path.dirname(os.path.abspath(__file__))
        self.place = tempfile.TemporaryDirectory(prefix="testr-test-")
        self.fifo = os.path.join(self.place.name, "gate")
        os.mkfifo(self.fifo)
        self.gate = os.open(self.fifo, os.O_RDWR)
        self.conf = os.path.join(directory, ".testr.conf")
        with open(self.conf, "w") as f:
            f.write("[DEFAULT]\ntest_command=%s %s/gated_suite.py %s %s $LISTOPT\ntest_list_option=--list\n"
                    % (os.environ.get("PYTHON", "/usr/bin/python3"), here, self.fifo, ",".join(tests)))
        self.process = subprocess.Popen([TESTR, "run", *args], cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)

    def say(self, *words):
        os.write(self.gate, "".join(word + "\n" for word in words).encode())

    def suites(self):
        """The numbers of the processes that run its tests."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/cmdline" % pid, "rb") as f:
                    words = f.read().split(b"\0")
            except OSError:
                continue
            if self.fifo.encode() in words and b"--list" not in words:
                found.append(int(pid))
        return found

    def wait_for(self, server):
        """Its id, as soon as its first test runs."""
        while True:
            for run in server.get("/api/v1/runs?state=running").json()["runs"]:
                if run["meta"].get("process", "").split(" ")[0] == str(self.process.pid) and self.suites():
                    return run["run"]
            if self.process.poll() is not None:
                raise AssertionError("the run ended with %d" % self.process.returncode)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(PATIENCE)
        os.close(self.gate)
        os.unlink(self.conf)
        self.place.cleanup()


def programs():
    """Where Debian has PostgreSQL's programs; the newest."""
    return sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]


class Postgres:
    """A PostgreSQL server in a directory of its own, reached by a socket there alone."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="testr-pg-")
        os.chmod(self.dir, 0o755)
        self.user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        if self.user:
            shutil.chown(self.dir, "postgres", "postgres")
        data = os.path.join(self.dir, "data")
        subprocess.run(self.user + [programs() + "/initdb", "-D", data, "-A", "trust", "-U", "postgres", "-N"], check=True,
                       stdout=subprocess.DEVNULL, cwd=self.dir)
        self.process = subprocess.Popen(
            self.user + ["setpriv", "--pdeathsig=INT", programs() + "/postgres", "-D", data, "-k", self.dir, "-c", "listen_addresses=",
                         "-c", "fsync=off"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.dir)
        self.count = 0

    def url(self):
        """That of a new database."""
        self.count += 1
        name = "d%d" % self.count
        while subprocess.run([programs() + "/psql", "-h", self.dir, "-U", "postgres", "-qc", "CREATE DATABASE " + name], cwd=self.dir,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
            if self.process.poll() is not None:
                raise AssertionError("PostgreSQL does not run")
        return "postgresql:///%s?host=%s&user=postgres" % (name, quote(self.dir, safe=""))

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(PATIENCE)
        shutil.rmtree(self.dir)


def everywhere(module):
    """Adds to the classes of a module the same over PostgreSQL, as CLASSPostgres; returns its setUpModule and tearDownModule."""
    servers = []

    def set_up():
        servers.append(Postgres())
        for case in cases:
            case.postgres = servers[0]

    def tear_down():
        servers.pop().stop()

    cases = [type(name + "Postgres", (case,), {"__module__": case.__module__}) for name, case in sorted(module.items())
             if isinstance(case, type) and issubclass(case, WebTest) and case is not WebTest]
    module.update((case.__name__, case) for case in cases)
    return set_up, tear_down


class WebTest(unittest.TestCase):
    """RESULTS of each run that is loaded at the start."""
    RUNS = ()
    postgres = None

    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="testr-test-")
        cls.addClassCleanup(shutil.rmtree, cls.dir)
        os.environ.pop("TESTR_REPOSITORY", None)
        if cls.postgres:
            # For every program that is started.
            os.environ["TESTR_REPOSITORY"] = cls.postgres.url()
            cls.addClassCleanup(os.environ.pop, "TESTR_REPOSITORY")
        cls.call_testr("init")
        for results in cls.RUNS:
            cls.load(results)
        cls.server = Server(cls.dir)
        cls.addClassCleanup(cls.end)

    @classmethod
    def end(cls):
        status, complaints = cls.server.stop()
        if (status, complaints) != (0, ""):
            raise AssertionError("exit status %d\n%s" % (status, complaints))

    @classmethod
    def call_testr(cls, *args, input=b"", allowed=(0, 1)):
        done = subprocess.run([TESTR, *args], cwd=cls.dir, input=input, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=PATIENCE)
        if done.returncode not in allowed:
            raise AssertionError("%r: exit status %d\n%s" % (args, done.returncode, done.stderr.decode()))
        return done.stdout

    @classmethod
    def load(cls, results, *args):
        cls.call_testr("load", *args, input=stream(results))

    def get(self, path, expect=200, **headers):
        answer = self.server.get(path, **headers)
        self.assertEqual(expect, answer.status, answer)
        return answer

    def json(self, path, expect=200, **headers):
        answer = self.get(path, expect, **headers)
        if expect >= 400:
            self.assertEqual("application/problem+json", answer.headers["Content-Type"])
            self.assertEqual(expect, answer.json()["status"])
        return answer.json()

    def pages(self, path, key):
        """All items of a list, page by page."""
        items, page = [], self.json(path)
        while True:
            items += page[key]
            if page["next"] is None:
                return items
            self.assertTrue(page[key])
            page = self.json(path + ("&" if "?" in path else "?") + "cursor=" + quote(page["next"], safe=""))
