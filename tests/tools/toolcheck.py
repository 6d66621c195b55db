# SPDX-License-Identifier: Apache-2.0
"""What the tests of the tools share: running a tool, the vectors, events in a form that can be compared, packets.

SUBUNIT_BIN names the multi-call program, TESTR_VECTORS the directory of the vectors."""

import base64
import csv
import datetime
import hashlib
import io
import json
import lzma
import os
import re
import subprocess
import zlib

BINARY = os.environ["SUBUNIT_BIN"]
# ./check --long
LONG = "TESTR_LONG" in os.environ
VECTORS = os.environ.get("TESTR_VECTORS", os.path.join(os.path.dirname(__file__), "..", "vectors"))
TIMEOUT = 120
# The time of day in the vectors.
FROZEN = "2024-05-06T07:08:09.123456Z"
NOW = "<now>"


class Done:
    def __init__(self, rc, out, err):
        self.rc, self.out, self.err = rc, out, err


def tool(name, *args, stdin=b"", command=None):
    """Runs one of our tools on bytes, or on an open file."""
    argv = (command or [BINARY, name]) + [os.fspath(a) for a in args]
    source = {"input": stdin} if isinstance(stdin, bytes) else {"stdin": stdin}
    done = subprocess.run(argv, **source, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TIMEOUT)
    return Done(done.returncode, done.stdout, done.stderr)


def load(path):
    if os.path.exists(path):
        with open(path, "rb") as f:
            return f.read()
    with lzma.open(path + ".xz") as f:
        return f.read()


def load_json(path):
    return json.loads(load(path))


def is_text(event):
    return event["file_name"] == "stdout" and not any(
        event[k] is not None for k in ("test_id", "test_status", "test_tags", "mime_type", "route_code", "timestamp"))


def join_text(events):
    """Neighbouring text joined, empty text gone; the exact nanoseconds, which the reference does not know, dropped."""
    joined = []
    for event in events:
        event = dict(event)
        event.pop("nanoseconds", None)
        if event["file_bytes"] is not None:
            event["file_bytes"] = base64.b64decode(event["file_bytes"])
        if is_text(event) and not event["eof"]:
            if joined and is_text(joined[-1]) and not joined[-1]["eof"]:
                joined[-1]["file_bytes"] += event["file_bytes"]
                continue
            if not event["file_bytes"]:
                continue
        joined.append(event)
    return joined


def events_of(stream, *options):
    done = tool("subunit2json", *options, stdin=stream)
    assert done.rc == 0 or options, done.err
    return join_text(json.loads(line) for line in done.out.splitlines())


def shorten(events):
    """Large bodies by length and hash, as in the vectors."""
    for event in events:
        data = event["file_bytes"]
        if data is not None and len(data) > 4096:
            event["file_bytes"] = (len(data), hashlib.sha256(data).hexdigest())
    return events


def vector_events(events):
    """The events of a vector in the form of shorten(events_of(…))."""
    result, run = [], []
    for event in events:
        event = dict(event)
        if "file_bytes_len" in event:
            event["file_bytes"] = (event.pop("file_bytes_len"), event.pop("file_bytes_sha256"))
            result += join_text(run) + [event]
            run = []
        else:
            run.append(event)
    return shorten(result + join_text(run))


def mask_now(events):
    """The time of day, ours or that of the vectors, by one word."""
    for event in events:
        stamp = event["timestamp"]
        if stamp == FROZEN or (stamp and stamp > "2025" and stamp < "2100"):
            event["timestamp"] = NOW
    return events


def mime_parts(text):
    """A MIME type without its spelling."""
    parts = [p.strip() for p in (text or "application/octet-stream").split(";")]
    parameters = sorted(p.replace('"', "").replace(" ", "").split(",")[0] for p in parts[1:] if "=" in p)
    return [parts[0].replace(" ", "")] + parameters


def join_pieces(pieces):
    """The bytes of an attachment; its length where a piece is known only by length and hash."""
    if all(isinstance(p, bytes) for p in pieces):
        return b"".join(pieces)
    return sum(p[0] if isinstance(p, tuple) else p if isinstance(p, int) else len(p) for p in pieces)


def is_text_record(record):
    return isinstance(record[0], dict) and is_text(record[0])


