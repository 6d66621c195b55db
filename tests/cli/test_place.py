# SPDX-License-Identifier: Apache-2.0
"""Where the repository is: --repository, TESTR_REPOSITORY, the configuration, the project's directory."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
for place in ("..", ".", "../repository"):
    sys.path.insert(0, os.path.join(HERE, place))
import tap  # noqa: E402
from project import ProjectTest  # noqa: E402


class Place(ProjectTest):
    def setUp(self):
        super().setUp()
        self.env.pop("TESTR_REPOSITORY", None)

    def test_option_before_environment_before_configuration_before_directory(self):
        self.write(".testr.conf", "[DEFAULT]\n")
        self.call("init", expect=0)
        self.assertTrue(os.path.exists(self.path(".testrepository/format")))
        os.mkdir(self.path("configured"))
        self.write(".testr.conf", "[DEFAULT]\nrepository=configured\n")
        self.call("init", expect=0)
        self.assertTrue(os.path.exists(self.path("configured/.testrepository/format")))
        self.env["TESTR_REPOSITORY"] = "sqlite:" + self.path("environment")
        self.call("init", expect=0)
        self.assertTrue(os.path.exists(self.path("environment/format")))
        self.call("init", "-R", "sqlite:option", expect=0)
        self.assertTrue(os.path.exists(self.path("option/index.sqlite")))
        self.assertEqual(["runs=0"], self.lines("stats", "--repository=sqlite:option", expect=0))

    def test_errors_name_the_place(self):
        for url, words in (("sqlite:nothing", "No repository found in sqlite:nothing."),
                           ("postgresql:///x?host=/nonexistent", "is the server running"),
                           ("nowhere", "No repository found in nowhere.")):
            result = self.call("stats", "-R", url, expect=3)
            self.assertIn(words, result.err)

    def test_a_repository_in_memory_ends_with_the_command(self):
        self.call("init", "-R", "memory:", expect=0)
        self.assertEqual(["runs=0"], self.lines("stats", "-R", "memory:", expect=0))

    def test_a_password_is_not_stored(self):
        self.project("a:pass")
        self.call("run", "--no-tests", "pass", "-R", self.dir, "postgresql://me:secret@host/database", expect=0)
        self.assertTrue(self.stored(b"postgresql://me:***@host/database"))
        self.assertFalse(self.stored(b"secret"))


if __name__ == "__main__":
    tap.main()
