#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""libsubunit2 as its users have it: built against what `meson install` installs, found by pkg-config, read by Python's subunit."""
import glob
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

import subunit

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402

SOURCE = os.environ.get("TESTR_SOURCE") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
BUILD = os.environ.get("TESTR_BUILD", "")
SANITIZE = os.environ.get("TESTR_SANITIZE", "none")
EXAMPLES = os.path.join(SOURCE, "examples")

WARNINGS = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-Wshadow", "-Wconversion"]
# A program has to be linked by the compiler whose sanitizers the library was built with.
SANITIZED = SANITIZE != "none"
C_COMPILERS = ["clang"] if SANITIZED else ["gcc", "clang"]
CXX_COMPILERS = ["clang++"] if SANITIZED else ["g++", "clang++"]
FLAGS = ["-fsanitize=" + SANITIZE] if SANITIZED else []

# Names that the library uses inside and a program may use too.
OWN_NAMES = """
#include <subunit2.h>
int buf_init(void); int buf_init(void) { return 1; }
int reader_new(void); int reader_new(void) { return 2; }
int packet_encode(void); int packet_encode(void) { return 3; }
int utf8_valid; int names = 4; int words = 5;
int main(void)
{
    utf8_valid = buf_init() + reader_new() + packet_encode() + names + words;
    return subunit2_emit(1, "own names", SUBUNIT2_SUCCESS, NULL) || utf8_valid != 15;
}
"""


class Events:
    """What Python's reader says, event by event, without the times, which it checks."""

    def __init__(self):
        self.events = []

    def status(self, **event):
        assert event.pop("timestamp").year >= 2000
        assert event.pop("runnable")
        if event["file_bytes"] is not None:
            event["file_bytes"] = bytes(event["file_bytes"])
        self.events.append(tuple(event[name] for name in ("test_id", "test_status", "file_name", "file_bytes", "mime_type", "eof")))
        assert not event["test_tags"] and event["route_code"] is None


def read(data):
    result = Events()
    subunit.ByteStreamToStreamResult(io.BytesIO(data)).run(result)
    return result.events


def event(test_id, status, name=None, content=None, mime=None, eof=False):
    return (test_id, status, name, content, mime, eof)


TEXT = "text/plain;charset=utf8"
HELLO_C = [
    event("hello.world", "inprogress"),
    event("hello.world", "success"),
    event("hello.sum", "inprogress"),
    event("hello.sum", "fail", "traceback", b"1 + 1 is 2, not 3\n", TEXT, True),
    event("hello.moon", "skip", "reason", b"too far\n", TEXT, True),
]
HELLO_CPP = [
    event("hello.world", "inprogress"),
    event("hello.world", "success"),
    event("hello.sum", "inprogress"),
    event("hello.sum", "fail", "traceback", b"1 + 1 is 2, not 3\n", TEXT, True),
    event("hello.log", "inprogress"),
    event("hello.log", None, "log", b"all is well\n", TEXT),
    event("hello.log", "success"),
]
COUNTED = b"""success    hello.world
fail       hello.sum
    traceback: 18 bytes
skip       hello.moon
    reason: 8 bytes
3 ended, 0 did not, 14 bytes of text
"""


def output(*command, **more):
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)
    if run.returncode:
        raise AssertionError("%s: status %d\n%s" % (shlex.join(command), run.returncode, run.stderr.decode()))
    return run.stdout


def header():
    text = ""
    for name in ("subunit2.h", "subunit2/server.h"):
        with open(os.path.join(SOURCE, "include", name), encoding="utf-8") as f:
            text += f.read()
    return text


def header_functions():
    """What the header says is exported."""
    return set(re.findall(r"^SUBUNIT2_API [^;]*?\b(subunit2_\w+)\(", header(), flags=re.M))


class Installed(unittest.TestCase):
    """What `meson install` installs, in a directory of its own."""

    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.mkdtemp(prefix="package.")
        cls.addClassCleanup(shutil.rmtree, cls.root)
        output("meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", cls.root)
        (found,) = glob.glob(os.path.join(cls.root, "**", "subunit2.pc"), recursive=True)
        cls.libdir = os.path.dirname(os.path.dirname(found))
        with open(found, encoding="utf-8") as f:
            prefix = re.search(r"^prefix=/*(.*)$", f.read(), flags=re.M).group(1)
        cls.prefix = os.path.join(cls.root, prefix)
        cls.env = dict(os.environ, PKG_CONFIG_PATH=os.path.dirname(found), LD_LIBRARY_PATH=cls.libdir)

    def pkg_config(self, *args):
        return shlex.split(output("pkg-config", "--define-variable=prefix=" + self.prefix, *args, "subunit2", env=self.env).decode())

    def build(self, compiler, source, *flags, libs=None, name="program"):
        program = os.path.join(self.root, name)
        libs = self.pkg_config("--libs") if libs is None else libs
        output(compiler, *flags, *WARNINGS, *FLAGS, *self.pkg_config("--cflags"), source, "-o", program, *libs, cwd=self.root)
        return program

    def run_program(self, program, data=b""):
        return output(program, input=data, env=self.env)


