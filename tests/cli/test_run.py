#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a run does when things go wrong: nothing is lost, nothing survives, and the exit status says it."""
import os
import random
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import project  # noqa: E402
import tap  # noqa: E402
from project import LONG, PATIENCE, ProjectTest, TESTR  # noqa: E402


class Outcomes(ProjectTest):
    def test_each_outcome(self):
        self.project("pass.a fail.b skip.c xfail.d")
        run = self.call("run", expect=1)
        self.assertIn("FAIL: fail.b\ntags: worker-0\n", run.out)
        self.assertIn("FAILED (id=0, failures=1, skips=1)\n", run.out)
        self.assertEqual({"pass.a": "success", "fail.b": "fail", "skip.c": "skip", "xfail.d": "xfail"}, self.results())
        self.assertEqual(["fail.b"], self.lines("failing", "--list", expect=1))

    def test_unexpected_success_fails_unless_told_otherwise(self):
        self.project("pass.a uxsuccess.b")
        self.assertIn("UNEXPECTED SUCCESS: uxsuccess.b", self.call("run", expect=1).out)
        self.assertEqual(["uxsuccess.b"], self.lines("failing", "--list", expect=1))
        self.configure("pass.a uxsuccess.b", "unexpected_success=pass\n")
        self.call("run", expect=0)
        self.call("last", expect=0)
        self.assertEqual([], self.lines("failing", "--list", expect=0))

    def test_output_of_tests_costs_nothing(self):
        self.project("pass.a print.b pass.c print.d pass.e")
        self.call("run", "--parallel", expect=0)
        self.assertEqual(5, len(self.results()))

    def test_failing_runs_only_what_fails(self):
        self.project("pass.a fail.b fail.c")
        self.call("run", expect=1)
        self.configure("pass.a pass.b fail.b fail.c")
        run = self.call("run", "--failing", expect=1)
        self.assertIn("Ran 2 ", run.out)
        self.assertEqual(["fail.b", "fail.c"], self.lines("failing", "--list"))

    def test_nothing_failing(self):
        self.project("pass.a")
        self.call("run", expect=0)
        self.assertEqual("No tests are failing.\n", self.call("run", "--failing", expect=0).out)
        self.assertEqual(["runs=1"], self.lines("stats"))


class History(ProjectTest):
    def test_durations_of_centuries(self):
        """More of them than a sum of nanoseconds holds."""
        tests = ["pass.%d" % i for i in range(5)]
        self.project(" ".join(tests + ["pass.new"]))
        lines = ['{"test_id": "%s", "test_status": "%s", "timestamp": "%d-01-01T00:00:01Z"}\n' % (test, status, year)
                 for test in tests for status, year in (("inprogress", 1970), ("success", 2100))]
        stream = subprocess.run([project.SUBUNIT, "json2subunit"], input="".join(lines).encode(), stdout=subprocess.PIPE,
                                check=True).stdout
        server = "test_server_command=/usr/bin/python3 %s/server.py good %s\n" % (project.HERE, " ".join(tests))
        for extra in ("", server):
            self.call("load", input=stream, expect=0)
            self.configure(" ".join(tests + ["pass.new"]), extra)
            self.call("run", "--parallel", expect=0)


class EmptySelection(ProjectTest):
    def setUp(self):
        super().setUp()
        self.project("pass.a fail.b")
        self.call("run", expect=1)
        self.write("empty", "\n")

    def check(self, *args):
        run = self.call("run", *args, expect=4)
        self.assertEqual("", run.out.replace(run.out[:run.out.find("\n") + 1], "") if "running=" in run.out else run.out)
        self.assertEqual(1, len(run.err.splitlines()), run)
        self.assertIn("no tests were selected", run.err)
        self.assertEqual(["runs=1"], self.lines("stats"))
        self.assertEqual(["fail.b"], self.lines("failing", "--list"))

    def test_filter(self):
        self.check("nothing.has.this.name")

    def test_load_list(self):
        self.check("--load-list", "empty")

    def test_failing_and_filter(self):
        self.check("--failing", "pass")

    def test_way_back(self):
        run = self.call("run", "--no-tests=pass", "nothing.has.this.name", expect=0)
        self.assertIn("PASSED (id=1)", run.out)
        self.assertEqual(["fail.b"], self.lines("failing", "--list"))


