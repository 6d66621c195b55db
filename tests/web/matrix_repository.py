# SPDX-License-Identifier: Apache-2.0
"""A repository with profiles, for the pages: matrix_repository.py DIRECTORY. What is in it is always the same."""
import json
import os
import random
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from pages_repository import START, TESTR, load, subunit, suite  # noqa: E402

PYTHON, DATABASES = ["py39", "py311", "py313"], ["mysql", "sqlite"]
PROFILES = [python + "+" + database for python in PYTHON for database in DATABASES]
RUNS = 4
# A name and an id that a page has to keep as they are.
HOSTILE = "<b>tests</b>.test_\u202eodd"


def status(run, profile, room, word, rng):
    python, database = profile.split("+")
    if (room, word) == ("db", "rolls_back") and database == "mysql" and run >= 2:
        return "fail"
    if (room, word) == ("db", "handles_unicode") and profile == "py39+mysql":
        return "fail"
    if room == "net" and word in ("honours_timeout", "closes_socket") and run == RUNS - 1:
        return "fail"
    if word == "streams_large_body" and python == "py39" and room in ("api", "mail", "search"):
        return "skip"
    if (room, word) == ("cache", "expires") and python == "py313":
        return "fail"
    if (room, word) == ("queue", "counts_once") and rng.random() < .3:
        return "fail"
    return "success"


def packets(run, profile, rng):
    clock = START + run * 86400.0 + PROFILES.index(profile) * 600
    out = []
    for room, word, usual in suite(random.Random(8)) + [(None, None, .01)]:
        name = "tests.test_%s.Test%s.test_%s" % (room, room.capitalize(), word) if room else HOSTILE
        if profile == "py313+sqlite" and room == "billing":
            continue
        end = "fail" if not room else status(run, profile, room, word, rng)
        out.append(subunit.packet(name, "inprogress", round(clock * 10**6) * 1000, ["worker-0"]))
        clock += usual * rng.uniform(.8, 1.2)
        out.append(subunit.packet(name, end, round(clock * 10**6) * 1000, ["worker-0"]))
    return b"".join(out)


def main(directory):
    rng = random.Random(3)
    with open(os.path.join(directory, ".testr.conf"), "w", encoding="utf-8") as f:
        f.write("[DEFAULT]\ntest_command=true $IDLIST\nprofiles=%s\n" % " ".join(PYTHON + DATABASES))
        f.writelines("[profile %s]\n" % profile for profile in PROFILES)
    subprocess.run([TESTR, "init"], cwd=directory, check=True, stdout=subprocess.DEVNULL)
    for run in range(RUNS):
        for profile in PROFILES:
            load(directory, packets(run, profile, rng), "--profile=" + profile, "--meta=host=ci-1", "--meta=git.commit=" + "%040x" % (run + 1))
    json.dump({"profiles": PROFILES, "hostile": HOSTILE}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
