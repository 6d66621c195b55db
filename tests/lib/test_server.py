#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Test servers in C and C++, built against what `meson install` installs: as they talk to a client that is not ours, and under testr."""
import os
import shutil
import signal
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
for name in ("", "cli", "python"):
    sys.path.insert(0, os.path.join(HERE, "..", name))
import driver  # noqa: E402
import project  # noqa: E402
import tap  # noqa: E402
import test_package  # noqa: E402
from test_package import CXX_COMPILERS, C_COMPILERS, EXAMPLES  # noqa: E402

CONFIG = """[DEFAULT]
test_command=%(program)s $LISTOPT $IDOPTION
test_list_option=--list
test_id_option=--load-list $IDFILE
"""
SERVER = "test_server_command=exec %(program)s --server\n"
MANY = ["many.%04d" % i for i in range(5000)]


def many(test):
    return "success" if int(test[-1]) else "fail"


class ServerTest(test_package.Installed):
    """A program that is built once for all tests."""

    source = flags = libs = None

    @classmethod
    def setUpClass(cls):
        if not cls.source:
            return
        super().setUpClass()
        self = cls("runTest")
        compiler = (CXX_COMPILERS if cls.source.endswith("pp") else C_COMPILERS)[0]
        cls.program = self.build(compiler, cls.source, *cls.flags, libs=[*self.pkg_config("--libs"), *cls.libs])

    def runTest(self):
        """Gives setUpClass an object."""

    def server(self, *arguments, **more):
        server = driver.Server([self.program, *arguments], self.root, LD_LIBRARY_PATH=self.libdir, **more)
        self.addCleanup(server.release)
        return server

    def once(self, *arguments, **more):
        return driver.run_once([self.program, *arguments], self.root, LD_LIBRARY_PATH=self.libdir, **more)

    def run_testr(self, *arguments, server=True, expect=None, extra=""):
        """(outcomes of the latest run, what testr said)"""
        place = project.ProjectTest()
        place.setUp()
        self.addCleanup(place.doCleanups)
        place.env["LD_LIBRARY_PATH"] = self.libdir
        text = CONFIG + (SERVER if server else "")
        place.write(".testr.conf", text % {"program": self.program} + extra)
        place.call("init", expect=0)
        run = place.call("run", *arguments, expect=expect)
        return place.results(), run