class Deaths(ProjectTest):
    def check_crash(self, kind, words):
        self.project("pass.a pass.b %s.c pass.d fail.e pass.f" % kind)
        for args in (["run"], ["run", "--parallel", "--concurrency=2"], ["run", "--isolated"], ["run", "."]):
            run = self.call(*args, expect=1)
            self.assertIn(words, run.out)
            self.assertEqual({"pass.a": "success", "pass.b": "success", kind + ".c": "fail", "pass.d": "success",
                              "fail.e": "fail", "pass.f": "success"}, self.results(), (args, run))
            self.assertEqual([kind + ".c", "fail.e"], sorted(self.lines("failing", "--list")))

    def test_killed(self):
        self.check_crash("crash", "signal 9")

    def test_exit_0(self):
        self.check_crash("exit0", "exit status 0 while this test was running")

    def test_exit_3(self):
        self.check_crash("exit3", "exit status 3 while this test was running")

    def test_last_output_is_kept(self):
        self.project("crash.a")
        self.assertIn("about to crash", self.call("run", expect=1).out)
        self.assertIn("about to crash", self.call("last", expect=1).out)

    def test_death_outside_any_test(self):
        self.project("pass.a", "")
        self.write(".testr.conf", self.read(".testr.conf").replace("$IDOPTION pass.a", "$IDOPTION pass.a; exit 9"))
        run = self.call("run", expect=1)
        self.assertIn("exit status 9 while no test was running", run.err)
        self.assertIn("FAILED (id=0, errors=1)", run.out)
        self.assertEqual([], self.lines("failing", "--list", expect=0))
        last = self.call("last", expect=1)
        self.assertIn("exit status 9 while no test was running", last.err)
        self.call("run", "--subunit", expect=1)

    def test_missing_command(self):
        self.write(".testr.conf", "[DEFAULT]\ntest_command=/no/such/command $IDFILE\n")
        self.call("init")
        run = self.call("run", expect=1)
        self.assertIn("exit status 127", run.err)

    def test_lost_tests(self):
        self.project("pass.a forget.b pass.c forget.d")
        run = self.call("run", "--parallel", expect=6)
        self.assertIn("lost: forget.b", run.err)
        self.assertIn("lost: forget.d", run.err)
        self.assertIn("FAILED (id=0, lost=2)", run.out)
        self.assertEqual(2, len(self.results()))
        last = self.call("last", expect=6)
        self.assertIn("FAILED (id=0, lost=2)", last.out)
        self.assertIn("lost: forget.b", last.err)

    def test_announced_and_forgotten(self):
        """Without a list of its own testr holds the process to what it announced."""
        self.write("run.sh", "/usr/bin/python3 %s/suite.py --list pass.a pass.b\n"
                             "/usr/bin/python3 %s/suite.py pass.a\n" % (project.HERE, project.HERE))
        self.write(".testr.conf", "[DEFAULT]\ntest_command=sh run.sh\n")
        self.call("init")
        run = self.call("run", expect=6)
        self.assertIn("lost: pass.b", run.err)

    def test_skipped_class_is_a_reason(self):
        self.project("pass.a setup.b setup.c pass.d")
        run = self.call("run", "--parallel", "--concurrency=1", expect=0)
        self.assertIn("skips=1", run.out)

    def test_grandchild_that_keeps_the_pipe(self):
        self.project("pass.a orphan.b pass.c")
        before = time.monotonic()
        run = self.call("run", expect=0)
        self.assertLess(time.monotonic() - before, 30)
        self.assertIn("left 1 process behind, now killed: sleep 60", run.err)

    def check_silent(self, kind):
        """A program that does not announce its tests: after its death the project is asked what the others are."""
        self.env["SILENT"] = "1"
        self.project("pass.a %s.b pass.c" % kind)
        self.call("run", expect=1)
        self.assertEqual({"pass.a": "success", kind + ".b": "fail", "pass.c": "success"}, self.results())

    def test_silent_killed(self):
        self.check_silent("crash")

    def test_silent_exit_0(self):
        self.check_silent("exit0")

    def kill_worker(self, word):
        """Kills the test process, a Python of which `word` is an argument, once it is there."""
        def found():
            return [p for p in self.processes(["suite.py", word]) if self.is_test_process(p)]
        os.kill(self.wait_for(found)[0], signal.SIGKILL)

    @staticmethod
    def is_test_process(pid):
        try:
            with open("/proc/%d/cmdline" % pid) as f:
                arguments = f.read().split("\0")
        except (FileNotFoundError, ProcessLookupError):
            return False
        return arguments[0] == "/usr/bin/python3" and "--list" not in arguments

    def test_kill_of_a_worker(self):
        """The process is killed from outside while it waits in a test."""
        self.project("pass.a wait.b pass.c")
        process = self.start("run", "--parallel", "--concurrency=1")
        self.wait_for(lambda: self.stored(b"wait.b"))
        self.kill_worker("wait.b")
        run = self.finish(process)
        self.assertEqual(1, run.code, run)
        self.assertEqual({"pass.a": "success", "wait.b": "fail", "pass.c": "success"}, self.results())

    def test_killed_before_any_test(self):
        """Once is an accident."""
        self.project("pass.a pass.b")
        self.write(".testr.conf", self.read(".testr.conf").replace(
            "test_command=", "test_command=[ -z '$LISTOPT' -a ! -e ONCE ] && touch ONCE && kill -9 $$; "))
        run = self.call("run", "--parallel", "--concurrency=1", expect=1)
        self.assertIn("signal 9 (Killed) while no test was running", run.err)
        self.assertEqual({"pass.a": "success", "pass.b": "success"}, self.results())


