#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""testr_python.subunit: what it writes is what python3-subunit reads, and it reads what the vectors say."""
import datetime
import io
import json
import lzma
import os
import random
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "..", "..", "python")]
import tap  # noqa: E402
from testr_python import report, rpc, subunit  # noqa: E402

import subunit as reference  # noqa: E402
from subunit.v2 import ByteStreamToStreamResult, StreamResultToBytes  # noqa: E402

VECTORS = os.environ.get("TESTR_VECTORS") or os.path.join(HERE, "..", "vectors")
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
LENGTHS = (0, 1, 30, 62, 63, 64, 65, 255, 256, 16382, 16383, 16384, 65536, 1000000)


class Collect(list):
    def status(self, **event):
        self.append(dict(dict.fromkeys(("test_id", "test_status", "file_name", "file_bytes")), **event))


def reference_events(data):
    collect = Collect()
    ByteStreamToStreamResult(io.BytesIO(data), non_subunit_name="text").run(collect)
    return collect


def reference_bytes(**event):
    out = io.BytesIO()
    StreamResultToBytes(out).status(**event)
    return out.getvalue()


def random_event(rng):
    text = lambda: "".join(rng.choice("aé€𝄞 /.\n") for _ in range(rng.choice((1, 5, 40, 70))))  # noqa: E731
    maybe = lambda make: make() if rng.random() < 0.5 else None  # noqa: E731
    event = {
        "test_id": maybe(text), "test_status": rng.choice(subunit.STATUSES), "test_tags": maybe(lambda: {text()}) or set(),
        "runnable": rng.random() < 0.5, "eof": rng.random() < 0.5, "mime_type": maybe(text), "route_code": maybe(text),
        "timestamp": maybe(lambda: EPOCH + datetime.timedelta(seconds=rng.randrange(1 << 32), microseconds=rng.randrange(10 ** 6)))}
    if rng.random() < 0.5:
        event.update(file_name=text(), file_bytes=bytes(rng.randrange(256) for _ in range(rng.randrange(300))))
    return event


def ours(event):
    when = event["timestamp"]
    if when is not None:
        since = when - EPOCH
        when = ((since.days * 86400 + since.seconds) * 10 ** 6 + since.microseconds) * 1000
    return subunit.packet(event["test_id"], event["test_status"], when, event["test_tags"], event.get("file_name"),
                          event.get("file_bytes", b""), event["eof"], event["mime_type"], event["route_code"],
                          event["runnable"])


class Writing(unittest.TestCase):
    def test_same_bytes(self):
        rng = random.Random(1)
        for _ in range(2000):
            event = random_event(rng)
            self.assertEqual(reference_bytes(**event), ours(event))

    def test_every_length(self):
        for length in LENGTHS:
            event = dict(test_id="t", file_name="f", file_bytes=b"x" * length)
            self.assertEqual(reference_bytes(**event), subunit.packet("t", file_name="f", content=b"x" * length))
        for length in range(40, 80):
            self.assertEqual(reference_bytes(test_id="i" * length), subunit.packet("i" * length))
        for length in range(16370, 16390):
            self.assertEqual(reference_bytes(test_id="i" * length), subunit.packet("i" * length))

    def test_what_cannot_be_written(self):
        with self.assertRaises(subunit.BadPacket):
            subunit.packet("t", file_name="f", content=bytes(subunit.MAX_PACKET))

    def test_text_that_no_packet_can_hold(self):
        data = subunit.packet("a\0b\udcff", "success")
        event, = subunit.Reader().feed(data)
        self.assertEqual("a\\0b\\udcff", event.test_id)
        self.assertEqual(event.test_id, subunit.clean("a\0b\udcff"))

    def test_long_attachments_are_split(self):
        for length in (0, 1, subunit.MAX_CONTENT, subunit.MAX_CONTENT + 1, 3 * subunit.MAX_CONTENT + 7):
            content = random.Random(length).getrandbits(8 * length + 8).to_bytes(length + 1, "big")[:length]
            events = reference_events(b"".join(subunit.attachment("t", "f", report.TEXT, content)))
            self.assertEqual(content, b"".join(bytes(e["file_bytes"]) for e in events))
            self.assertEqual([False] * (len(events) - 1) + [True], [e["eof"] for e in events])


