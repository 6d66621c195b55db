# SPDX-License-Identifier: Apache-2.0
"""Random streams, all of them decided by a seed: subunit v2, whole and damaged, subunit v1, TAP; and random command lines of the
tools that read them."""

import random

from toolcheck import packet

IDS = ["a", "pkg.mod.test_one", "pkg.mod.test_two", "pkg.mod.Class.test_3(x.y)", "pkg.mod.Class.test_4 with blanks", "tést.ünï",
       "a,b", 'say "x"', "<&]]>", "dir/test", "dir/sub/test", "trailing.", "№ 5", "back\\slash", "tab\tbed", "'quoted'"]
TAGS = ["worker-0", "worker-1", "slow", "tág", "a-b", "x,y"]
TEXTS = ["line\n", "two\nlines\n", "  ", "x", "\n", "<&>\"'\n", "  led and trailed  \n", "]\n", "naïve Ω\n", "m³\n", "{{{x}}}", "a\r\nb",
         "Traceback (most recent call last):\n  File \"x\", line 1\nError: slow\n", "\x01\x0b bell \x7f\n"]
NAMES = ["log", "traceback", "reason", "stdout", "Packet data", "naïve", "a/b"]
# Types, and in what the text then comes.
TEXT_TYPES = [("text/plain", "latin-1"), ("text/plain;charset=utf8", "utf-8"), ('text/plain; charset="utf-8"', "utf-8"),
              ("text/x-traceback;charset=utf8;language=python", "utf-8"), ("text/html; charset=iso-8859-1", "latin-1"),
              ("text/plain;charset=utf8,language=python", "utf-8"), ("text/plain; charset=us-ascii", "ascii")]
OTHER_TYPES = [None, "application/octet-stream", "image/png", 'application/x;b="2";a=1']
BAD_TYPES = ["text/plain;charset=nonsense", "text", "*", "", "a/b/c"]
FINAL = (3, 4, 5, 6, 7)
NOISE = ["some text\n", "no newline", "mé\n", "m³ ", "\n", "compiling...\n" * 3, "test: x\n", "success: x\n", "ok 1\n"]
SHARDS = [b"\xb3", b"\xb3\xb3", b"m\xb3\n", b"\xb3\x29", b"\xe2", b"\xe2x", b"\xf4", b"\xc2", b"\xff", b"\x80", b"\xb3\x29\x01\x00",
          b"\xb3\x29\x01\x40\x20", b"\xb3\x2b\x03\xc0\x00\x00\x10", b"\xb3\x29\x01\x80\x00\x08", b"\xb3  text", b"\x00", b"\xe0", b"\xed"]


class Times:
    """A clock for packets: all events have times, some, or none."""

    def __init__(self, rng):
        self.rng, self.now = rng, rng.choice([1577836800, 0, 1700000000])
        self.share = rng.choice([1, 1, 0.8, 0])

    def next(self):
        self.now += self.rng.choice([0, 0, 1, 3])
        if self.rng.random() >= self.share:
            return None
        nanos = self.rng.choice([0, 500, 1500, 1000, 999999000, 999999500, self.rng.randrange(10**9)])
        return (self.now, nanos)


def file_content(rng, careful):
    """The type, the name and the bytes of an attachment."""
    name = rng.choice(NAMES[:3] * 3 + NAMES)
    kind = rng.random()
    if kind < 0.75 or name == "reason" and careful:
        mime, codec = rng.choice(TEXT_TYPES)
        text = "".join(rng.choices(TEXTS, k=rng.choice([1, 1, 2, 5])))
        return mime, name, (text.encode(codec, "replace") or b"text") if text.strip() or not careful else b"text"
    if kind < 0.95 or careful:
        return rng.choice(OTHER_TYPES), name, rng.randbytes(rng.choice([1, 5, 60, 300])) or b"x"
    return rng.choice(BAD_TYPES), name, rng.choice([b"\xff\xfe", b"text", b"", b"\xb3"])