class Nothing(ProjectTest):
    """A command that says nothing of any test is no proof that all is well."""

    def setUp(self):
        super().setUp()
        self.project("fail.a")
        self.call("run", expect=1)
        self.write(".testr.conf", "[DEFAULT]\ntest_command=echo all is well\n")

    def test_nothing_reported(self):
        run = self.call("run", expect=0)
        self.assertIn("PASSED (id=1)", run.out)
        self.assertIn("reported no test", run.err)
        self.assertEqual(["fail.a"], self.lines("failing", "--list"))

    def test_nothing_loaded(self):
        self.call("load", input=b"", expect=0)
        self.assertEqual(["fail.a"], self.lines("failing", "--list"))


class Formats(ProjectTest):
    def test_format_1(self):
        self.configure("pass.a fail.b")
        self.call("init", "--format=1", expect=0)
        self.assertEqual("1\n", self.read(".testrepository/format"))
        self.call("run", expect=1)
        python = subprocess.run(["/usr/bin/testr", "failing", "--list"], cwd=self.dir, stdout=subprocess.PIPE)
        self.assertEqual(b"fail.b\n", python.stdout)

    def test_no_such_format(self):
        self.assertIn("there is no format 3", self.call("init", "--format=3", expect=2).err)
        self.assertFalse(os.path.exists(self.path(".testrepository")))


class OldRuns(ProjectTest):
    def test_run_by_number(self):
        self.project("pass.a")
        self.call("run", expect=0)
        self.configure("pass.a fail.b")
        self.call("run", expect=1)
        for args, run in ((["last"], 1), (["last", "-1"], 1), (["last", "-2"], 0), (["last", "-r", "-2"], 0),
                          (["last", "-r", "0"], 0), (["-r", "0", "last"], 0), (["last", "-2", "-q"], None)):
            result = self.call(*args, expect=run or 0)
            self.assertIn("(id=%d" % run if run is not None else "", result.out)
        self.assertEqual(["pass.a"], self.lines("last", "-2", "--list"))
        self.assertIn("there is no run -3", self.call("last", "-3", expect=3).err)
        self.assertEqual("No such run.\n", self.call("last", "-r", "7", expect=3).err)