def records(events):
    """What the events say, however it is cut into packets: what belongs to no test in order, and the tests in the order in
    which they end, without times, routes and the spelling of MIME types."""
    said, open_tests = [], {}

    def end(key, status):
        record = open_tests.pop(key)
        files = sorted((n, m, join_pieces(p)) for n, (m, p) in record["files"].items())
        said.append((key[0], status, sorted(record["tags"]), files))

    for event in events:
        if event["test_id"] is None:
            where = {k: v for k, v in event.items() if k != "file_bytes"}
            if said and is_text_record(said[-1]) and said[-1][0] == where:
                said[-1][1].append(event["file_bytes"])
            else:
                said.append((where, [event["file_bytes"]]))
            continue
        if event["test_status"] == "exists":
            continue
        key = (event["test_id"], event["route_code"])
        record = open_tests.setdefault(key, {"tags": [], "files": {}})
        if event["test_tags"] is not None:
            record["tags"] = event["test_tags"]
        if event["file_name"] is not None and event["file_bytes"]:
            file = record["files"].setdefault(event["file_name"], (mime_parts(event["mime_type"]), []))
            file[1].append(event["file_bytes"])
        if event["test_status"] in ("success", "uxsuccess", "skip", "fail", "xfail"):
            end(key, event["test_status"])
    for key in list(open_tests)[::-1]:
        end(key, None)
    return [(s[0], join_pieces(s[1])) if is_text_record(s) else s for s in said]


def flat(events):
    """As records, but with times, routes and spelling: what --compat has to reproduce. Only the order of one test's attachments
    and their cutting into packets are free."""
    said, files = [], []

    def end_files():
        said.extend((e, join_pieces(p)) for e, p in sorted(files, key=lambda f: f[0]["file_name"]))
        files.clear()

    for event in events:
        where = {k: v for k, v in event.items() if k not in ("file_bytes", "eof")}
        if event["test_id"] is not None and event["file_name"] is not None and event["test_status"] is None:
            if not files or files[-1][0] != where:
                files.append((where, []))
            files[-1][1].append(event["file_bytes"])
            continue
        end_files()
        if is_text(event) and said and said[-1][0] == where:
            said[-1] = (where, join_pieces([said[-1][1], event["file_bytes"]]))
        else:
            data = event["file_bytes"]
            said.append((where, join_pieces([data]) if is_text(event) else data))
    end_files()
    return said


def sort_v1_tags(text):
    # Not only at the start of a line: the reference glues directives to text.
    return re.sub(rb"(?m)tags: (.*)$", lambda m: b"tags: " + b" ".join(sorted(m.group(1).split(b" "))), text)


def expected_bytes(run, key):
    for name in (key + "_unbuffered", key):
        if run.get(name) is not None:
            return run[name].encode()
        if run.get(name + "_b64") is not None:
            return base64.b64decode(run[name + "_b64"])
    if key + "_sha256" in run:
        return (run[key + "_len"], run[key + "_sha256"])
    return b""


def as_expected(expected, got):
    """The bytes in the form that the vector has."""
    return (len(got), hashlib.sha256(got).hexdigest()) if isinstance(expected, tuple) else got


def grown_by_newlines(expected, got):
    """True when `got` is `expected` with newlines put in."""
    if isinstance(got, tuple):
        return 0 < got[0] - expected[0] <= 2
    at = 0
    for byte in got:
        if at < len(expected) and expected[at] == byte:
            at += 1
        elif byte != 10:
            return False
    return at == len(expected)


def same_on_one_line(expected, got):
    return expected.replace(b"\n", b" ") == got.replace(b"\n", b" ")


def no_empty_tags(events):
    """The reference's writer leaves an empty list of tags out, though it takes the tags of a test away."""
    for event in events:
        event["test_tags"] = event["test_tags"] or None
    return events


def told(events):
    """The events of two writers in a form in which they can be equal: an empty list of tags is none, an empty type is none, and
    what belongs to no test may be cut anywhere."""
    result = []
    for event in no_empty_tags([dict(e) for e in events]):
        event["mime_type"] = event["mime_type"] or None
        where = {k: v for k, v in event.items() if k != "file_bytes"}
        if event["test_id"] is None and event["file_name"] is not None and result and result[-1][0] == where:
            result[-1] = (where, result[-1][1] + event["file_bytes"])
        else:
            result.append((where, event["file_bytes"]))
    return result


EPOCH = datetime.datetime(1970, 1, 1)
STATUSES = [None, "exists", "inprogress", "success", "uxsuccess", "skip", "fail", "xfail"]