class Test:
    """The packets of one test, in order."""

    def __init__(self, rng, careful):
        self.rng, self.careful = rng, careful
        self.id = rng.choice(IDS)
        if not careful and rng.random() < 0.05:
            self.id = rng.choice(["", "x" * 300, "very long " * 2000])
        self.route = rng.choice([None, None, None, "0", "0/1", ""])
        self.todo = self.plan()

    def plan(self):
        rng, steps = self.rng, []
        status = rng.choice(FINAL + (3, 3, 6, 0))
        if rng.random() < 0.9:
            steps.append(("status", 2))
        if rng.random() < 0.1:
            steps.append(("status", 1))
        files = rng.choice([0, 0, 1, 1, 2, 3])
        if self.careful and status in (0, 6, 7):
            files = max(files, 1)
        names = set()
        for _ in range(files):
            mime, name, content = file_content(rng, self.careful)
            if self.careful and name in names:
                continue
            names.add(name)
            at = rng.randrange(len(content) + 1) if rng.random() < 0.3 else len(content)
            # The type of the first piece that is not empty is the one that counts.
            steps.append(("file", mime, name, content[:at], at == len(content)))
            if at < len(content):
                steps.append(("file", mime, name, content[at:], True))
        if status:
            steps.append(("status", status))
        if not self.careful and rng.random() < 0.05:
            steps.append(("file",) + file_content(rng, False) + (True,))
        return steps

    def packet(self, times):
        rng, step = self.rng, self.todo.pop(0)
        tags = None
        if rng.random() < 0.35:
            tags = [t.encode() for t in rng.choices(TAGS, k=rng.choice([0, 1, 1, 2, 4]))]
        flags = 0x2000 | (0x100 if rng.random() < 0.9 else 0)
        mime = file = None
        if step[0] == "status":
            flags |= step[1] | (0x10 if rng.random() < 0.2 else 0)
            # An attachment may ride on any packet.
            if rng.random() < 0.1 and not self.careful:
                kind, name, content = file_content(rng, False)
                mime, file = kind, (name.encode(), content)
        else:
            mime, file = step[1], (step[2].encode(), step[3])
            flags |= 0x10 if step[4] else 0
        return packet(flags, self.id.encode(), times.next(), tags, None if mime is None else mime.encode(), file,
                      None if self.route is None else self.route.encode())


def loose_packet(rng, times):
    """A packet of no test."""
    name = rng.choice(["stdout", "global", "global", ""]).encode()
    return packet(0x2000 | rng.choice([0, 0x10, 0x100, 0x110]), None, times.next() if rng.random() < 0.5 else None,
                  rng.choice([None, None, [b"slow"]]), rng.choice([None, b"text/plain"]),
                  (name, rng.choice([b"", b"attachment\n", "mé".encode()])), rng.choice([None, None, b"0"]))


def v2_parts(rng, careful):
    """The packets and texts of a whole stream."""
    times, parts, running = Times(rng), [], []
    waiting = [Test(rng, careful) for _ in range(rng.choice([0, 1, 3, 8, 20]))]
    noisy = rng.choice([0, 0.05, 0.3])
    while waiting or running:
        while waiting and (not running or rng.random() < 0.4):
            running.append(waiting.pop())
        test = rng.choice(running)
        if rng.random() < noisy:
            parts.append(rng.choice(NOISE).encode() if rng.random() < 0.7 else loose_packet(rng, times))
        if test.todo:
            parts.append(test.packet(times))
        if not test.todo:
            running.remove(test)
    if rng.random() < noisy:
        parts.append(rng.choice(NOISE).encode())
    return parts


def damage(rng, parts):
    """One to four wounds."""
    parts = [bytearray(p) for p in parts if p] or [bytearray(b"text")]
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(parts))
        part, kind = parts[at], rng.random()
        if not part:
            continue
        where = rng.randrange(len(part))
        if kind < 0.2:
            del part[where:]
        elif kind < 0.4:
            part[where] ^= 1 << rng.randrange(8)
        elif kind < 0.5:
            del part[where:where + rng.randint(1, 6)]
        elif kind < 0.6:
            part[where:where] = rng.randbytes(rng.randint(1, 6))
        elif kind < 0.9:
            parts.insert(at, bytearray(rng.choice(SHARDS)))
        else:
            parts.insert(at, bytearray(rng.randbytes(rng.choice([3, 30]))))
    return parts


def v1_details(rng, careful):
    """What follows the name in the line of an outcome, and the lines after it."""
    kind = rng.random()
    if kind < 0.4:
        return b"", b""
    if kind < 0.75:
        lines = rng.choices(["Traceback\n", " ]\n", "  ]\n", "] \n", "test: x\n", "\n", "naïve\n", " blank\n", "time: x\n"],
                            k=rng.randint(0, 4))
        return b" [", "".join(lines).encode() + b"]\n"
    parts = b""
    for name in rng.sample(["traceback", "log", "reason", "naïve"], rng.randint(0, 3)):
        mime, codec = rng.choice([("text/plain;charset=utf8", "utf-8"), ("text/plain", "latin-1"),
                                  ("text/x-traceback;charset=utf8,language=python", "utf-8"), ("application/octet-stream", "utf-8")])
        if name == "reason" and careful:
            mime, codec = "text/plain;charset=utf8", "utf-8"
        parts += ("Content-Type: %s\n%s\n" % (mime, name)).encode()
        for _ in range(rng.randint(0, 3)):
            chunk = rng.choice(TEXTS).encode(codec, "replace")
            size = rng.choice(["%X\r\n", "%x\r\n", "0%x\r\n"]) % len(chunk)
            parts += size.encode() + chunk
        parts += b"0\r\n"
    return b" [ multipart", parts + b"]\n"