class OurDeath(ProjectTest):
    def begin(self, *args):
        """Starts a run that passes one test and then hangs in another."""
        self.project("pass.a hang.b pass.c")
        process = self.start("run", *args, start_new_session=True)
        self.wait_for(lambda: self.stored(b"hang.b"))
        return process

    def nothing_survives(self):
        self.wait_for(lambda: not self.processes(["hang.b"]))

    def test_kill_9(self):
        process = self.begin()
        process.kill()
        self.finish(process)
        self.nothing_survives()
        last = self.call("last")
        self.assertIn("INTERRUPTED (id=0", last.out)
        self.assertEqual("success", self.results().get("pass.a"))
        self.assertEqual([], self.lines("failing", "--list", expect=0))
        self.configure("pass.a pass.c")
        self.assertIn("PASSED (id=1)", self.call("run", expect=0).out)

    def test_kill_9_at_any_moment(self):
        self.project(" ".join(["pass.%d" % i for i in range(100)] + ["fail.x"]))
        moments = random.Random(5)
        seen = 0
        for _ in range(200 if LONG else 20):
            process = self.start("run", "--parallel", "--concurrency=3")
            try:
                process.wait(timeout=moments.random() * 0.3)
            except subprocess.TimeoutExpired:
                process.kill()
            self.finish(process)
            self.wait_for(lambda: not self.processes(["suite.py"]))
            stored = int(self.lines("stats")[0].split("=")[1])
            self.assertIn(stored - seen, (0, 1))
            if stored > seen:
                self.assertIn("(id=%d" % (stored - 1), self.call("last").out)
            seen = stored
        self.assertIn("Ran 101", self.call("run", "--parallel", expect=1).out)
        self.assertEqual(["fail.x"], self.lines("failing", "--list"))

    def test_what_a_dead_writer_left(self):
        """Its first packets alone are nothing; a stream with results is never touched."""
        self.project("pass.a")
        self.call("run", expect=0)
        streams = self.path(".testrepository/streams")
        with open(os.path.join(streams, "0"), "rb") as f:
            whole = f.read()
        begin = whole[:whole.index(b"\xb3", 1)]
        for orphan, taken in ((begin, True), (begin[:-3], True), (whole, False)):
            number = len(os.listdir(streams))
            with open(os.path.join(streams, str(number)), "wb") as f:
                f.write(orphan)
            self.assertIn("(id=%d" % (number if taken else number + 1), self.call("run", expect=0).out)
        with open(os.path.join(streams, str(number)), "rb") as f:
            self.assertEqual(whole, f.read())

    def check_signal(self, number):
        process = self.begin("--parallel", "--concurrency=1")
        process.send_signal(number)
        run = self.finish(process)
        self.assertEqual(128 + number, run.code, run)
        self.assertIn("INTERRUPTED (id=0", run.out)
        self.assertIn("`testr last` shows it", run.err)
        self.nothing_survives()
        self.assertEqual("success", self.results().get("pass.a"))
        self.assertEqual([], self.lines("failing", "--list", expect=0))
        last = self.call("last", expect=128 + number)
        self.assertIn("Ran 1 tests", last.out)
        self.assertIn("INTERRUPTED (id=0)", last.out)

    def test_interrupt(self):
        self.check_signal(signal.SIGINT)

    def test_terminate(self):
        self.check_signal(signal.SIGTERM)

    def test_second_signal_kills(self):
        """A test process that ignores the first signal does not survive the second."""
        self.project("hang.b", "")
        self.write(".testr.conf", self.read(".testr.conf").replace("test_command=", "test_command=trap '' INT; echo ready >&2; "))
        process = self.start("run")
        self.assertEqual(b"ready\n", process.stderr.readline())
        before = time.monotonic()

        def ended():
            process.send_signal(signal.SIGINT)
            return process.poll() is not None
        self.wait_for(ended)
        self.assertEqual(130, self.finish(process).code)
        self.assertLess(time.monotonic() - before, 5, "it did not wait for the grace period")
        self.nothing_survives()

    def test_interrupted_run_keeps_the_failing_list(self):
        self.project("fail.a fail.z")
        self.call("run", expect=1)
        self.configure("pass.a hang.b fail.z")
        process = self.start("run", "--parallel", "--concurrency=1")
        self.wait_for(lambda: self.stored(b"pass.a"))
        process.send_signal(signal.SIGINT)
        self.finish(process)
        self.assertEqual(["fail.a", "fail.z"], self.lines("failing", "--list"))


