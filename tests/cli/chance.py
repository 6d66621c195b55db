#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A test program whose victim fails by chance: chance.py [--list] [--load-list FILE].

The file RULE says in JSON how many tests there are ("tests"), which of them is the victim, and when it fails: after all of
"after", unless "unless" ran, at the rate "rate" and else at "else". Its luck is the same in every run of the program that is the
n-th: LUCK holds a byte for each. With "cycle" there is no luck: after "after" it fails in all runs that had the same tests but each
cycle-th. "crash" is a test that kills the process; the victim hangs if "hang" is set. With "sorted" they run in the order of
their names.
"""
import hashlib
import json
import os
import signal
import sys

from suite import packet


def name(n):
    return "pkg.test_%03d" % n


def fails(rule, before):
    own = ".".join(map(str, sorted(before))) if "cycle" in rule else ""
    with open("LUCK" + own, "ab") as f:
        f.write(b".")
        turn = f.tell()
    luck = int(hashlib.sha256(("%s %d" % (rule.get("seed", 0), turn)).encode()).hexdigest()[:8], 16) / 2**32
    raised = set(rule.get("after", [])) <= before and rule.get("unless") not in before
    if "cycle" in rule:
        return raised and turn % rule["cycle"] != 0
    return luck < (rule["rate"] if raised else rule.get("else", 0))


def main():
    with open("RULE") as f:
        rule = json.load(f)
    tests = list(range(rule["tests"]))
    if "--load-list" in sys.argv:
        with open(sys.argv[sys.argv.index("--load-list") + 1]) as f:
            tests = [int(line[-4:]) for line in f if line.strip()]
    if rule.get("sorted"):
        tests.sort()
    before = set()
    for test in tests:
        if "--list" in sys.argv:
            os.write(1, packet(name(test), "exists", timed=False))
            continue
        os.write(1, packet(name(test), "inprogress"))
        if test == rule.get("crash"):
            os.kill(os.getpid(), signal.SIGKILL)
        if test == rule["victim"] and rule.get("hang"):
            os.write(1, b"hanging\n")
            signal.pause()
        failed = test == rule["victim"] and fails(rule, before)
        os.write(1, packet(name(test), "fail" if failed else "success"))
        before.add(test)


main()