def v1_stream(rng):
    careful, out = rng.random() < 0.8, []
    names = [i for i in IDS if "\t" not in i] + ["test x", "x [", " led", "trailed "]
    now = 1577836800
    for _ in range(rng.choice([1, 5, 20, 40])):
        kind = rng.random()
        now += rng.choice([0, 1, 7])
        if kind < 0.2:
            out.append(rng.choice(NOISE).replace("test: x\n", "x\n").encode().rstrip(b"\n") + b"\n")
        elif kind < 0.25:
            out.append(rng.choice([b"a \xb3 b\n", b"\xb3\x29\x01\n", b"\xff\n", b" test: indented\n", b"test:\n", b"test\n", b"\r\n"]))
        elif kind < 0.4:
            zone = rng.choice([b"Z", b"", b"+01:00", b".5Z", b".123456Z", b".1234567Z"])
            day, rest = 1 + now // 86400 % 28, now % 86400
            out.append(b"time: 2020-01-%02d %02d:%02d:%02d%s\n" % (day, rest // 3600, rest // 60 % 60, rest % 60, zone))
        elif kind < 0.5:
            tags = rng.choices(["a", "b", "-a", "-b", "tág"], k=rng.randint(1, 3))
            out.append(rng.choice(["tags: ", "tags "]).encode() + " ".join(tags).encode() + b"\n")
        elif kind < 0.55:
            out.append(b"progress: " + rng.choice([b"3", b"+2", b"-1", b"push", b"pop"]) + b"\n")
        else:
            name = rng.choice(names).encode()
            out.append(rng.choice([b"test: ", b"test:  ", b"testing: ", b"test ", b"testing::: "]) + name + b"\n")
            if rng.random() < 0.1:
                out.append(b"in the middle\n")
            word = rng.choice([b"success", b"successful", b"failure", b"error", b"skip", b"xfail", b"uxsuccess"])
            if rng.random() < 0.95:
                mark, details = v1_details(rng, careful)
                out.append(word + rng.choice([b": ", b": ", b" "]) + (name if rng.random() < 0.97 else b"other") + mark + b"\n" + details)
    return b"".join(out)


TAP_LINES = ["ok", "not ok", "ok ", "ok 1", "not ok 2", "ok 5 ", "ok 3   ", "ok 4 - d", "ok desc", "ok 12abc", "ok  7  x y ", "okay",
             "ok1", " ok 1", "not ok - a # TODO", "ok # SKIP", "ok 1 # skip why", "ok 2 x # todo  late ", "ok 2 x# TODO",
             "ok #TODO", "ok # TODOx", "ok # TODO ", "ok a # b", "ok # Skip x", "1..3", "1..0 # why", "1..2 # ", "1..2 #", "2..5",
             "1..4  # c", "Bail out!", "Bail out! x ", "Bail out!y", "Bail out", "# c", "#", " # x", "text", "", "ok\t1",
             "not  ok 1", "ok 1\tx", "ok 1 2", "ok 1 #", "ok 2.5", "ok 0", "ok 00012", "1..3x", "ok 1\r", "# c\r", "é"]


def tap_stream(rng, length=None):
    return "\n".join(rng.choices(TAP_LINES, k=length or rng.randint(1, 40))).encode() + rng.choice([b"\n", b""])


EXPRESSIONS = ["test_[1-4]", "slow|line", "(?i:LINE)", "^success", "failure", "^pkg", "None", r"\\n", "text/plain", "value=b'", r"\\xc3",
               "log", "Class.*x", "x$", "tést", "[<&]", "traceback"]


def filter_options(rng):
    """Options of subunit-filter that the reference has and that do not end it."""
    options = []
    for _ in range(rng.choice([0, 1, 2, 3, 5])):
        options += rng.choice([
            ["-s"], ["--success"], ["--no-success"], ["--no-skip"], ["--xfail"], ["--no-xfail"], ["--failure"], ["-f"], ["--no-failure"],
            ["--error"], ["-e"], ["--no-error"], ["--passthrough"], ["--no-passthrough"], ["-F"], ["--only-genuine-failures"], ["-sf"],
            ["--with", rng.choice(EXPRESSIONS)], ["-m" + rng.choice(EXPRESSIONS)], ["--without=" + rng.choice(EXPRESSIONS)],
            ["--with-tag", rng.choice(TAGS)], ["--without-tag=" + rng.choice(TAGS)],
            ["--rename", rng.choice(["pkg", r"test_(.)", r"(\w+)\.(\w+)", "^", "x*"]), rng.choice(["", "new", r"-\g<0>-"])]])
    return options


def tag_arguments(rng):
    return [rng.choice(["", "-"]) + rng.choice(TAGS) for _ in range(rng.randint(1, 4))]


def output_arguments(rng):
    """Arguments of subunit-output; standard input has a few bytes."""
    args = []
    if rng.random() < 0.8:
        args += ["--" + rng.choice(["exists", "inprogress", "success", "uxsuccess", "skip", "fail", "xfail"]), rng.choice(IDS)]
    if rng.random() < 0.5:
        args += ["--attach-file", "-"]
        args += rng.choice([[], ["--mimetype", rng.choice(TEXT_TYPES)[0]]])
    elif rng.random() < 0.1:
        args += rng.choice([["--mimetype", "a/b"], ["--file-name", "x"], ["--fail", "a", "--skip", "b"], ["--nonsense"]])
    for tag in rng.choices(TAGS, k=rng.choice([0, 0, 1, 3])):
        args += ["--tag", tag]
    return args
