# SPDX-License-Identifier: Apache-2.0
"""What holds of every test server: a mixin for test classes that say how theirs is started."""
import os
import random
import shutil
import signal
import tempfile

import driver


class Laws:
    """`command` starts a server in `files`, a suite; `ids` gives the id of a test by its name in test_waits.py."""

    command = None
    files = None

    @classmethod
    def setUpClass(cls):
        import suites
        cls.top = tempfile.mkdtemp(prefix="testr-python-")
        cls.directory = os.path.join(cls.top, "suite")
        suites.write(cls.directory, cls.files)
        cls.fifo = os.path.join(cls.top, "fifo")
        os.mkfifo(cls.fifo)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.top)

    def server(self, **options):
        server = driver.Server(self.command, self.cwd(), TESTR_FIFO=self.fifo, **options)
        self.addCleanup(server.release)
        return server

    def cwd(self):
        return self.directory

    def waiting(self, server, tests=("a", "b", "c")):
        """Asks for these tests, and returns (nonce, how to let the first go on) when the first one runs."""
        nonce = server.ask("Run", tests=[self.waits(t) for t in tests])
        server.events = driver.Events()
        server.wait_status(self.waits("a"), "inprogress")
        return nonce, open(self.fifo, "w")

    def test_versions(self):
        server = self.server(hello=(1, 1))
        self.assertIn(self.waits("b"), server.list())
        # What version 1 does not have is a fault, and changes nothing; a field is ignored.
        server.ask("Ping")
        server.send("Nonsense")
        events = server.run([self.waits("b")], profile=7, attempt="x", env=[])
        self.assertEqual([(self.waits("b"), "success")], events.outcomes)
        self.assertEqual([], server.pongs)
        self.assertEqual(2, server.errors().count("version 1 has no"))
        self.assertEqual((0, b""), server.end())

    def test_no_common_version(self):
        server = self.server(hello=None)
        server.send("Hello", min=3, max=9)
        self.assertEqual({"min": 1, "max": 2}, server.message("Hello"))
        self.assertEqual(0, server.wait()[0])

    def test_faults_change_nothing(self):
        server = self.server(hello=None)
        server.send("List", nonce=1)
        server.send("Hello", min=1, max=7)
        server.message("Hello")
        bad = [b"", b"{}", b"[]", b'{"Hello":{"min":1,"max":2}}', b'{"Run":{}}', b'{"Run":{"nonce":0}}', b'{"Run":{"nonce":1.5}}',
               b'{"Run":{"nonce":1,"tests":null}}', b'{"Run":{"nonce":1,"tests":[1]}}', b'{"Run":{"nonce":1,"env":{"a=b":"c"}}}',
               b'{"Run":{"nonce":1,"attempt":true}}', b'{"Done":{"nonce":1}}', b'{"Ping":{}}', b'{"Cancel":{"nonce":"x"}}', b"\xff"]
        for text in bad:
            server.send_text(text)
        server.send("Later", any="thing")  # unknown, but not a fault in version 2
        server.send_bytes(b"noise \xb3\n")
        server.send_text(b'{"Run":{"nonce":9,"tests":["' + self.waits("b").encode() + b'"],"more":1}}', pieces=7)
        self.assertEqual([(self.waits("b"), "success")], server.answer(9).outcomes)
        self.assertEqual(len(bad) + 1, server.errors().count("breaks a rule"), server.errors())
        self.assertEqual((0, b""), server.end())

    def test_ping_while_a_test_runs(self):
        server = self.server()
        nonce, gate = self.waiting(server)
        server.send("Ping", nonce=1000)
        self.assertEqual({"nonce": 1000}, server.message("Pong"))
        gate.close()
        events = server.answer(nonce)
        self.assertEqual([(self.waits(t), "success") for t in "abc"], events.outcomes)
        self.assertEqual((0, b""), server.end())

    def test_nonces(self):
        server = self.server()
        nonce, gate = self.waiting(server)
        server.send("Run", nonce=nonce, tests=[])
        server.send("Ping", nonce=nonce)
        server.send("Ping", nonce=nonce + 1)
        self.assertEqual({"nonce": nonce + 1}, server.message("Pong"))
        self.assertEqual(2, server.errors().count("open request"))
        gate.close()
        server.answer(nonce)
        # It is free again.
        server.send("Run", nonce=nonce, tests=[])
        self.assertEqual([], server.answer(nonce).tests)
        self.assertEqual((0, b""), server.end())

    def test_too_many_requests(self):
        server = self.server()
        nonce, gate = self.waiting(server)
        for _ in range(64):
            last = server.ask("Run", tests=[])
        server.send("Ping", nonce=1000)
        server.message("Pong")
        self.assertIn("more than 64", server.errors())
        gate.close()
        server.answer(nonce)
        for i in range(nonce + 1, last):
            server.answer(i)
        self.assertEqual((0, b""), server.end())

    def test_cancel(self):
        server = self.server()
        nonce, gate = self.waiting(server)
        queued = server.ask("Run", tests=[self.waits("c"), self.waits("b"), self.waits("c")])
        for n in (queued, nonce, 5000):
            server.send("Cancel", nonce=n)
        server.send("Ping", nonce=1000)  # answered when Cancel has been heard
        server.message("Pong")
        gate.close()
        events = server.answer(nonce)
        self.assertEqual([(self.waits("a"), "success")], events.outcomes)
        self.assertEqual([self.waits("b"), self.waits("c")], events.returned)
        events = server.answer(queued)
        self.assertEqual([], events.outcomes)
        self.assertEqual([self.waits("c"), self.waits("b"), self.waits("c")], events.returned)
        # Too late for that one; and what follows runs.
        server.send("Cancel", nonce=nonce)
        self.assertEqual([(self.waits("c"), "success")], server.run([self.waits("c")]).outcomes)
        self.assertEqual((0, b""), server.end())

    def test_goodbye_and_end_while_a_test_runs(self):
        for goodbye in (True, False):
            server = self.server()
            _, gate = self.waiting(server)
            server.send("Ping", nonce=1000)
            server.message("Pong")
            if goodbye:
                server.send("Goodbye")
            server.close_conversation()
            # The thread that reads has nothing to show for it: the test is let go on by itself.
            gate.close()
            self.assertEqual(0, server.wait()[0])

    def test_standard_input_and_output(self):
        server = self.server(channel="stdio")
        tests = server.list()
        events = server.run([t for t in tests if self.waits("a") != t])
        self.assertNotIn("text", events.files)
        self.assertIn("printed\n", [t for t in events.tests if t.id.endswith("test_prints")][0].text("stdout"))
        self.assertEqual(0, server.end()[0])

    def test_profile_and_environment(self):
        server = self.server()
        test, = [t for t in server.list() if t.endswith("test_environment")]
        events = server.run([test], profile=["py3", "mysql"], env={"TESTR_TRIES": "set"}, attempt=2)
        self.assertEqual({"py3", "mysql"}, events.one(test).tags)
        self.assertEqual("set False\n", events.one(test).text("stdout"))
        events = server.run([test])
        self.assertEqual(set(), events.one(test).tags)
        self.assertEqual("None False\n", events.one(test).text("stdout"))
        self.assertEqual((0, b""), server.end())

    def test_list(self):
        server = self.server()
        tests = server.list()
        self.assertEqual([tests[3], tests[0]], server.list(tests=[tests[3], "no such test", tests[0]]))
        self.assertEqual([], server.list(tests=[]))
        self.assertEqual([], server.run([]).tests)
        self.assertEqual((0, b""), server.end())

    def test_unknown_ids_fail(self):
        server = self.server()
        events = server.run(["no such test", self.waits("b"), "no such test"])
        self.assertEqual([("no such test", "fail"), (self.waits("b"), "success"), ("no such test", "fail")], events.outcomes)
        self.assertIn("There is no test with the id 'no such test'", events.tests[0].text("reason"))
        self.assertEqual((0, b""), server.end())

    def test_a_hang_is_explained(self):
        server = self.server()
        _, gate = self.waiting(server)
        self.told_before_the_end(server)
        os.kill(server.process.pid, signal.SIGABRT)
        status, printed = server.wait()
        gate.close()
        self.assertEqual(-signal.SIGABRT, status)
        self.assertIn(b"test_waits.py", printed)
        self.assertIn(b"Fatal Python error: Aborted", printed)
        self.assertGreaterEqual(printed.count(b"hread 0x"), 2)  # the one that reads, too

    def told_before_the_end(self, server):
        pass

    def test_three_orders(self):
        """Each test comes to the same end as in a process that runs all of them once."""
        wanted = self.outcomes_once()
        server = self.server()
        tests = [t for t in server.list() if t != self.waits("a")]
        shuffled = tests[:]
        random.Random(1).shuffle(shuffled)
        for order in (tests, tests[::-1], shuffled):
            found = dict(server.run(order).outcomes)
            self.assertEqual(wanted, found)
        self.assertEqual((0, b""), server.end())