class Many(ServerTest):
    source = os.path.join(HERE, "many.c")
    flags = ["-std=gnu17"]
    libs = []

    def test_thousands_of_tests_under_testr(self):
        for arguments in ([], ["--parallel", "--concurrency=3"]):
            for server in (True, False):
                with self.subTest(arguments=arguments, server=server):
                    results, run = self.run_testr("many", *arguments, server=server, expect=1)
                    self.assertEqual({test: many(test) for test in MANY}, results)
                    self.assertNotIn("errors=", run.out)

    def test_deaths_under_testr(self):
        """Each costs the test that it happens in."""
        results, run = self.run_testr("many.00|crash|exit|print", expect=1)
        self.assertEqual(dict({test: many(test) for test in MANY[:100]}, crash="fail", exit="fail", print="success"), results)
        self.assertIn("while this test was running", run.out)

    def test_conversation(self):
        for channel in ("socket", "stdio"):
            with self.subTest(channel):
                server = self.server("--server", channel=channel)
                listed = server.list()
                self.assertEqual(MANY, listed[:5000])
                self.assertIn("bad \ufffd name", listed)
                tests = ["many.0007", "nothing", "many.0000", "many.0007", "print", "fork", "none"]
                events = server.run(tests)
                self.assertEqual(list(zip(tests, ["success", "fail", "fail", "success", "success", "success", "fail"])), events.outcomes)
                self.assertEqual("child\nprinted\n", events.one("print").text("stdout"))
                self.assertEqual(["stdout"], list(events.one("fork").files))
                self.assertIn("no test with this id", events.one("nothing").text("reason"))
                self.assertIn("without an outcome", events.one("none").text("reason"))
                self.assertEqual([], server.run([]).tests)
                self.assertEqual((0, b""), server.end())

    def test_long_attachment(self):
        self.assertEqual(9 << 20, len(self.server("--server").run(["big"]).one("big").files["big"]))

    def test_version_1(self):
        server = self.server("--server", hello=(1, 1))
        server.ask("Ping")
        server.send("Nonsense")
        events = server.run(["many.0001"], profile=7, attempt="x", env=[])
        self.assertEqual([("many.0001", "success")], events.outcomes)
        self.assertEqual([], server.pongs)
        self.assertEqual((0, b""), server.end())

    def test_no_common_version(self):
        server = self.server("--server", hello=None)
        server.send("Hello", min=3, max=9)
        self.assertEqual({"min": 1, "max": 2}, server.message("Hello"))
        self.assertEqual(0, server.wait()[0])

    def test_version_2_says_more(self):
        server = self.server("--server", VALUE="before")
        events = server.run(["env", "attempt"], env={"VALUE": "during"}, profile=["c17", "debug"], attempt=3)
        self.assertEqual("during", events.one("env").text("value"))
        self.assertEqual({"c17", "debug"}, events.one("env").tags)
        self.assertEqual("3", events.one("attempt").text("attempt"))
        events = server.run(["env", "attempt"])
        self.assertEqual("before", events.one("env").text("value"))
        self.assertEqual(set(), events.one("env").tags)
        self.assertEqual("1", events.one("attempt").text("attempt"))

    def waiting(self):
        """A server in a test that goes on when the file is closed, with two more before it and after."""
        fifo = os.path.join(self.root, "fifo")
        if not os.path.exists(fifo):
            os.mkfifo(fifo)
        server = self.server("--server", TESTR_FIFO=fifo)
        nonce = server.ask("Run", tests=["many.0001", "wait", "many.0002", "nothing", "many.0003"])
        server.events = driver.Events()
        server.wait_status("wait", "inprogress")
        return server, nonce, open(fifo, "w")

    def test_cancel_and_ping(self):
        server, nonce, gate = self.waiting()
        later = server.ask("Run", tests=["many.0005"])
        server.send("Ping", nonce=1000)
        server.send("Cancel", nonce=nonce)
        server.send("Cancel", nonce=77)
        gate.close()
        self.assertEqual({"nonce": 1000}, server.message("Pong"))
        self.assertEqual({"nonce": nonce, "returned": ["many.0002", "nothing", "many.0003"]}, server.message("Done"))
        self.assertEqual({"nonce": later}, server.message("Done"))
        self.assertEqual((0, b""), server.end())

    def test_goodbye_in_a_test(self):
        server, _, gate = self.waiting()
        server.send("Goodbye")
        gate.close()
        self.assertEqual(0, server.wait()[0])

    def test_once(self):
        status, events = self.once("--list")
        self.assertEqual((0, 5011), (status, len(events.exists)))
        ids = os.path.join(self.root, "ids")
        with open(ids, "w") as f:
            f.write("many.0003\n\n  print\t\nnothing\nmany.0000\nmany.0003")
        for argument in (["--load-list", ids], ["--load-list=" + ids]):
            status, events = self.once(*argument)
            self.assertEqual(0, status)
            self.assertEqual({"many.0003": "success", "print": "success", "nothing": "fail", "many.0000": "fail"}, dict(events.outcomes))
            self.assertEqual(2, dict.fromkeys(events.outcomes) and [t.id for t in events.tests].count("many.0003"))
        status, events = self.once("--list", "--load-list", ids)
        self.assertEqual(["many.0003", "print", "many.0000", "many.0003"], events.exists)

    def test_what_ends_the_program_is_told_by_its_status(self):
        ids = os.path.join(self.root, "deadly")
        with open(ids, "w") as f:
            f.write("many.0003\ncrash\nmany.0004\n")
        status, events = self.once("--load-list", ids)
        self.assertEqual(-signal.SIGABRT, status)
        self.assertEqual([("many.0003", "success")], events.outcomes)
        self.assertEqual(["crash"], list(events.running))

    def test_standard_output_that_a_test_closes(self):
        self.assertEqual([("close", "success"), ("many.0001", "success")], self.server("--server").run(["close", "many.0001"]).outcomes)

    def test_usage(self):
        for arguments in (["--nonsense"], ["--load-list"], ["x"]):
            status, events = self.once(*arguments)
            self.assertEqual(2, status)
            self.assertIn("usage:", events.stderr)
        status, events = self.once("--load-list", "/nowhere")
        self.assertEqual(1, status)
        self.assertIn("/nowhere: No such file", events.stderr)
        status, events = self.once("--server", TESTR_RPC_FD="99")
        self.assertEqual(1, status)
        self.assertIn("TESTR_RPC_FD", events.stderr)

    def test_without_arguments_the_channel_makes_it_a_server(self):
        self.assertEqual([("many.0001", "success")], self.server().run(["many.0001"]).outcomes)


class Example(ServerTest):
    source = os.path.join(EXAMPLES, "server.c")
    flags = ["-std=c99"]
    libs = []

    def test_outcomes(self):
        expected = {"hello.sum": "fail", "hello.moon": "skip", "hello.print": "success"}
        for server in (True, False):
            self.assertEqual(expected, self.run_testr(server=server, expect=1)[0])


class Cmocka(ServerTest):
    source = os.path.join(EXAMPLES, "cmocka.c")
    flags = ["-std=c99"]
    libs = ["-lcmocka"]

    def test_outcomes(self):
        expected = {"test_sum": "success", "test_wrong": "fail", "test_moon": "skip"}
        for server in (True, False):
            self.assertEqual(expected, self.run_testr(server=server, expect=1)[0])
        text = self.server("--server").run(["test_wrong"]).one("test_wrong").text("stdout")
        self.assertIn("0x2 != 0x3", text)