class Several(ProjectTest):
    def test_twenty_at_once(self):
        self.project("pass.a fail.b pass.c")
        processes = [self.start("run") for _ in range(20)]
        for process in processes:
            self.assertEqual(1, self.finish(process).code)
        self.assertEqual(["runs=20"], self.lines("stats"))
        for run in range(20):
            self.assertEqual({"pass.a": "success", "fail.b": "fail", "pass.c": "success"}, self.results(str(run)))
        self.assertEqual(["fail.b"], self.lines("failing", "--list"))


class Output(ProjectTest):
    def full(self, *args):
        with open("/dev/full", "w") as f:
            run = self.finish(self.start(*args, stdout=f))
        self.assertNotEqual(0, run.code, run)
        self.assertIn("cannot write to standard output", run.err)
        return run

    def test_full_disk(self):
        self.project("pass.a pass.b")
        self.full("run")
        self.assertEqual(2, len(self.results()))
        self.full("last")
        self.full("run", "--subunit")
        self.full("list-tests")
        self.full("stats")

    def test_reader_goes_away(self):
        self.project(" ".join("fail.%d" % i for i in range(3000)))
        self.call("run", expect=1)
        pipe = subprocess.run("%s last | head -1" % TESTR, shell=True, cwd=self.dir, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=self.env, timeout=PATIENCE)
        self.assertEqual(b"=" * 70 + b"\n", pipe.stdout)
        self.assertEqual(b"", pipe.stderr)

    def test_closed(self):
        """A closed standard output is not mistaken for a file of ours."""
        self.project("pass.a fail.b")
        run = self.call("run", expect=1)
        closed = subprocess.run("%s last >&-" % TESTR, shell=True, cwd=self.dir, stderr=subprocess.PIPE, env=self.env)
        self.assertEqual(1, closed.returncode)
        self.assertIn(b"cannot write to standard output", closed.stderr)
        self.assertEqual(3, subprocess.run("%s stats <&- >&- 2>&-" % TESTR, shell=True, cwd=self.dir, env=self.env).returncode)
        self.assertEqual([line for line in run.out.splitlines()[1:] if not line.startswith("Ran ")],
                         [line for line in self.lines("last") if not line.startswith("Ran ")])

    def test_quiet_when_piped(self):
        """No live line, no escape codes."""
        self.project("pass.a fail.b")
        run = self.call("run", "--parallel")
        self.assertNotIn("\x1b", run.out + run.err)


class ByHand(ProjectTest):
    """The way a person hunts a flaky test."""

    def test_until_failure(self):
        self.project("pass.a flaky.b pass.c other.d")
        run = self.call("run", "--parallel", "--concurrency=1", "--until-failure", "pass|flaky", expect=1)
        self.assertEqual(10, run.out.count("(id="))
        self.assertIn("FAIL: flaky.b", run.out)
        self.assertIn("one time in ten", run.out)
        tests = self.lines("last", "--worker", "0", "--list", expect=0)
        self.assertEqual(["flaky.b", "pass.a", "pass.c"], sorted(tests))
        self.write("list", "\n".join(tests[:2]) + "\n")
        run = self.call("run", "--load-list", "list", expect=0)
        self.assertIn("Ran 2 ", run.out)
        self.assertEqual(tests[:2], self.lines("last", "--list"))

    def test_until_failure_with_subunit_ends(self):
        self.project("flaky.b")
        self.call("run", "--until-failure", "--subunit", expect=1)
        self.assertEqual(["runs=10"], self.lines("stats"))

    def test_analyze_isolation(self):
        self.project("pass.a polluter.b pass.c victim.d pass.e fail.f")
        self.call("run", expect=1)
        failing = self.lines("failing", "--list")
        run = self.call("run", "--analyze-isolation", "--parallel", expect=3)
        self.assertIn("failing test  caused by test\n------------  --------------\nvictim.d      polluter.b\n", run.out)
        self.assertEqual(failing, self.lines("failing", "--list"))
        self.assertEqual(["runs=1"], self.lines("stats"))


class Help(ProjectTest):
    def test_fits_a_terminal(self):
        for name in [line.split()[0] for line in self.lines("commands")[2:]]:
            for line in self.lines(name, "--help", expect=0) + self.lines("help", name, expect=0):
                self.assertLessEqual(len(line), 82, (name, line))
        for line in self.lines("quickstart") + self.lines():
            self.assertLessEqual(len(line), 82, line)