class Package(Installed):
    def test_c_programs(self):
        for compiler in C_COMPILERS:
            for standard in ("c99", "c17"):
                with self.subTest(compiler=compiler, standard=standard):
                    hello = self.run_program(self.build(compiler, os.path.join(EXAMPLES, "hello.c"), "-std=" + standard))
                    self.assertEqual(HELLO_C, read(hello))
                    count = self.build(compiler, os.path.join(EXAMPLES, "count.c"), "-std=" + standard)
                    self.assertEqual(COUNTED, self.run_program(count, b"before\n" + hello + b"after.\n"))

    def test_cpp_programs(self):
        for compiler in CXX_COMPILERS:
            for standard in ("c++11", "c++20"):
                with self.subTest(compiler=compiler, standard=standard):
                    program = self.build(compiler, os.path.join(EXAMPLES, "hello.cpp"), "-std=" + standard)
                    self.assertEqual(HELLO_CPP, read(self.run_program(program)))

    def test_header_alone(self):
        """It includes what it needs, in both languages, and its inline functions are clean too."""
        source = os.path.join(self.root, "alone")
        for compilers, suffix, standard in ((C_COMPILERS, ".c", "c99"), (CXX_COMPILERS, ".cpp", "c++11")):
            with open(source + suffix, "w", encoding="utf-8") as f:
                f.write("#include <subunit2/server.h>\n#include <subunit2.h>\n#include <subunit2/server.h>\nint main(void)\n{\n"
                        "struct subunit2_event e; struct subunit2_result r; struct subunit2_rules u; struct subunit2_suite s;\n"
                        "subunit2_event_init(&e); subunit2_result_init(&r); subunit2_rules_init(&u); subunit2_suite_init(&s);\n"
                        "e.id = subunit2_string(\"id\");\nreturn e.id.len != 2;\n}\n")
            for compiler in compilers:
                with self.subTest(compiler):
                    self.run_program(self.build(compiler, source + suffix, "-std=" + standard, "-Wcast-qual"))

    def test_static(self):
        """Nothing is needed at run time, and no name inside the library is in the way of the program's."""
        archive = os.path.join(self.libdir, "libsubunit2.a")
        own_names = os.path.join(self.root, "own_names.c")
        with open(own_names, "w", encoding="utf-8") as f:
            f.write(OWN_NAMES)
        libs = [archive, "-ldeflate", "-ljansson"] if SANITIZED else ["-static", *self.pkg_config("--static", "--libs")]
        for compiler in C_COMPILERS:
            with self.subTest(compiler):
                program = self.build(compiler, os.path.join(EXAMPLES, "hello.c"), libs=libs)
                self.assertNotIn(b"libsubunit2", output("objdump", "-p", program))
                self.assertEqual(HELLO_C, read(output(program)))
                self.assertEqual([event("own names", "success")], read(output(self.build(compiler, own_names, libs=libs))))

    def symbols(self, library, *options):
        lines = output("nm", "--format=posix", *options, os.path.join(self.libdir, library)).decode().splitlines()
        return [line.split()[:2] for line in lines if len(line.split()) >= 2]

    def test_only_its_own_names_are_visible(self):
        wanted = header_functions()
        self.assertGreater(len(wanted), 20)
        shared = {name.partition("@")[0] for name, kind in self.symbols("libsubunit2.so", "-D", "--defined-only") if kind != "A"}
        static = {name for name, kind in self.symbols("libsubunit2.a", "--defined-only", "--extern-only")}
        self.assertEqual(wanted, shared)
        self.assertEqual(wanted, static)

    def test_no_state(self):
        if SANITIZED:
            return  # the sanitizers put data of their own into objects
        sections = output("objdump", "-h", os.path.join(self.libdir, "libsubunit2.a")).decode()
        writable = re.findall(r"^\s*\d+ (\.(?:data|bss|tdata|tbss)(?!\.rel\.ro)\S*)\s+([0-9a-f]+)", sections, flags=re.M)
        self.assertEqual([], [name for name, size in writable if int(size, 16)])

    def test_soname(self):
        self.assertRegex(output("objdump", "-p", os.path.join(self.libdir, "libsubunit2.so")).decode(), r"SONAME\s+libsubunit2\.so\.0\n")

    def test_manual_has_everything(self):
        with open(os.path.join(SOURCE, "docs", "subunit2.3.scd"), encoding="utf-8") as f:
            page = f.read().replace("\\", "")
        names = header_functions() | set(re.findall(r"^\t(SUBUNIT2_\w+) =", header(), flags=re.M))
        names = {name for name in names if not name.endswith("_init_size")}
        names |= set(re.findall(r"^(subunit2_\w+)\(", header(), flags=re.M))
        self.assertEqual([], sorted(name for name in names if not re.search(r"\b%s\b" % name, page)))
        self.assertEqual([], sorted(set(re.findall(r"\bsubunit2_\w+", page)) - set(re.findall(r"\bsubunit2_\w+", header()))))

    def test_example_of_the_manual(self):
        with open(os.path.join(SOURCE, "docs", "subunit2.3.scd"), encoding="utf-8") as f:
            blocks = re.findall(r"^```\n(#include.*?)^```", f.read(), flags=re.M | re.S)
        self.assertEqual(2, len(blocks))
        for block, name in zip(blocks, ("hello.c", "count.c")):
            with open(os.path.join(EXAMPLES, name), encoding="utf-8") as f:
                self.assertEqual(re.sub(r"^/\*.*?\*/\n", "", f.read(), flags=re.S), block.replace("\\\\", "\\"))


if __name__ == "__main__":
    tap.main()
