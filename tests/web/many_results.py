# SPDX-License-Identifier: Apache-2.0
"""A stream of many results: many_results.py COUNT."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "python"))
from testr_python import subunit  # noqa: E402

for n in range(int(sys.argv[1])):
    name, start = "tests.module_%03d.test_%07d" % (n % 977, n), 1767225600_000000000 + n // 8 * 10**6
    tags = ["worker-%d" % (n % 8)]
    sys.stdout.buffer.write(subunit.packet(name, "inprogress", start, tags) + subunit.packet(name, "fail" if n % 99991 == 0 else "success", start + 900000, tags))
