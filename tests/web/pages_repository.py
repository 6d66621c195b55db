# SPDX-License-Identifier: Apache-2.0
"""A repository for people and browsers to look at: pages_repository.py DIRECTORY. What is in it is always the same."""
import json
import os
import random
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "python"))
from testr_python import subunit  # noqa: E402

TESTR = os.environ.get("TESTR_BIN", "testr")
START = 1767225600
RUNS, WORKERS = 24, 4
ROOMS = ["api", "billing", "cache", "db", "mail", "net", "queue", "search", "ui"]
WORDS = ["accepts_empty", "rejects_wrong_type", "keeps_order", "reconnects", "survives_restart", "expires", "is_idempotent", "counts_once",
         "rolls_back", "honours_timeout", "escapes_html", "handles_unicode", "streams_large_body", "retries", "closes_socket"]

# What a name, and what a test says, can do to a page.
NAMES = [
    "odd / % # ? < \u00e9 +&=\"' end", "<script>alert(1)</script>", "../../etc/passwd", "a//b/./c", "?run=1#x", "\u202eesrever\u202c", "%2e%2e%2f",
    "tests.test_long." + "x\u00e9" * 1360, "javascript:alert(1)", "tests[param-&amp;-{\"a\": 1}]",
]
ATTACKS = [
    "<script>document.title='owned'</script>", "<img src=x onerror=\"document.title='owned'\">", "<svg onload=alert(1)>", "\"><iframe src=//evil.example>",
    "javascript:alert(1)", "</pre><h1>owned</h1>", "<style>*{display:none}</style>", "{{constructor.constructor('alert(1)')()}}", "<a href=http://evil.example>x</a>",
    "\x1b]8;;http://evil.example\x07link\x1b]8;;\x07", "\x1b[31mred\x1b[0m \x1b[1;32mgreen\x1b[m \x1b[999;999mjunk \x1b[38;5;9mx\x1b[38;2;1;2;3my\x1b[0m",
    "\x1b[2J\x1b[H\x1b]0;owned\x07\x08\x08\x00\x01", "\u202egnp.exe\u202c", "<meta http-equiv=refresh content=0;url=//evil.example>",
]

FRAMES = """Traceback (most recent call last):
  File "/usr/lib/python3/unittest/case.py", line 57, in testPartExecutor
    yield
  File "/src/tests/test_%(room)s.py", line %(line)d, in test_%(word)s
    self.client.%(room)s.call(request, timeout=%(number)d)
  File "/src/%(room)s/pool.py", line 88, in call
    connection = self._connect(address)
%(end)s
"""
ENDS = {
    "refused": "  File \"/src/net/connect.py\", line 31, in _connect\n    \x1b[1;31mraise\x1b[0m ConnectionRefusedError(errno, \x1b[32m\"connection refused\"\x1b[0m)\n"
               "ConnectionRefusedError: [Errno 111] connection refused: 127.0.0.1:%d",
    "count": "  File \"/src/queue/count.py\", line 12, in once\n    assert seen == 1\nAssertionError: %d != 1",
    "schema": "  File \"/src/db/schema.py\", line 240, in migrate\n    raise SchemaError(\"column \\\"owner\\\" is missing\")\n"
              "db.SchemaError: column \"owner\" is missing (migration %d)",
}


def suite(rng):
    tests = []
    for room in ROOMS:
        for word in WORDS:
            seconds = rng.lognormvariate(-2.2, 1.0)
            tests.append((room, word, seconds * (14 if (room, word) == ("search", "survives_restart") else 1)))
    return tests


def traceback(kind, room, word, rng):
    return FRAMES % {"room": room, "word": word, "line": rng.randrange(20, 300), "number": rng.randrange(30), "end": ENDS[kind] % rng.randrange(1000, 60000)}


def verdict(run, room, word, rng):
    """The results of a test in a run: pairs of a status and what it says."""
    if (room, word) == ("net", "reconnects") and rng.random() < .3:
        return [("fail", traceback("refused", room, word, rng)), ("success", None)]
    if (room, word) == ("queue", "counts_once") and rng.random() < .2:
        return [("fail", traceback("count", room, word, rng))]
    if room == "db" and word in ("rolls_back", "keeps_order", "retries", "expires") and run in (9, 10, 11, 12):
        return [("fail", traceback("schema", room, word, rng))]
    if room in ("mail", "net") and word in ("honours_timeout", "closes_socket", "streams_large_body") and run >= RUNS - 2 - (room == "mail"):
        return [("fail", traceback("refused", room, word, rng))]
    if word == "escapes_html" and room in ("mail", "queue"):
        return [("skip", "needs a browser\n")]
    return [("success", None)]


def packets(run, tests, rng, extra=()):
    """A run as its workers would write it, in the order of time."""
    clocks = [START + run * 7200.0 + rng.random() * .05 for _ in range(WORKERS)]
    events = []
    for room, word, usual in sorted(tests, key=lambda test: (-test[2] if run > 12 else test[:2])):
        worker = min(range(WORKERS), key=clocks.__getitem__)
        clocks[worker] += .004 + (rng.random() * .4 if rng.random() < .03 else 0)
        name = "tests.test_%s.Test%s.test_%s" % (room, room.capitalize(), word)
        for status, text in verdict(run, room, word, rng):
            end = clocks[worker] + usual * rng.uniform(.85, 1.2) * (1.6 if run >= 18 and room == "search" else 1)
            events.append((clocks[worker], worker, name, "inprogress", None))
            events.append((end, worker, name, status, text))
            clocks[worker] = end
    for name, status, text in extra:
        events.append((clocks[0], 0, name, "inprogress", None))
        clocks[0] += .02
        events.append((clocks[0], 0, name, status, text))
    out = []
    for time, worker, name, status, text in sorted(events, key=lambda event: event[0]):
        when, tags = round(time * 10**6) * 1000, ["worker-%d" % worker]
        if text is not None:
            out.append(subunit.packet(name, None, when, (), file_name="traceback" if status == "fail" else "reason",
                                      content=text if isinstance(text, bytes) else text.encode(), mime_type="text/plain; charset=utf8"))
        out.append(subunit.packet(name, status, when, tags))
    return b"".join(out)


def load(directory, stream, *args):
    done = subprocess.run(["testr", "load", *args], executable=TESTR, cwd=directory, input=stream, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr.decode())


def main(directory, runs=RUNS):
    rng = random.Random(8)
    tests = suite(rng)
    subprocess.run([TESTR, "init"], cwd=directory, check=True, stdout=subprocess.DEVNULL)
    for run in range(runs):
        hostile = [(name, "success", None) for name in NAMES] if run == 1 else ()
        if run == 1:
            hostile += [("attack.test_%02d" % i, "fail", text) for i, text in enumerate(ATTACKS)]
            hostile.append(("attack.binary", "fail", bytes(range(256)) * 40))
        commit = "%040x" % rng.getrandbits(160)
        load(directory, packets(run, tests, rng, hostile), "--meta=git.commit=" + commit, "--meta=git.branch=" + ("main" if run % 5 else "pool"),
             "--meta=workers=%d" % WORKERS, "--meta=host=ci-%d" % (run % 3 + 1), "--meta=profile=" + ("py313" if run % 2 else "py311"))
    json.dump({"names": NAMES, "attacks": ATTACKS}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
