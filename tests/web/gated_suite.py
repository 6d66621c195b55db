# SPDX-License-Identifier: Apache-2.0
"""A suite whose tests end when they are told how: gated_suite.py FIFO TEST,TEST… [--list]."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "python"))
from testr_python import subunit  # noqa: E402


def write(test, status):
    sys.stdout.buffer.write(subunit.packet(test, status, time.time_ns() if status != "exists" else None, ()))
    sys.stdout.flush()


tests = sys.argv[2].split(",")
if "--list" in sys.argv:
    for test in tests:
        write(test, "exists")
else:
    with open(sys.argv[1]) as gate:
        for test in tests:
            write(test, "inprogress")
            write(test, gate.readline().strip())
