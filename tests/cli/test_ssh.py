#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Tests run over a real ssh, by `testr proxy` at the far end, have the results that they have here."""
import base64
import json
import os
import signal
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import project  # noqa: E402
import tap  # noqa: E402
from project import PATIENCE, SUBUNIT, TESTR, ProjectTest  # noqa: E402

PYTHON = os.path.join(project.HERE, "..", "..", "python")
SSHD = "/usr/sbin/sshd"

NOISY = '''
import os, subprocess, sys, unittest
sys.path.insert(0, %r)
import suite

class Noisy(unittest.TestCase):
    def test_fail(self):
        print("printed", flush=True)
        os.write(1, suite.noise("fail"))
        self.fail("no")
    def test_child(self):
        subprocess.check_call(["printf", "\\\\263\\\\053 half"])
    def test_skip(self):
        self.skipTest("not today")
    @unittest.expectedFailure
    def test_xfail(self):
        os.write(2, suite.noise("xfail"))
        self.fail("as expected")
    def test_closes(self):
        sys.stdout.buffer.write(b"\\xb3" * 70000)

for i in range(40):
    def test(self, i=i):
        os.write(1, suite.noise("noise.%%d" %% i))
    setattr(Noisy, "test_%%02d" %% i, test)
'''

SSHD_CONFIG = """
ListenAddress 127.0.0.1:{port}
HostKey {dir}/host_key
AuthorizedKeysFile {dir}/user_key.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
MaxStartups 100
"""
SSH_CONFIG = """
Host far-*
    HostName 127.0.0.1
    Port {port}
    IdentityFile {dir}/user_key
    IdentitiesOnly yes
    UserKnownHostsFile {dir}/known_hosts
    StrictHostKeyChecking accept-new
    BatchMode yes
    LogLevel ERROR
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Ssh(ProjectTest):
    def setUp(self):
        super().setUp()
        if not os.path.exists(SSHD):
            self.skipTest("there is no %s" % SSHD)
        self.ssh = self.path("ssh")
        os.mkdir(self.ssh, 0o700)
        for name in ("host_key", "user_key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", os.path.join(self.ssh, name)], check=True)
        if os.getuid() == 0:
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        self.start_sshd()
        self.write("noisy.py", NOISY % project.HERE)

    def start_sshd(self):
        """On a port that was free a moment ago; another one is tried when it is not any more."""
        for _ in range(5):
            port = free_port()
            for name, text in (("sshd_config", SSHD_CONFIG), ("ssh_config", SSH_CONFIG)):
                with open(os.path.join(self.ssh, name), "w") as f:
                    f.write(text.format(port=port, dir=self.ssh))
            # It goes with us, however we go.
            sshd = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", SSHD, "-D", "-e", "-f", os.path.join(self.ssh, "sshd_config")],
                                    stderr=subprocess.PIPE, text=True)
            for line in sshd.stderr:
                if "Server listening" in line:
                    self.addCleanup(self.stop_sshd, sshd)
                    return
            sshd.wait(PATIENCE)
            sshd.stderr.close()
        self.fail("sshd does not start")

    def stop_sshd(self, sshd):
        sshd.terminate()
        sshd.stderr.close()
        sshd.wait(PATIENCE)

    def far(self, command, extra=""):
        """The same configuration, here and there."""
        self.write("far.sh", "cd %s && %s exec %s proxy -- \"$@\"\n" % (self.dir, self.sanitizer(), TESTR))
        return command + extra + ("instance_provision=for i in $(seq $INSTANCE_COUNT); do echo far-$i; done\n"
                                  "instance_execute=ssh -F %s/ssh_config $INSTANCE_ID sh %s $COMMAND\n"
                                  % (self.ssh, self.path("far.sh")))

    def sanitizer(self):
        return " ".join("%s=%s" % (name, os.environ[name]) for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS") if name in os.environ)

    def details(self):
        """Of each test of the latest run: its outcome and its attachments."""
        stream = subprocess.run([TESTR, "last", "--subunit"], cwd=self.dir, stdout=subprocess.PIPE).stdout
        text = subprocess.run([SUBUNIT, "subunit2json"], input=stream, stdout=subprocess.PIPE, check=True).stdout
        tests = {}
        for e in map(json.loads, text.splitlines()):
            test = tests.setdefault(e["test_id"], {})
            if e["test_status"] not in (None, "inprogress"):
                test["status"] = e["test_status"]
            if e["file_name"] is not None:
                test[e["file_name"]] = test.get(e["file_name"], b"") + base64.b64decode(e["file_bytes"] or "")
        return tests

    def compare(self, configuration, extra="", drop=(), parallel=()):
        results = []
        for text in (configuration + extra, self.far(configuration, extra)):
            self.write(".testr.conf", text)
            if not os.path.isdir(self.path(".testrepository")):
                self.call("init", expect=0)
            run = self.call("run", *parallel)
            self.assertIn(run.code, (0, 1), run)
            results.append(self.details())
        for tests in results:
            for test in tests.values():
                for name in drop:
                    test.pop(name, None)
        near, far = results
        self.assertEqual(sorted(map(str, near)), sorted(map(str, far)))
        for test in near:
            for name in sorted(set(near[test]) | set(far[test])):
                # Not assertEqual, which takes minutes to show how long texts differ.
                self.assertTrue(near[test].get(name) == far[test].get(name), (test, name))
        return results[1]

    def test_server(self):
        command = "PYTHONPATH=%s /usr/bin/python3 -m testr_python.unittest" % PYTHON
        # What tests print on standard error is not captured here, and goes to testr's.
        tests = self.compare("[DEFAULT]\ntest_command=env %s $LISTOPT $IDOPTION noisy\ntest_list_option=--list\n"
                             "test_id_option=--load-list $IDFILE\ntest_server_command=env %s --server noisy\n"
                             % (command, command), drop=("stderr",), parallel=("--parallel", "--concurrency=2"))
        self.assertEqual(45, len([test for test in tests if test]))
        self.assertTrue(tests["noisy.Noisy.test_07"]["stdout"].endswith(b"no newline"))

    def test_server_that_knows_no_better(self):
        """It prints packets to standard output, where the conversation could be."""
        kinds = ["%s.%d" % (kind, i) for kind in ("noise", "fail", "skip", "crash") for i in range(3)]
        tests = self.compare("[DEFAULT]\ntest_command=%s $LISTOPT $IDOPTION\ntest_list_option=--list\ntest_id_option=--load-list $IDFILE\n"
                             "test_server_command=/usr/bin/python3 %s/server.py good %s\n"
                             % ("/usr/bin/python3 %s/suite.py" % project.HERE, project.HERE, " ".join(kinds)),
                             drop=("stderr", "stdout", "last output", "traceback"))
        self.assertEqual(set(kinds), set(test for test in tests if test))

    def test_tests_run_once(self):
        kinds = ["%s.%d" % (kind, i) for kind in ("print", "fail", "skip") for i in range(5)]
        self.compare("[DEFAULT]\ntest_command=/usr/bin/python3 %s/suite.py $LISTOPT $IDOPTION %s\ntest_list_option=--list\n"
                     "test_id_option=--load-list $IDFILE\n" % (project.HERE, " ".join(kinds)), drop=("stderr", "stdout"))

    def test_cut_connection(self):
        """Nothing stays at the far end."""
        self.write(".testr.conf", self.far(
            "[DEFAULT]\ntest_command=false $LISTOPT $IDOPTION\ntest_list_option=--list\ntest_id_option=--load-list $IDFILE\n"
            "test_server_command=/usr/bin/python3 %s/server.py child hang.a\n" % project.HERE))
        self.call("init", expect=0)
        run = self.start("run")
        self.addCleanup(self.finish, run)
        self.wait_for(lambda: os.path.exists(self.path("RAN")))
        self.assertNotEqual([], self.processes(["server.py", "hang.a"]))
        run.send_signal(signal.SIGKILL)
        self.wait_for(lambda: not self.processes(["server.py", "hang.a"]) and not self.processes(["sleep"]))


if __name__ == "__main__":
    tap.main()
