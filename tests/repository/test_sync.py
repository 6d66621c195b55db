# SPDX-License-Identifier: Apache-2.0
"""`testr sync` between a directory and PostgreSQL, killed anywhere and given again: both sides hold the same, once."""
import hashlib
import json
import os
import random
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
for place in ("..", ".", "../cli"):
    sys.path.insert(0, os.path.join(HERE, place))
import tap  # noqa: E402
from postgres import Server  # noqa: E402
from project import LONG, ProjectTest  # noqa: E402
from test_interop import START, packet  # noqa: E402

RUNS = 40 if LONG else 8
KILLS = 60 if LONG else 8


class Sync(ProjectTest):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.stop)

    def setUp(self):
        super().setUp()
        self.dice = random.Random(11)
        self.there = self.server.url()
        self.call("init", expect=0)
        self.call("init", "-R", self.there, expect=0)

    def load(self, place, partial):
        data, clock = b"", START * 1000000
        for n in self.dice.sample(range(60), 25):
            status = self.dice.choice(["success", "success", "fail", "skip"])
            data += packet("t.%d" % n, "inprogress", clock)
            if status == "fail":
                data += packet("t.%d" % n, None, clock, ("traceback", "text/plain;charset=utf8", os.urandom(30000).hex().encode()))
            clock += self.dice.randrange(1, 9000)
            data += packet("t.%d" % n, status, clock)
        self.call("load", "-q", *(["--partial"] if partial else []), *place, input=data)

    def says(self, *place):
        """All that one side has to say, short enough to be shown."""
        runs = json.loads(self.call("runs", "--limit=0", "--json", *place, expect=0).out)["runs"]
        here = {run.pop("uid"): run for run in runs}
        self.assertEqual(len(runs), len(here))
        for run in runs:
            place_of = run.pop("run")
            stream = subprocess.run([os.environ["TESTR_BIN"], "export", str(place_of), *place], cwd=self.dir, env=self.env,
                                    stdout=subprocess.PIPE, check=True).stdout
            run["stream"] = hashlib.sha256(stream).hexdigest()
        here["failing"] = hashlib.sha256(self.call("failing", "--json", *place).out.encode()).hexdigest()
        here["names"] = self.lines("failing", "--list", *place)
        return here

    def test_interrupted_and_repeated(self):
        there = ("-R", self.there)
        for n in range(RUNS):
            self.load(() if self.dice.random() < 0.5 else there, n % 3)
        sides = [(".", self.there), (self.there, ".")]
        begun = time.monotonic()
        self.call("sync", "--dry-run", self.there, expect=0)
        alone = time.monotonic() - begun
        cut = 0
        for n in range(KILLS):
            here, other = sides[n % 2]
            process = self.start("sync", "-q", "-R", here, other)
            # From the moment at which it has looked at both sides.
            try:
                process.wait(alone * (0.4 + 1.2 * self.dice.random()))
            except subprocess.TimeoutExpired:
                process.kill()
                cut += 1
            process.communicate()
        self.assertTrue(cut)
        self.assertRegex(self.call("sync", self.there, expect=0).out, r"^pushed \d+ runs?, pulled \d+\n$")
        self.assertEqual("pushed 0 runs, pulled 0\n", self.call("sync", self.there, expect=0).out)
        here, there = self.says(), self.says("-R", self.there)
        self.assertEqual(RUNS + 2, len(here))
        self.assertEqual(here, there)
        for side in (".", self.there):
            self.assertEqual("nothing is wrong\n", self.call("repository", "check", "-R", side, expect=0).out)


if __name__ == "__main__":
    tap.main()
