# SPDX-License-Identifier: Apache-2.0
"""The projects of the comparison: Python test modules, and a shell runner that prints prepared streams with fixed times."""

import datetime
import io

import subunit

CONFIG = """\
[DEFAULT]
test_command=${PYTHON} -m subunit.run discover . $LISTOPT $IDOPTION
test_id_option=--load-list $IDFILE
test_list_option=--list
"""

RUNNER_CONFIG = """\
[DEFAULT]
test_command=sh ./runner $LISTOPT $IDOPTION
test_id_option=--ids $IDFILE
test_list_option=--list
"""

# Prints the packets of the listing (`--list`), of the tests in a file (`--ids FILE`) or of all tests. What a test does may depend on what
# ran before it in the same process (results/ID.after.OTHER) or on how often the runner ran (results/ID.run.N, when there is a file "count");
# results/ID.sh is run after the packets of its test.
RUNNER = """\
case $1 in
--list) exec cat list ;;
--ids) ids=$(cat "$2") ;;
*) ids=$(cat ids) ;;
esac
if [ -e count ]; then
	n=$(($(cat count) + 1))
	echo $n >count
fi
for id in $ids; do
	result=results/$id
	for other in $before; do
		[ ! -e "results/$id.after.$other" ] || result=results/$id.after.$other
	done
	[ ! -e "results/$id.run.$n" ] || result=results/$id.run.$n
	[ ! -e "$result" ] || cat "$result"
	[ ! -e "results/$id.sh" ] || . "./results/$id.sh"
	before="$before $id"
done
"""

EPOCH = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)


def stream(*tests, start=0):
    """The bytes of a stream: each test (id, status, seconds[, {"tags": […], "details": {name: (type, bytes)}}]), one after the other.
    Besides subunit's own there is the status "lost" of a test that never ends. `start` is in seconds."""
    bytes_io = io.BytesIO()
    out = subunit.StreamResultToBytes(bytes_io)
    now = EPOCH + datetime.timedelta(seconds=start)
    for test_id, status, seconds, *more in tests:
        tags = set(more[0].get("tags", ())) if more else set()
        details = more[0].get("details", {}) if more else {}
        if status == "exists":
            out.status(test_id=test_id, test_status="exists", timestamp=now)
            continue
        out.status(test_id=test_id, test_status="inprogress", test_tags=tags, timestamp=now)
        now += datetime.timedelta(seconds=seconds)
        for name, (mime_type, data) in details.items():
            out.status(test_id=test_id, file_name=name, mime_type=mime_type, file_bytes=data, eof=True, timestamp=now)
        if status != "lost":
            out.status(test_id=test_id, test_status=status, test_tags=tags, timestamp=now)
    return bytes_io.getvalue()


def listing(*ids):
    return stream(*((test_id, "exists", 0) for test_id in ids))


TRACEBACK = {"details": {"traceback": ("text/x-traceback;charset=utf8,language=python", b"Why\n  it failed\n")}}


def result(test_id, status, seconds=1, start=0, **more):
    """The stream of one test; a failure has a traceback."""
    return stream((test_id, status, seconds, more or (TRACEBACK if status == "fail" else {})), start=start)


def failure(test_id, tags="worker-0"):
    """How the failure of such a test is shown."""
    return "%s\nFAIL: %s\ntags: %s\n%s\nWhy\n  it failed\n" % ("=" * 70, test_id, tags, "-" * 70)


def runner(config="", **tests):
    """A project whose tests have the given results: a status, or (status, seconds), or bytes. In names a "__" stands for a dot. The
    tests begin at 10 s, 20 s, … . `config` is put at the end of the configuration."""
    files = {".testr.conf": RUNNER_CONFIG + config, "runner": RUNNER}
    ids = []
    for name, what in tests.items():
        test_id = name.replace("__", ".")
        ids.append(test_id)
        if isinstance(what, str):
            what = (what, 1)
        files["results/" + test_id] = what if isinstance(what, bytes) else result(test_id, *what, start=10 * len(ids))
    files["list"] = listing(*ids)
    files["ids"] = "".join(test_id + "\n" for test_id in ids)
    return files


# Every outcome of a unittest test but the unexpected success.
OUTCOMES = {
    ".testr.conf": CONFIG,
    "test_outcomes.py": '''\
import unittest


class Outcomes(unittest.TestCase):
    def test_error(self):
        raise RuntimeError("an error")

    @unittest.expectedFailure
    def test_expected_failure(self):
        self.fail("expected")

    def test_fail(self):
        self.assertEqual("one\\ntwo", "one\\nthree")

    def test_pass(self):
        pass

    @unittest.skip("not today")
    def test_skip(self):
        pass

    def test_subtests(self):
        for i in range(3):
            with self.subTest(i=i):
                self.assertNotEqual(i, 1)

    def test_unicode(self):
        self.fail("\\u00e9\\u4e2d\\U0001f600")

''',
}

FIXTURES = {
    ".testr.conf": CONFIG,
    "test_fixtures.py": '''\
import unittest

class SetUpClassFails(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise RuntimeError("no class")

    def test_never(self):
        pass


class SetUpClassSkips(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise unittest.SkipTest("no class today")

    def test_never(self):
        pass
''',
}

UNEXPECTED = {
    ".testr.conf": CONFIG,
    "test_unexpected.py": '''\
import unittest


class Unexpected(unittest.TestCase):
    @unittest.expectedFailure
    def test_unexpected(self):
        pass
''',
}

IMPORT_ERROR = {
    ".testr.conf": CONFIG,
    "test_broken.py": "import no_such_module\n",
    "test_whole.py": '''\
import unittest


class Whole(unittest.TestCase):
    def test_pass(self):
        pass
''',
}

# Tests with attachments of all sorts, made with testtools.
DETAILS = {
    ".testr.conf": CONFIG,
    "test_details.py": '''\
import testtools
from testtools.content import Content, text_content
from testtools.content_type import ContentType


class Details(testtools.TestCase):
    def add(self):
        self.addDetail("log", text_content("line1\\nline2\\n"))
        self.addDetail("single", text_content("one line"))
        self.addDetail("empty", text_content(""))
        self.addDetail("blank", text_content("  \\n"))
        self.addDetail("binary", Content(ContentType("application", "octet-stream"), lambda: [b"\\0\\1"]))
        self.addDetail("latin", Content(ContentType("text", "plain", {"charset": "iso-8859-1"}), lambda: [b"caf\\xe9"]))

    def test_all_fail(self):
        self.add()
        self.fail("with everything")

    def test_all_pass(self):
        self.add()

    def test_mismatch(self):
        self.assertThat([1, 2], testtools.matchers.Equals([1, 3]))

    def test_skip(self):
        self.skipTest("because")
''',
}