class BadInput(ProjectTest):
    """One line that says what, where and what to do; nothing stored is touched."""

    def check(self, code, words, *args, lines=1):
        result = self.call(*args, expect=code)
        self.assertEqual(lines, len(result.err.splitlines()), result)
        for word in words:
            self.assertIn(word, result.err)
        return result

    def test_no_repository(self):
        self.configure("pass.a")
        self.check(3, ["No repository found in", self.dir, "testr init"], "run")
        self.check(3, ["No repository found in"], "last")

    def test_no_configuration(self):
        self.call("init", expect=0)
        self.check(3, ["No .testr.conf config file"], "run")

    def test_repository_from_the_future(self):
        self.project("pass.a")
        self.call("run", expect=0)
        self.write(".testrepository/format", "9\n")
        for command in ("run", "last", "stats"):
            self.check(3, ["9", ".testrepository"], command)
        self.write(".testrepository/format", "2\n")
        self.assertEqual(["runs=1"], self.lines("stats"))

    def test_unreadable_load_list(self):
        self.project("pass.a")
        self.check(3, ["missing-list", "No such file or directory"], "run", "--load-list", "missing-list")
        self.check(3, ["directory"], "run", "--load-list", ".")
        self.assertEqual(["runs=0"], self.lines("stats"))

    def test_listing_fails(self):
        self.project("pass.a")
        self.write(".testr.conf", self.read(".testr.conf").replace("--list\n", "--list; echo what it says; exit 5\n"))
        result = self.check(8, ["Non-zero exit code (5) from test listing."], "run", "--parallel")
        self.assertIn("what it says", result.out)
        self.assertEqual(["runs=0"], self.lines("stats"))

    def test_listing_is_empty(self):
        self.project("")
        self.check(8, ["named no test"], "run", "--parallel")

    def test_options(self):
        self.project("pass.a")
        self.check(2, ["no such option: --nope"], "run", "--nope", lines=len(
            self.call("run", "--nope").err.splitlines()))
        self.check(1, ["there is no command 'nope'"], "nope")
        self.check(3, ["(", "missing"], "run", "(")
        self.assertEqual(["runs=0"], self.lines("stats"))

    def test_command_too_long(self):
        tests = ["pass." + "x" * 200 + str(i) for i in range(1000)]
        self.write("all", "\n".join(tests) + "\n")
        self.write(".testr.conf", "[DEFAULT]\ntest_command=true $LISTOPT $IDLIST\ntest_list_option=-l\n")
        self.call("init")
        self.check(3, ["$IDFILE has room"], "run", "--load-list", "all")

    def test_load_of_something_else(self):
        self.project("pass.a")
        for text in (b"no subunit at all\n", b"x" * 3000000):
            self.assertIn("no subunit event", self.call("load", input=text, expect=3).err)
            self.assertEqual(["runs=0"], self.lines("stats"))
        self.call("load", input=b"", expect=0)


class Terminal(ProjectTest):
    def test_live_line(self):
        self.project(" ".join("pass.%d" % i for i in range(50)))
        self.env["TERM"] = "xterm"
        code = subprocess.run(["script", "-qec", "%s run --parallel" % TESTR, "typescript"], cwd=self.dir, env=self.env,
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=PATIENCE).returncode
        self.assertEqual(0, code)
        with open(self.path("typescript"), errors="replace") as f:
            screen = f.read()
        self.assertIn("/50 tests", screen)
        self.assertIn("\x1b[K", screen)
        self.assertIn("\x1b[32mPASSED\x1b[m (id=0)", screen)

    def test_no_colour(self):
        self.project("fail.a")
        self.env.update(TERM="xterm", NO_COLOR="1")
        subprocess.run(["script", "-qec", "%s run" % TESTR, "typescript"], cwd=self.dir, env=self.env,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=PATIENCE)
        with open(self.path("typescript"), errors="replace") as f:
            screen = f.read()
        self.assertIn("FAIL: fail.a", screen)
        self.assertNotIn("\x1b[3", screen)


if __name__ == "__main__":
    tap.main()