GTEST = {"EndDeathTest.Dies": "success", "EndDeathTest.DiesInAProcessOfItsOwn": "success", "Sum.IsRight": "success", "Sum.IsWrong": "fail",
         "Moon.IsFar": "skip", "Moon.DISABLED_IsNear": "skip", "Few/Even.IsEven/0": "success", "Few/Even.IsEven/1": "fail",
         "Few/Even.IsEven/2": "success"}

FIXTURES = """
#include <subunit2/gtest.h>

class Bad : public testing::Test {
public:
    static void SetUpTestSuite() { FAIL() << "no database"; }
};
TEST_F(Bad, A) {}
TEST_F(Bad, B) {}

class Worse : public testing::Test {
public:
    static void TearDownTestSuite() { ADD_FAILURE() << "it leaks"; }
};
TEST_F(Worse, A) {}
TEST_F(Worse, B) {}

class World : public testing::Environment {
    void SetUp() override { if (getenv("NO_WORLD")) FAIL() << "no world"; }
};

TEST(Plain, A) { if (getenv("SLEEP")) getc(fopen(getenv("SLEEP"), "r")); }
TEST(Plain, B) {}
TEST(Plain, Throws) { throw 7; }

int main(int argc, char **argv)
{
    testing::AddGlobalTestEnvironment(new World);
    return subunit2::gtest_main(argc, argv);
}
"""


@unittest.skipUnless(os.path.exists("/usr/include/gtest/gtest.h"), "there is no GoogleTest")
class GoogleTest(ServerTest):
    source = os.path.join(EXAMPLES, "gtest.cpp")
    flags = ["-std=c++14"]
    libs = ["-lgtest", "-pthread"]

    def test_outcomes(self):
        for server in (True, False):
            self.assertEqual(GTEST, self.run_testr(server=server, expect=1)[0])

    def test_any_order(self):
        server = self.server("--server")
        self.assertEqual(set(GTEST), set(server.list()))
        for order in (list(GTEST), list(GTEST)[::-1], ["Sum.IsWrong", "Sum.IsWrong", "Few/Even.IsEven/1", "nothing.A", "Sum.IsRight"]):
            expected = [(test, GTEST.get(test, "fail")) for test in order]
            self.assertEqual(expected, server.run(order).outcomes)
        failed = server.run(["Sum.IsWrong"]).one("Sum.IsWrong")
        self.assertIn("as it has to", failed.text("traceback"))
        self.assertEqual("about to fail\n", failed.text("stdout"))
        self.assertEqual((0, b""), server.end())


@unittest.skipUnless(os.path.exists("/usr/include/gtest/gtest.h"), "there is no GoogleTest")
class GoogleTestFixtures(ServerTest):
    flags = ["-std=c++14"]
    libs = ["-lgtest", "-pthread"]

    @classmethod
    def setUpClass(cls):
        cls.source = os.path.join(project.tempfile.mkdtemp(prefix="gtest."), "fixtures.cpp")
        cls.addClassCleanup(shutil.rmtree, os.path.dirname(cls.source))
        with open(cls.source, "w", encoding="utf-8") as f:
            f.write(FIXTURES)
        super().setUpClass()

    def test_failed_fixtures_fail_tests(self):
        events = self.server("--server").run(["Bad.A", "Bad.B", "Worse.A", "Worse.B", "Plain.A", "Plain.Throws"])
        self.assertEqual([("Bad.A", "fail"), ("Bad.B", "fail"), ("Worse.A", "success"), ("Worse.B", "fail"), ("Plain.A", "success"),
                          ("Plain.Throws", "fail")], events.outcomes)
        self.assertIn("no database", events.one("Bad.B").text("traceback"))
        self.assertIn("it leaks", events.one("Worse.B").text("traceback"))

    def test_failed_environment_fails_all(self):
        events = self.server("--server", NO_WORLD="1").run(["Plain.A", "Plain.B"])
        self.assertEqual([("Plain.A", "fail"), ("Plain.B", "fail")], events.outcomes)
        self.assertIn("no world", events.one("Plain.B").text("traceback"))

    def test_cancel(self):
        fifo = os.path.join(self.root, "fifo")
        os.mkfifo(fifo)
        server = self.server("--server", SLEEP=fifo)
        nonce = server.ask("Run", tests=["Plain.A", "Plain.B", "Plain.Throws"])
        server.events = driver.Events()
        server.wait_status("Plain.A", "inprogress")
        gate = open(fifo, "w")
        server.send("Cancel", nonce=nonce)
        gate.close()
        self.assertEqual({"nonce": nonce, "returned": ["Plain.B", "Plain.Throws"]}, server.message("Done"))
        self.assertEqual((0, b""), server.end())


if __name__ == "__main__":
    tap.main()