class Body:
    """What is left to read of a packet."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        self.at += count
        return self.data[self.at - count:self.at]

    def number(self):
        first = self.take(1)[0]
        return int.from_bytes(bytes([first & 63]) + self.take(first >> 6), "big")

    def bytes(self):
        return self.take(self.number())

    def text(self):
        return self.bytes().decode()


def one_packet(data):
    """The event of a packet's bytes, in the form of events_of."""
    flags, body = int.from_bytes(data[1:3], "big"), Body(data[3:-4])
    body.number()
    stamp = None
    if flags & 0x0200:
        seconds, nanos = int.from_bytes(body.take(4), "big"), body.number()
        stamp = (EPOCH + datetime.timedelta(seconds=seconds, microseconds=nanos / 1000)).isoformat(timespec="microseconds") + "Z"
    test_id = body.text() if flags & 0x0800 else None
    tags = sorted(set(body.text() for _ in range(body.number()))) if flags & 0x0080 else None
    mime = body.text() if flags & 0x0020 else None
    name, content = (body.text(), body.bytes()) if flags & 0x0040 else (None, None)
    route = body.text() if flags & 0x0400 else None
    return {"test_id": test_id, "test_status": STATUSES[flags & 7], "test_tags": tags, "runnable": bool(flags & 0x0100),
            "file_name": name, "file_bytes": content, "eof": bool(flags & 0x0010), "mime_type": mime, "route_code": route,
            "timestamp": stamp}


def pieces_of(stream):
    """Whole packets, and what is between them: pairs of whether it is one and its bytes."""
    text, at = bytearray(), 0
    while at < len(stream):
        size = 0
        if stream[at] == 0xB3 and at + 4 < len(stream) and stream[at + 1] >> 4 == 2:
            size = Body(stream[at + 3:at + 7]).number()
            whole = stream[at:at + size]
            if size < 8 or len(whole) < size or zlib.crc32(whole[:-4]) != int.from_bytes(whole[-4:], "big"):
                size = 0
        if size:
            if text:
                yield False, bytes(text)
                text.clear()
            yield True, whole
        else:
            text.append(stream[at])
        at += size or 1
    if text:
        yield False, bytes(text)


def packets_of(stream):
    """The events of what a writer of version 2 wrote. Read here and by no tool, so that two writers can be compared."""
    text = {"test_id": None, "test_status": None, "test_tags": None, "runnable": True, "file_name": "stdout", "eof": False,
            "mime_type": None, "route_code": None, "timestamp": None}
    return [one_packet(data) if is_packet else dict(text, file_bytes=data) for is_packet, data in pieces_of(stream)]


def number(n):
    size = 1 if n < 1 << 6 else 2 if n < 1 << 14 else 3 if n < 1 << 22 else 4
    return (n | (size - 1) << (8 * size - 2)).to_bytes(size, "big")


def string(text):
    return number(len(text)) + text


def packet(flags, test_id=None, time=None, tags=None, mime=None, file=None, route=None):
    body = b""
    if time is not None:
        flags |= 0x0200
        body += time[0].to_bytes(4, "big") + number(time[1])
    if test_id is not None:
        flags |= 0x0800
        body += string(test_id)
    if tags is not None:
        flags |= 0x0080
        body += number(len(tags)) + b"".join(string(t) for t in tags)
    if mime is not None:
        flags |= 0x0020
        body += string(mime)
    if file is not None:
        flags |= 0x0040
        body += string(file[0]) + string(file[1])
    if route is not None:
        flags |= 0x0400
        body += string(route)
    base = 3 + len(body) + 4
    length = number(base + (1 if base <= 62 else 2 if base <= 16381 else 3))
    packed = b"\xb3" + flags.to_bytes(2, "big") + length + body
    return packed + zlib.crc32(packed).to_bytes(4, "big")


def random_stream(rng):
    """Interleaved tests with times, tags, attachments and text; nothing that kills the reference."""
    parts, now = [], 1577836800
    ids = [b"pkg.mod.test_%d" % i for i in range(rng.randint(1, 8))] + ["t\u00e9st".encode()]
    for _ in range(rng.randint(1, 60)):
        now += rng.randint(0, 3)
        kind = rng.random()
        time = (now, rng.randint(0, 16000)) if rng.random() < 0.8 else None
        tags = rng.sample([b"worker-0", b"worker-1", b"slow"], rng.randint(0, 3)) if rng.random() < 0.4 else None
        route = rng.choice([b"0", b"1"]) if rng.random() < 0.1 else None
        test_id = rng.choice(ids)
        if kind < 0.1:
            parts.append(rng.choice([b"some text\n", b"no newline", "m\u00e9\n".encode(), b"\n"]))
        elif kind < 0.35:
            parts.append(packet(0x2102, test_id, time, tags, route=route))
        elif kind < 0.6:
            file = (rng.choice([b"log", b"traceback", b"reason"]), rng.choice([b"line\n", b"a\nb\n", b"  ", b"x"]))
            parts.append(packet(0x2100 | rng.choice([0, 0x10]), test_id, time, tags, b"text/plain;charset=utf8", file, route))
        elif kind < 0.65:
            parts.append(packet(0x2101, test_id, time))
        elif kind < 0.7:
            parts.append(packet(0x2100, None, None, None, None, (b"global", b"attachment\n")))
        else:
            parts.append(packet(0x2100 | rng.randint(3, 7), test_id, time, tags, route=route))
    return b"".join(parts)


