# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL server of the tests' own, as server.h starts it: in a new directory, reached by a socket there alone."""
import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile


class Server:
    def __init__(self):
        self.schemas = 0
        self.directory = tempfile.mkdtemp(prefix="test_postgres.", dir="/tmp")
        self.programs = os.path.dirname(sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))[-1])
        # root may not run it. Set after the change of user, which would undo it.
        self.prefix = ["setpriv"] + (["--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []) + ["--pdeathsig=INT"]
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.directory, user.pw_uid, user.pw_gid)
        subprocess.run(self.command("initdb", "-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync",
                                    "--no-instructions"), cwd=self.directory, stdout=subprocess.DEVNULL, check=True)
        self.process = subprocess.Popen(self.command("postgres", "-D", "data", "-k", self.directory, "-c", "listen_addresses=", "-c",
                                                     "fsync=off", "-c", "full_page_writes=off"), cwd=self.directory,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while self.execute("SELECT 1").returncode != 0:
            if self.process.poll() is not None:
                raise AssertionError("postgres ended with %d" % self.process.returncode)

    def command(self, name, *arguments):
        return [*self.prefix, os.path.join(self.programs, name), *arguments]

    def execute(self, sql):
        return subprocess.run([os.path.join(self.programs, "psql"), "-h", self.directory, "-U", "postgres", "-qc", sql, "postgres"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def url(self):
        """Of a schema of its own."""
        self.schemas += 1
        if self.execute("CREATE SCHEMA t%d" % self.schemas).returncode != 0:
            raise AssertionError("no schema")
        return "postgresql:///postgres?host=%s&user=postgres&options=-csearch_path%%3Dt%d" % (self.directory, self.schemas)

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        shutil.rmtree(self.directory)
