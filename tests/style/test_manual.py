#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The manual pages and the programs say the same: commands, tools, options, configuration keys, variables, JSON fields."""
import os
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402

SOURCE = os.environ.get("TESTR_SOURCE") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
TESTR = os.environ.get("TESTR_BIN", "testr")
SUBUNIT = os.environ.get("SUBUNIT_BIN", "subunit")
PAGES = ["testr.1.scd", "subunit-tools.1.scd"]


def read(*names):
    with open(os.path.join(SOURCE, *names), encoding="utf-8") as f:
        return f.read()


def output(*args):
    return subprocess.run(args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True).stdout.decode()


def plain(text):
    """The text without the marks of scdoc."""
    text = re.sub(r"(?<!\w)_(.*?)_(?!\w)", r"\1", text.replace("*", ""))
    return re.sub(r"\\(.)", r"\1", text)


def sections(text, mark):
    """The text under each heading of that level, by its title."""
    parts = re.split(r"^%s (.*)\n" % mark, text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def part(page, section, subsection=None):
    text = sections(read("docs", page), "#")[section]
    return sections(text, "##")[subsection] if subsection else text


def defined(text):
    """The terms of a list of definitions: lines in bold, an indented line below them."""
    return [plain(line) for line in re.findall(r"^(\*.*)\n(?=\t)", text, flags=re.M)]


def help_options(text):
    """The options that a help text lists, as it heads them: "-d HERE, --here=HERE". subunit-tags has neither help nor options."""
    return re.findall(r"^  (-\S.*?)(?:  .*)?$", text.partition("\nOptions:\n")[2], flags=re.M)


def long_options(texts):
    return {name for text in texts for name in re.findall(r"--[a-z][a-z0-9-]*", text)}


def commands():
    return [line.split()[0] for line in output(TESTR, "commands").splitlines()[2:]]


def tools():
    return re.findall(r"^  (\S+)$", output(SUBUNIT, "--help"), flags=re.M)


def help_texts(program, names):
    return {name: output(program, name, "--help") for name in names}


class Manual(unittest.TestCase):
    def check_options(self, page, common_section, group, helps):
        """Each option is defined under its command, or, if it is one of all commands, once for all."""
        options = {name: help_options(text) for name, text in helps.items()}
        common = set.intersection(*(set(each) for each in options.values() if each))
        self.assertCountEqual(common, defined(part(page, common_section)))
        self.assertCountEqual(options, sections(part(page, group), "##"))
        for name, each in options.items():
            with self.subTest(name):
                self.assertCountEqual([o for o in each if o not in common], defined(part(page, group, name)))

    def check_mentions(self, page, helps):
        """Options that the page and the help texts speak of are there. Examples may have those of other programs."""
        others = {"--format", "--gtest", "--message-format", "--output-junit"}
        text = re.sub(r"^```.*?^```", "", read("docs", page), flags=re.M | re.S)
        known = long_options(option for each in helps.values() for option in help_options(each))
        self.assertEqual(set(), long_options([text, *helps.values()]) - known - others - {"--version"})

    def test_options_of_testr(self):
        self.check_options("testr.1.scd", "OPTIONS OF EVERY COMMAND", "COMMANDS", help_texts(TESTR, commands()))

    def test_options_of_tools(self):
        self.check_options("subunit-tools.1.scd", "OPTIONS OF EVERY TOOL", "TOOLS", help_texts(SUBUNIT, tools()))

    def test_mentioned_options_of_testr(self):
        self.check_mentions("testr.1.scd", help_texts(TESTR, commands()))

    def test_mentioned_options_of_tools(self):
        self.check_mentions("subunit-tools.1.scd", help_texts(SUBUNIT, tools()))

    def test_help_leaves_out_common_options(self):
        """`testr help NAME` says what is special to NAME."""
        common = defined(part("testr.1.scd", "OPTIONS OF EVERY COMMAND"))[1:]
        for name, text in help_texts(TESTR, commands()).items():
            with self.subTest(name):
                self.assertEqual([o for o in help_options(text) if o not in common],
                                 help_options(output(TESTR, "help", name)))

    def test_configuration_keys(self):
        table = re.search(r"known_keys\[\] = \{(.*?)\};", read("src", "run", "config.c"), flags=re.S).group(1)
        keys = re.findall(r'"(.*?)"', table)
        self.assertTrue(keys)
        self.assertCountEqual(keys, defined(part("testr.1.scd", "CONFIGURATION", "Keys")))
        help_run = output(TESTR, "help", "run")
        self.assertEqual([], [key for key in keys if key not in help_run])

    def test_variables(self):
        names = set(re.findall(r'"(\$[A-Z_]+)"', read("src", "run", "template.c")))
        self.assertTrue(names)
        terms = defined(part("testr.1.scd", "CONFIGURATION", "Variables"))
        self.assertCountEqual(names, [name for term in terms for name in term.split(", ")])

    def test_json_fields(self):
        names = list(dict.fromkeys(re.findall(r'"([a-z_]+)", [a-z_]+\(', read("src", "formats", "event_json.c"))))
        self.assertIn("test_id", names)
        self.assertEqual(names, defined(part("subunit-tools.1.scd", "JSON")))

    def test_exit_statuses(self):
        """The statuses that `testr help run` lists are in the manual, and so are the README's."""
        listed = re.search(r"The exit status: (.*?)\.\n", output(TESTR, "help", "run"), flags=re.S).group(1)
        statuses = re.findall(r"(?:^|, )\s*(\d+(?:\+N)?) ", listed.replace("\n", " "))
        self.assertIn("128+N", statuses)
        self.assertEqual(statuses, defined(part("testr.1.scd", "EXIT STATUS")))
        self.assertEqual(statuses, re.findall(r"^\| (\d+(?:\+N)?) \|", read("README.md"), flags=re.M))

    def test_every_name_has_a_page(self):
        build = read("docs", "meson.build")
        self.assertEqual([], [name for name in ["subunit", *tools()] if "'%s'" % name not in build])
        name_line = plain(part("subunit-tools.1.scd", "NAME"))
        self.assertCountEqual(tools(), re.split(r",\s+", name_line.split(" - ")[0].strip()))

    def test_pages_are_scdoc(self):
        if not shutil.which("scdoc"):
            self.skipTest("no scdoc")
        for page in PAGES:
            with self.subTest(page):
                run = subprocess.run(["scdoc"], input=read("docs", page).encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                self.assertEqual((0, b""), (run.returncode, run.stderr))
                self.assertEqual("", "".join(re.findall(r".*[ \t]\n", read("docs", page))))


if __name__ == "__main__":
    tap.main()