def reference(call, stream, **environment):
    """Runs one of Debian's tools on bytes."""
    env = dict(os.environ, PYTHONUNBUFFERED="1", PYTHONHASHSEED="0", TZ="UTC", LC_ALL="C.UTF-8", **environment)
    done = subprocess.run(["/usr/bin/" + call[0], *call[1:]], input=stream, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=TIMEOUT, env=env)
    assert b"Traceback (most recent call last)" not in done.stderr, done.stderr
    return done


# No id in a vector is longer.
csv.field_size_limit(1 << 24)


def python_time(stamp):
    """A timestamp as Python prints it."""
    if stamp is None:
        return "-"
    return re.sub(r"\.000000", "", stamp.replace("T", " ").replace("Z", "")) + "+00:00"


def ends(events):
    """The times of each test, in the order in which they end."""
    tests = {}
    for event in events:
        if event["test_id"] is None or event["test_status"] == "exists":
            continue
        key = (event["test_id"], event["route_code"])
        times = tests.setdefault(key, [event["timestamp"], None])
        times[1] = event["timestamp"]
        if event["test_status"] not in (None, "inprogress"):
            yield tests.pop(key)
    for key in list(tests)[::-1]:
        yield tests[key][0], None


def without_guesses(table, events):
    """Decision 21: where the reference's table has the time of another test or of day, ours has -."""
    rows = list(csv.reader(io.StringIO(table.decode(), newline="")))
    for row, times in zip(rows[1:], ends(events)):
        row[2:] = map(python_time, times)
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()


def without_guessed_seconds(report, events):
    """Decision 21 for subunit2junitxml: a test without a time of its start takes none, and a suite without any time as well."""
    known = [t for times in ends(events) for t in times if t]
    times = iter(ends(events))

    def own(match):
        start, _ = next(times)
        return match.group(0) if start else b'%stime="0.000"' % match.group(1)
    report = re.sub(rb'(<testcase classname="[^"]*" name="[^"]*" )time="-?[\d.]+"', own, report)
    return report if known else re.sub(rb'(<testsuite errors="0" failures="\d+" name="" tests="\d+" )time="-?[\d.]+"',
                                       rb'\1time="0.000"', report)


def mask_seconds(text):
    """Of subunit2pyunit: the time that it took itself."""
    return re.sub(rb"(?m)^(Ran \d+ tests?) in \d+\.\d{3}s$", rb"\1", text)


def loose_bytes(events):
    """What belongs to no test."""
    return b"".join(e["file_bytes"] for e in events if e["test_id"] is None and e["file_name"] is not None)


def tree(root):
    """The files below a directory."""
    found = {}
    for path, _, names in os.walk(root):
        for name in names:
            full = os.path.join(path, name)
            if os.path.islink(full):
                continue
            with open(full, "rb") as f:
                found[os.path.relpath(full, root)] = f.read()
    return found


# What we mend on purpose, by the number or section that the lists of the tests give as the reason, and the words by which
# docs/differences.md tells of it.
DOCUMENTED = {
    "18": "A 0xB3 in printed text",
    "19": "The version of a packet is ignored",
    "20": "`subunit-filter` sets every start time to the end time",
    "21": "Tools die on failures without text",
    "21, times": "where a time is unknown",
    "22": "write packets into their own output",
    "23": "can leave its directory",
    "24": "A write to a closed pipe or a full disk",
    "12.16": "glues the next directive to text",
    "v1, outcomes": "an outcome behind text without a newline",
    "12.20": "adds a failed `[build]` test",
    "8, nested suites": "leaves nested suites, output and further failures out",
    "ls, exists": "is none to `subunit-ls`",
    "1to2, times": "loses a microsecond",
    "2to1, names": "in ISO-8859-1",
    "disk, empty id": "with an empty id beside its directory",
}
