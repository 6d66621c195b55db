#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The rules of the house that a program can check."""
import glob
import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402

SOURCE = os.environ.get("TESTR_SOURCE") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
BUILD = os.environ.get("TESTR_BUILD", "")

# Rooms whose code may do no input or output, read no clock, and keep no state of its own.
PURE = ["base", "subunit", "formats", "schedule", "diagnose"]
# What pure code may ask of the C library and of the libraries of its room.
PURE_SYMBOLS = re.compile(
    r"^(mem(cpy|cmp|chr|mem|move|set|rchr)|str(len|cmp|error|ncmp|chr|rchr|spn|cspn)|__str.*_chk|"
    r"(m|c|re)alloc|reallocarray|free|qsort|bsearch|abort|v?snprintf|__v?snprintf_chk|__mem.*_chk|__assert_fail|__errno_location|"
    r"__stack_chk_fail|_GLOBAL_OFFSET_TABLE_|libdeflate_.*|json_.*|(in|de)flate.*|ZSTD_.*|XML_.*|jsonp_.*|"
    r"log2?|log1p|exp|floor|ceil|fabs|fmax|fmin|sqrt|pow|lgamma_r|"
    r"__(a|ub|l)san.*|__sanitizer.*|__isoc.*|strto.*|__ctype.*|__explicit.*|__popcountdi2)$")
BANNED = re.compile(r"\b(strtol|strtoul|strtoll|atoi|atol|fgets|gets|sleep|usleep|nanosleep|sprintf|strcpy|strcat|alloca)\s*\(")


def sources(pattern):
    return sorted(glob.glob(os.path.join(SOURCE, "src", "*", pattern)))


def room(path):
    return os.path.basename(os.path.dirname(path))


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


class Style(unittest.TestCase):
    def none(self, found):
        self.assertEqual([], [str(f) for f in found])

    def test_layout(self):
        files = sources("*.[ch]")
        for others in (("tests", "*", "*.[ch]"), ("fuzz", "*.[ch]"), ("include", "*.h"), ("include", "*", "*.h"), ("examples", "*.c*")):
            files += sorted(glob.glob(os.path.join(SOURCE, *others)))
        run = subprocess.run(["clang-format", "--dry-run", "-Werror", *files], stderr=subprocess.PIPE, cwd=SOURCE)
        self.assertEqual(0, run.returncode, run.stderr.decode()[:2000])

    def test_whitespace(self):
        tracked = sources("*") + glob.glob(os.path.join(SOURCE, "*.md")) + glob.glob(os.path.join(SOURCE, "tests", "*", "*.py"))
        bad = []
        for path in filter(os.path.isfile, tracked):
            text = read(path)
            if re.search(r"[ \t]\n", text) or not text.endswith("\n"):
                bad.append(path)
        self.none(bad)

    def test_no_banned_functions(self):
        self.none(path for path in sources("*.[ch]") if BANNED.search(re.sub(r"/\*.*?\*/|//[^\n]*", "", read(path), flags=re.S)))

    def test_header_of_the_same_name(self):
        """main, commands, tools and backends export one object, which their table declares; the library's one header is include/subunit2.h."""
        exempt = re.compile(r"^(main|commands|cmd_.*|tool_.*|backend_.*|api_.*)\.c$")
        self.none(path for path in sources("*.c")
                  if not exempt.match(os.path.basename(path)) and not os.path.exists(path[:-1] + "h"))

    def test_unique_header_names(self):
        names = [os.path.basename(path) for path in sources("*.h")]
        self.none(name for name in names if names.count(name) > 1)

    def test_no_relative_includes(self):
        self.none(path for path in sources("*.[ch]") if re.search(r'#include "[^"]*/', read(path)))

    def test_licence_line(self):
        self.none(path for path in sources("*.[ch]") if "SPDX-License-Identifier: Apache-2.0" not in read(path)[:100])

    def test_size(self):
        self.none(path for path in sources("*.c") if read(path).count("\n") > 800)

    def test_nothing_left_open(self):
        self.none(path for path in sources("*.[ch]") if re.search(r"\b(FIXME|XXX|HACK)\b|\bTODO[:(]", read(path)))

    def objects(self, name):
        found = glob.glob(os.path.join(BUILD, "src", name, "lib%s.a.p" % name, "*.o"))
        self.assertTrue(found, "no objects of " + name)
        return found

    def symbols(self, path, kinds):
        """Names of those kinds, apart from constants that the loader has to relocate."""
        lines = subprocess.run(["nm", "--format=sysv", path], stdout=subprocess.PIPE, check=True).stdout.decode().splitlines()
        rows = [[cell.strip() for cell in line.split("|")] for line in lines if line.count("|") == 6]
        return [row[0] for row in rows if row[2] in kinds and not row[6].startswith(".data.rel.ro")]

    def test_pure_rooms_ask_nothing_of_the_system(self):
        bad = []
        for name in PURE:
            objects = self.objects(name)
            own = {s for o in objects + self.objects("base") + self.objects("subunit") for s in self.symbols(o, "TRDBCV")}
            for o in objects:
                bad += ["%s: %s" % (os.path.basename(o), s) for s in self.symbols(o, "U")
                        if s not in own and not PURE_SYMBOLS.match(s)]
        self.none(bad)

    def test_no_state_below_cli(self):
        if "sanitize" in os.path.basename(BUILD):
            return  # the sanitizers put data of their own into objects
        bad = []
        for path in sorted(glob.glob(os.path.join(SOURCE, "src", "*"))):
            name = os.path.basename(path)
            if name in ("cli", "tools"):
                continue
            bad += ["%s: %s" % (os.path.basename(o), s) for o in self.objects(name) for s in self.symbols(o, "bBdDC")
                    if not s.startswith(".")]
        self.none(bad)


if __name__ == "__main__":
    tap.main()
