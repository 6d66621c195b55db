# SPDX-License-Identifier: Apache-2.0
"""Repositories on a full disk, in a place that may not be written, damaged, of another version, in the hands of several: the
verdict is that of the tests, what was stored stays, the words are clear, and the next command works.

Disks are small file systems in memory, mounted in a namespace of this program's own, in which it may do so."""
import os
import signal
import sqlite3
import subprocess
import sys

import faults
from faults import MARK, TESTR, FaultTest, packet, stream, suite
import tap

# Has the rights of root no more, though it stays the owner of its files.
NO_RIGHTS = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"]
FULL = "the disk is full"


class Disk(FaultTest):
    def setUp(self):
        super().setUp()
        self.top = self.dir

    def mount(self, size):
        """Puts the project on a disk of that size."""
        self.dir = os.path.join(self.top, "disk")
        os.mkdir(self.dir)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=" + size, "tmpfs", self.dir], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", self.dir], check=True)
        self.configure("pass")
        self.call("init", expect=0)

    def fill(self, leave=0):
        """Leaves that many bytes free."""
        room = os.statvfs(self.dir)
        room = room.f_bavail * room.f_frsize - leave
        if room > 0:
            with open(self.path("fill"), "wb") as f:
                os.posix_fallocate(f.fileno(), 0, room)

    def use(self):
        room = os.statvfs(self.dir)
        return (room.f_blocks - room.f_bfree) * room.f_frsize


