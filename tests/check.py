#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Builds testr twice and runs all tests in both builds; prints every failure and, last, "N passed, N failed"."""
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

BUILDS = [
    # name, compiler, meson options, suites left out
    # A sanitizer takes memory of its own, which says nothing of ours, and brings calls of its own, which cannot be counted.
    # The pages are the browser's work.
    # The comparison with Python's programs takes minutes, nearly all of them Python's; once is enough.
    ("gcc", "gcc", ["--buildtype=release", "-Dwerror=true"], ["compare"]),
    ("sanitize", "clang", ["--buildtype=debugoptimized", "-Dwerror=true", "-Db_sanitize=address,undefined",
                           "-Db_lundef=false"], ["style", "memory", "kill", "browser"]),
]
SANITIZER_OPTIONS = {
    "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:exitcode=99",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1:exitcode=99",
}
# How long --long lets each fuzz target run.
FUZZ_SECONDS = 60


def build(name, compiler, options):
    directory = os.path.join("build", "check-" + name)
    if not os.path.isdir(directory):
        subprocess.run(["meson", "setup", directory, *options], check=True, stdout=subprocess.DEVNULL,
                       env=dict(os.environ, CC=compiler))
    subprocess.run(["ninja", "-C", directory], check=True)
    return directory


def run(directory, left_out):
    env = dict(os.environ, **SANITIZER_OPTIONS)
    command = ["meson", "test", "-C", directory, "--no-rebuild", "--print-errorlogs", "--num-processes", "3"]
    if "TESTR_LONG" in env:
        command += ["--timeout-multiplier", "10"]
    for suite in left_out:
        command += ["--no-suite", suite]
    code = subprocess.run(command, env=env).returncode
    return code, count(os.path.join(directory, "meson-logs", "testlog.junit.xml"))


def fuzz(seconds):
    """Each fuzz target for a while; returns what was found."""
    found = subprocess.run([os.path.join("fuzz", "run"), "--seconds", str(seconds)], stdout=subprocess.PIPE)
    lines = found.stdout.decode().splitlines()
    print("\n".join(lines), flush=True)
    findings = [line for line in lines if line.startswith("FOUND")]
    if found.returncode and not findings:
        findings = ["fuzz/run ended with status %d" % found.returncode]
    return findings


def count(path):
    passed, failed, skipped = 0, [], []
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name = "%s: %s" % (case.get("classname"), case.get("name"))
        if case.find("failure") is not None or case.find("error") is not None:
            failed.append(name)
        elif case.find("skipped") is not None:
            skipped.append(name)
        else:
            passed += 1
    return passed, failed, skipped


def main():
    os.chdir(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    if "--long" in sys.argv[1:]:
        os.environ["TESTR_LONG"] = "1"
    passed, failed, skipped = 0, [], []
    for name, compiler, options, left_out in BUILDS:
        print("== %s build" % name, flush=True)
        try:
            code, counts = run(build(name, compiler, options), left_out)
        except subprocess.CalledProcessError as error:
            code, counts = 1, (0, ["the %s build: %s" % (name, error)], [])
        passed += counts[0]
        failed += ["%s (%s)" % (case, name) for case in counts[1]]
        skipped += ["%s (%s)" % (case, name) for case in counts[2]]
        if code and not counts[1]:
            failed.append("the tests of the %s build ended with status %d" % (name, code))
    if "--long" in sys.argv[1:]:
        print("== fuzzing", flush=True)
        findings = fuzz(FUZZ_SECONDS)
        failed += findings
        passed += not findings
    for case in failed:
        print("FAILED: " + case)
    for case in skipped:
        print("skipped: " + case)
    print("%d passed, %d failed" % (passed, len(failed)) + (", %d skipped" % len(skipped) if skipped else ""))
    return 1 if failed else 0


sys.exit(main())
