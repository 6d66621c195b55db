#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A test program for tests of testr: each test does what its name says.

    suite.py [--list] [--load-list FILE] TEST...

The tests are those on the command line; with --load-list those that the file names too, in the file's order. A test's id is
KIND or KIND.ANYTHING. All are announced before the first one runs, unless SILENT is set. The
listing hangs if HANG is set.


    pass fail skip xfail uxsuccess    that outcome
    crash    the process kills itself        exit0 exit3    it exits at once
    stuck    as hang, and lives through SIGABRT   mute  hangs before it says anything
    hang     for ever                        wait    until the file GO exists
    print    prints junk, then passes        orphan  leaves a process behind that holds the output
    busy     takes ten milliseconds, and writes "+" at their beginning and "-" at their end to the file BUSY
    late2 late3    fails until it is run for the second or third time, by a count in the file COUNT-ID
    noise    prints junk that tries to be more, on both outputs, then passes
    flaky    fails whenever the count in the file COUNT, which it raises, is divisible by ten; half: by two
    on      fails where $WHERE has the word behind "on." in it
    forget   neither runs nor says anything  victim  fails if a test of the kind "polluter" ran before it
    setup    its class's set-up is skipped: says so under the class's name, and skips the tests of the class
"""
import os
import signal
import struct
import subprocess
import sys
import time
import zlib

STATUS = {"exists": 1, "inprogress": 2, "success": 3, "uxsuccess": 4, "skip": 5, "fail": 6, "xfail": 7}


def number(n):
    if n < 64:
        return struct.pack(">B", n)
    if n < 16384:
        return struct.pack(">H", n | 0x4000)
    return struct.pack(">I", n | 0x800000)[1:] if n < 4194304 else struct.pack(">I", n | 0xC0000000)


def text(s):
    data = s.encode()
    return number(len(data)) + data


def packet(test, status, attachment=None, timed=True):
    flags = 0x2000 | 0x0800 | 0x0100 | STATUS.get(status, 0)
    body = b""
    if timed:
        flags |= 0x0200
        now = time.time_ns()
        body += struct.pack(">I", now // 10**9) + number(now % 10**9)
    body += text(test)
    if attachment:
        name, content = attachment
        flags |= 0x0060
        body += text("text/plain;charset=utf8") + text(name) + number(len(content)) + content
    base = 3 + len(body) + 4
    length = base + (1 if base <= 62 else 2 if base <= 16381 else 3)
    field = {1: lambda: number(length), 2: lambda: struct.pack(">H", length | 0x4000),
             3: lambda: struct.pack(">I", length | 0x800000)[1:]}[length - base]()
    data = struct.pack(">BH", 0xB3, flags) + field + body
    return data + struct.pack(">I", zlib.crc32(data))


# Where packets go.
OUT = 1


def say(*args, **kwargs):
    os.write(OUT, packet(*args, **kwargs))


def count_up(path):
    try:
        with open(path) as f:
            n = int(f.read() or 0)
    except FileNotFoundError:
        n = 0
    with open(path, "w") as f:
        f.write(str(n + 1))
    return n + 1


def noise(test):
    """Binary, half packets, whole packets that say what is not so, and the beginning of one that swallows what follows."""
    done = packet("testrepository-rpc", "none", ("rpc", b'{"Done":{"nonce":1}}'), timed=False)
    return b"".join([bytes(range(256)), packet(test, "fail", timed=False)[:-5], b"\xb3" * 9, packet("nobody", "success", timed=False),
                     packet(test, "fail", timed=False), done, done[:9], test.encode() * 9999,
                     b"\xb3\x2b\x00\xbf\xff\xf0" + test.encode(), b"no newline"])


def note(mark):
    with open("BUSY", "a") as f:
        f.write(mark)


def run(test, before):
    kind = test.split(".")[0]
    if kind == "forget":
        return
    if kind == "setup":
        if "setup" not in before:
            say("setUpClass (setup)", "skip", ("reason", b"no database"))
        return
    if kind == "mute":
        signal.pause()
    say(test, "inprogress")
    status = {"pass": "success", "fail": "fail"}.get(kind, kind if kind in STATUS else "success")
    detail = ("traceback", b"it failed\n") if status == "fail" else None
    if kind == "crash":
        os.write(1, b"about to crash\n")
        os.kill(os.getpid(), signal.SIGKILL)
    elif kind in ("exit0", "exit3"):
        os._exit(int(kind[-1]))
    elif kind == "stuck":
        signal.signal(signal.SIGABRT, lambda *_: os.write(1, b"here I am\n"))
        while True:
            signal.pause()
    elif kind == "hang":
        signal.pause()
    elif kind == "wait":
        while not os.path.exists("GO"):
            time.sleep(0.01)
    elif kind == "busy":
        note("+")
        time.sleep(0.01)
        note("-")
    elif kind == "print":
        os.write(1, b"10 m\xc2\xb3 of \xb3\x2a junk " + bytes(range(256)) + b"\n")
    elif kind == "noise":
        os.write(1, noise(test))
        os.write(2, noise(test))
    elif kind == "orphan":
        subprocess.Popen(["sleep", "60"])
    elif kind == "flaky" and count_up("COUNT") % 10 == 0:
        status, detail = "fail", ("traceback", b"one time in ten\n")
    elif kind.startswith("late") and count_up("COUNT-" + test) < int(kind[4:]):
        status, detail = "fail", ("traceback", b"not yet\n")
    elif kind == "half" and count_up("COUNT") % 2 == 0:
        status, detail = "fail", ("traceback", b"the %d-th time\n" % os.getpid())
    elif kind == "on" and test.split(".")[1] in os.environ.get("WHERE", "").split():
        status, detail = "fail", ("traceback", b"not here\n")
    elif kind == "victim" and "polluter" in before:
        status, detail = "fail", ("traceback", b"polluted\n")
    say(test, status, detail)


def main():
    arguments = sys.argv[1:]
    listing = "--list" in arguments
    tests = [a for a in arguments if a != "--list"]
    if "--load-list" in tests:
        at = tests.index("--load-list")
        with open(tests[at + 1]) as f:
            wanted = f.read().split("\n")
        known = set(tests[:at] + tests[at + 2:])
        tests = [t for t in wanted if t in known]
    if listing and "HANG" in os.environ:
        signal.pause()
    for test in tests:
        if "SILENT" not in os.environ or listing:
            say(test, "exists", timed=False)
    before = set()
    for test in [] if listing else tests:
        run(test, before)
        before.add(test.split(".")[0])


if __name__ == "__main__":
    main()