class Full(Disk):
    def check_whole(self, results, run=0):
        self.assertEqual("finished", self.states()[run])
        self.assertEqual(results, self.stored_results(run))
        self.assertEqual({t for t, s in results if s == "fail"}, self.stored_failing())

    def test_load_leaves_attachments_out(self):
        self.mount("3m")
        results = suite(400, 7)
        done = self.load(results, attachment=b"x" * 20000, expect=1)
        self.assertIn(FULL, done.err)
        self.assertEqual([t for t, s in results if s == "fail"], self.shown(done.out))
        self.assertIn("(id=0, failures=%d)" % len(self.stored_failing()), done.out)
        self.check_whole(results)
        # Those of the first tests are there, those of the last ones marked once each.
        details = self.tool("run", "0")
        self.assertIn("log=20000", details[0])
        self.assertIn("log=%d" % (len(MARK) + 1), details[-1])
        self.assertIn(MARK, self.call("last").out)

    def test_run_leaves_attachments_out(self):
        self.mount("3m")
        results = suite(300, 5)
        with open(os.path.join(self.top, "stream"), "wb") as f:
            f.write(stream(results, b"x" * 20000))
        self.write(".testr.conf", "[DEFAULT]\ntest_command=cat ../stream\n")
        done = self.call("run", expect=1)
        self.assertIn(FULL, done.err)
        self.check_whole(results)

    def test_passing_tests_pass(self):
        self.mount("3m")
        results = suite(300, 1000)[1:]
        self.assertIn(FULL, self.load(results, attachment=b"x" * 20000, expect=0).err)
        self.check_whole(results)

    def test_what_the_run_fills_is_no_more_than_its_attachments(self):
        self.mount("3m")
        self.load(suite(300, 5), attachment=b"x" * 20000, expect=1)
        # Directly after it the next one has room.
        self.load(suite(100, 3), expect=1)
        self.check_whole(suite(100, 3), 1)
        self.assertEqual({"format", "index.sqlite", "streams"}, set(os.listdir(self.path(".testrepository"))))

    def test_more_results_than_the_reserve_takes(self):
        """They wait in memory; the run cannot be stored to its end, and the verdict is right all the same."""
        self.mount("2m")
        self.load(suite(50, 5), expect=1)
        self.fill(leave=300000)
        results = suite(20000, 1000, "pkg.a_test_with_a_name_that_takes_some_room.test_%d")
        done = self.load(results, attachment=b"x", expect=1)
        self.assertIn(FULL, done.err)
        self.assertIn("failures=20)", done.out)
        os.unlink(self.path("fill"))
        self.assertEqual("finished", self.states()[0])
        self.assertIn(self.states()[1], ("interrupted", "finished"))
        stored = self.stored_results(1)
        self.assertEqual(results[:len(stored)], stored)
        if len(stored) < len(results):
            self.assertEqual("interrupted", self.states()[1])
            self.assertIn("not stored", done.out)
            # Tests that are not in it keep their state.
            self.assertLessEqual({t for t, s in suite(50, 5) if s == "fail"}, self.stored_failing())
        self.load(suite(10, 2), "--partial", expect=1)
        self.assertEqual(suite(10, 2), self.stored_results(2))

    def test_room_that_comes_back(self):
        """What waits in memory is stored when there is room again."""
        self.mount("2m")
        self.fill(leave=300000)
        results = suite(2500, 1000, "pkg.a_test_with_a_name_that_takes_some_room.test_%d")
        process = self.start("load", stdin=subprocess.PIPE)
        data = stream(results, b"x" * 100)
        process.stdin.write(data[:-100])
        process.stdin.flush()
        os.unlink(self.path("fill"))
        done, err = process.communicate(data[-100:], timeout=faults.PATIENCE)
        self.assertEqual(1, process.returncode, err)
        self.check_whole(results)

    def test_no_room_at_all(self):
        """A run does not begin; questions are answered."""
        self.mount("2m")
        self.load(suite(50, 5), expect=1)
        used = self.use()
        self.fill()
        failing = [t for t, s in suite(50, 5) if s == "fail"]
        for _ in range(3):
            done = self.load(suite(10, 2), expect=3)
            self.assertIn("no run can be stored", done.err)
            self.assertIn("No space left", done.err)
            self.assertEqual(failing, self.lines("failing", "--list"))
            self.assertEqual(1, self.call("last").code)
        os.unlink(self.path("fill"))
        self.load(suite(10, 2), expect=1)
        self.assertEqual({0: "finished"}, {k: v for k, v in self.states().items() if k == 0})
        self.assertLess(self.use(), used + 100000)

    def test_limit_of_a_file(self):
        self.project("pass")
        command = "ulimit -f 400; exec %s load" % TESTR
        done = subprocess.run(["sh", "-c", command], input=stream(suite(300, 5), b"x" * 20000), cwd=self.dir, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
        self.assertEqual(1, done.returncode, done.stderr)
        self.assertIn(FULL, done.stderr.decode())
        self.assertIn("failures=60)", done.stdout.decode())
        # The stream is as long as it may be, so there is no place for the rest.
        self.assertEqual({0: "interrupted"}, self.states())
        stored = self.stored_results(0)
        self.assertEqual(suite(300, 5)[:len(stored)], stored)
        self.assertGreater(len(stored), 5)

    def test_init_without_room(self):
        self.mount("2m")
        other = os.path.join(self.dir, "other")
        os.mkdir(other)
        self.fill()
        self.assertEqual(3, self.call("-d", other, "init").code)
        os.unlink(self.path("fill"))
        self.call("-d", other, "init", expect=0)


class ReadOnly(Disk):
    def check_read_only(self, *before):
        failing = [t for t, s in suite(50, 5) if s == "fail"]

        def call(*args):
            return subprocess.run([*before, TESTR, *args], cwd=self.dir, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=faults.PATIENCE, env=self.env)
        self.assertEqual(failing, call("failing", "--list").stdout.decode().split())
        for question in ("last", "slowest", "stats"):
            done = call(question)
            self.assertIn(done.returncode, (0, 1), done.stderr)
            self.assertEqual(b"", done.stderr)
        done = call("run")
        self.assertEqual((3, b""), (done.returncode, done.stdout))
        self.assertIn(b"no run can be stored", done.stderr)
        self.assertFalse(os.path.exists(self.path("started")))

    def prepare(self):
        self.write(".testr.conf", "[DEFAULT]\ntest_command=touch started; cat stream\n")
        self.load(suite(50, 5), expect=1)

    def test_directory_without_rights(self):
        self.project("pass")
        self.prepare()
        for name in (".", "streams"):
            os.chmod(os.path.join(self.path(".testrepository"), name), 0o555)
        self.check_read_only(*NO_RIGHTS)

    def test_read_only_file_system(self):
        self.mount("2m")
        self.prepare()
        subprocess.run(["mount", "-o", "remount,ro", self.dir], check=True)
        self.check_read_only()

    def test_with_a_run_that_was_killed(self):
        """What is in the index's log is read as well."""
        self.mount("2m")
        self.prepare()
        process = self.start("load", stdin=subprocess.PIPE)
        process.stdin.write(stream([("new", "fail")]) + packet("newer", "inprogress"))
        process.stdin.flush()
        self.wait_for(lambda: self.stored(b"new"))
        os.kill(process.pid, signal.SIGKILL)
        self.finish(process)
        self.assertTrue(os.path.exists(self.path(".testrepository/index.sqlite-wal")))
        subprocess.run(["mount", "-o", "remount,ro", self.dir], check=True)
        self.check_read_only()
        subprocess.run(["mount", "-o", "remount,rw", self.dir], check=True)
        self.assertEqual({0: "finished", 1: "interrupted"}, self.states())
        self.assertIn("new", self.stored_failing())


class Damage(FaultTest):
    def setUp(self):
        super().setUp()
        self.project("pass")
        self.load(suite(50, 5), expect=1)
        self.load(suite(50, 4), expect=1)
        self.failing = sorted(t for t, s in suite(50, 4) if s == "fail")

    def test_stream_that_is_cut(self):
        name = self.path(".testrepository/streams/1")
        with open(name, "rb") as f:
            data = f.read()
        for size in (0, 1, 100, len(data) // 2, len(data) - 1):
            with self.subTest(size=size):
                with open(name, "wb") as f:
                    f.write(data[:size])
                self.assertEqual(self.failing, sorted(self.lines("failing", "--list")))
                self.assertEqual(1, self.call("failing").code)
                self.assertIn(self.call("last").code, (0, 1, 3))
                self.assertEqual(self.tool("run", "0"), self.tool("run", "0"))
        os.unlink(name)
        self.assertEqual(self.failing, sorted(self.lines("failing", "--list")))
        self.assertIn("streams/1", self.call("last", expect=3).err)
        self.load([("new", "fail")], expect=1)
        self.assertEqual(["new"], self.lines("failing", "--list"))

    def test_index_that_is_damaged(self):
        name = self.path(".testrepository/index.sqlite")
        with open(name, "rb") as f:
            data = f.read()
        for bad in (b"", b"not a database at all, but long enough to be taken for one" * 100, data[:len(data) // 2],
                    data[:100] + bytes(len(data) - 100)):
            with self.subTest(bad=bad[:20], size=len(bad)):
                with open(name, "wb") as f:
                    f.write(bad)
                for command in (("failing", "--list"), ("last",)):
                    done = self.call(*command)
                    self.assertIn(done.code, (0, 1, 3), done)
                    if done.code == 3:
                        self.assertIn("testr repository rebuild", done.err)
                    elif command[0] == "failing":
                        self.assertEqual(self.failing, sorted(done.out.split()))
        with open(name, "wb") as f:
            f.write(data)
        self.assertEqual(self.failing, sorted(self.lines("failing", "--list")))

    def test_newer_versions(self):
        db = sqlite3.connect(self.path(".testrepository/index.sqlite"))
        version = db.execute("PRAGMA user_version").fetchone()[0]
        db.execute("PRAGMA user_version = 99")
        db.commit()
        for command in ("last", "load"):
            done = self.call(command, input=b"")
            self.assertEqual((3, ""), (done.code, done.out))
            self.assertIn("newer testr", done.err)
        db.execute("PRAGMA user_version = %d" % version)
        db.commit()
        db.close()
        self.assertEqual(self.failing, sorted(self.lines("failing", "--list")))
        self.write(".testrepository/format", "3\n")
        done = self.call("last")
        self.assertEqual((3, ""), (done.code, done.out))
        self.assertIn("3", done.err)

    def test_several_at_once(self):
        writers = [self.start("load", "--partial", stdin=subprocess.PIPE) for _ in range(4)]
        for k, writer in enumerate(writers):
            writer.stdin.write(stream([("w%d.t%d" % (k, i), "fail") for i in range(20)]))
            writer.stdin.flush()
        self.wait_for(lambda: list(self.states().values()).count("running") == 4)
        # One of them dies; the others go on.
        os.kill(writers[0].pid, signal.SIGKILL)
        self.finish(writers[0])
        for writer in writers[1:]:
            self.assertEqual(1, self.finish(writer).code)
        self.assertEqual(["finished"] * 5 + ["interrupted"], sorted(self.states().values()))
        expected = set(self.failing) | {"w%d.t%d" % (k, i) for k in range(4) for i in range(20)}
        self.assertEqual(expected, self.stored_failing())


def in_namespace():
    """This program in a mount namespace of its own, as its root."""
    unshare = ["unshare", "--mount"] + ([] if os.getuid() == 0 else ["--user", "--map-root-user"])
    os.environ["FAULT_NAMESPACE"] = "1"
    os.execvp("unshare", [*unshare, sys.executable, *sys.argv])


if __name__ == "__main__":
    if "FAULT_NAMESPACE" not in os.environ:
        in_namespace()
    tap.main()