class Reading(unittest.TestCase):
    def as_reference(self, event):
        when = event.nanoseconds
        return {"test_id": event.test_id, "test_status": event.status, "test_tags": sorted(event.tags) or None,
                "runnable": event.runnable, "eof": event.eof, "mime_type": event.mime_type or None, "route_code": event.route,
                "file_name": event.file_name, "file_bytes": event.content,
                "timestamp": when if when is None else
                EPOCH + datetime.timedelta(seconds=when // 10 ** 9, microseconds=when % 10 ** 9 // 1000)}

    def test_round_trip_in_any_pieces(self):
        rng = random.Random(2)
        for _ in range(300):
            events = [random_event(rng) for _ in range(5)]
            data = b"".join(ours(event) for event in events)
            reader, found = subunit.Reader(), []
            while data:
                length = rng.randrange(1, 40)
                found += reader.feed(data[:length])
                data = data[length:]
            wanted = [dict(dict.fromkeys(("file_name", "file_bytes")), **dict(e, test_tags=sorted(e["test_tags"]) or None))
                      for e in events]
            self.assertEqual(wanted, [self.as_reference(event) for event in found])

    def test_noise_costs_no_packet(self):
        rng = random.Random(3)
        good = subunit.packet("t", "success", 5, ("a",))
        for _ in range(100):
            noise = bytes(rng.choice((0xB3, 0x2B, 0x40, 10, rng.randrange(256))) for _ in range(rng.randrange(20)))
            # What looks like the start of a packet ends at the latest where that would end.
            found = subunit.Reader().feed(noise + good + bytes(1 << 22))
            self.assertEqual(["t"], [event.test_id for event in found])

    def test_every_flipped_bit(self):
        good = subunit.packet("t", "success", 5, ("a",), "f", b"content", True, "text/plain", "r")
        for bit in range(8 * len(good)):
            bad = bytearray(good)
            bad[bit // 8] ^= 1 << bit % 8
            # A changed length may ask for as much as this.
            more = 1 << 22 if bit // 8 == 3 else 100
            self.assertEqual([], subunit.Reader().feed(bytes(bad) + bytes(more)))

    def test_vectors(self):
        with open(os.path.join(VECTORS, "index.json"), encoding="utf-8") as f:
            vectors = [v for v in json.load(f)["vectors"] if v["kind"] == "v2"]
        compared = 0
        for vector in vectors:
            path = os.path.join(VECTORS, vector["input"])
            if not os.path.exists(path):
                path += ".xz"
            with (lzma.open if path.endswith(".xz") else open)(path, "rb") as f:
                data = f.read()
            if vector["name"].startswith("version_"):
                continue  # another version is no packet
            try:
                wanted = reference_events(data)
            except Exception:  # the reference dies of some
                continue
            if any(e["test_id"] == "subunit.parser" or e["file_name"] == "text" for e in wanted):
                continue  # the reference gives up good packets there
            with self.subTest(vector["name"]):
                found = subunit.Reader().feed(data)
                self.assertEqual(
                    [(e["test_id"], e["test_status"], e["file_name"], e["eof"], e["runnable"], e["route_code"],
                      e["mime_type"] or None, sorted(e["test_tags"] or ()),
                      None if e["file_bytes"] is None else bytes(e["file_bytes"])) for e in wanted],
                    [(e.test_id, e.status, e.file_name, e.eof, e.runnable, e.route, e.mime_type or None, sorted(set(e.tags)),
                      e.content) for e in found])
                compared += 1
        self.assertGreater(compared, 80)


class Messages(unittest.TestCase):
    def test_the_example_of_the_contract(self):
        with open(os.path.join(HERE, "..", "..", "docs", "rpc.md"), encoding="utf-8") as f:
            text = f.read()
        wanted = bytes.fromhex("".join(text[text.index("b328 7040"):].split()))
        self.assertEqual(wanted, rpc.encode("Hello", min=1, max=2))

    def test_long_messages_are_split_and_joined(self):
        tests = ["é%06d" % i for i in range(400000)]
        packets = rpc.encode("Done", nonce=1, returned=tests)
        texts = []
        messages = rpc._Messages()
        for i in range(0, len(packets), 65536):
            texts += messages.feed(packets[i:i + 65536])
        self.assertEqual([("Done", {"nonce": 1, "returned": tests})], [rpc.decode(text) for text in texts])

    def test_bad_json(self):
        for text in (b"", b"[]", b"1", b"{}", b'{"Run":1}', b'{"Run":{},"List":{}}', b'{"Run":{"nonce":1.0}}', b'{"Run":{"nonce":1e2}}',
                     b'{"Run":{"nonce":NaN}}', b'{"Run":{"nonce":1,"nonce":2}}', b'{"Run":{}}x', b'\xff', b"[" * 100000):
            with self.assertRaises(rpc.Fault, msg=repr(text[:30])):
                rpc.decode(text)


if __name__ == "__main__":
    assert reference.__file__ != subunit.__file__
    tap.main()
