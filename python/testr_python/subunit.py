# SPDX-License-Identifier: Apache-2.0
"""Packets of subunit version 2: writes them, and reads them from any bytes.

Only a whole and right packet is one. After anything else the reader goes on at the next byte.
"""

import struct
import zlib

MAX_PACKET = 4194303
# How much of an attachment is put into one packet.
MAX_CONTENT = 1048576

STATUSES = (None, "exists", "inprogress", "success", "uxsuccess", "skip", "fail", "xfail")
_CODES = {name: code for code, name in enumerate(STATUSES)}

_SIGNATURE = 0xB3
_VERSION = 0x2000
_ID = 0x0800
_ROUTE = 0x0400
_TIMESTAMP = 0x0200
_RUNNABLE = 0x0100
_TAGS = 0x0080
_FILE = 0x0040
_MIME = 0x0020
_EOF = 0x0010


class BadPacket(ValueError):
    """What cannot be written, or what looked like a packet and is none."""


# ---- writing ----


def _number(value):
    if value < 0x40:
        return bytes((value,))
    if value < 0x4000:
        return struct.pack(">H", value | 0x4000)
    if value < 0x400000:
        return struct.pack(">I", value | 0x800000)[1:]
    if value < 0x40000000:
        return struct.pack(">I", value | 0xC0000000)
    raise BadPacket("the number %d is too large" % value)


def clean(text):
    """What a packet says in place of `text`: the same, but for lone surrogates and NUL, which it cannot hold."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\0")


def _text(text):
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError:
        data = clean(text).encode("utf-8")
    if b"\0" in data:
        data = data.replace(b"\0", b"\\0")
    return _number(len(data)) + data


def packet(test_id=None, status=None, nanoseconds=None, tags=(), file_name=None, content=b"", eof=False, mime_type=None,
           route=None, runnable=True):
    """The bytes of one packet. `nanoseconds` are those since 1970; `content` counts only with a file name."""
    flags = _VERSION | _CODES[status]
    parts = []
    if nanoseconds is not None:
        flags |= _TIMESTAMP
        seconds, rest = divmod(nanoseconds, 1000000000)
        parts.append(struct.pack(">I", seconds) + _number(rest))
    if test_id is not None:
        flags |= _ID
        parts.append(_text(test_id))
    if tags:
        flags |= _TAGS
        parts.append(_number(len(tags)))
        parts.extend(_text(tag) for tag in sorted(tags))
    if runnable:
        flags |= _RUNNABLE
    if mime_type:
        flags |= _MIME
        parts.append(_text(mime_type))
    if file_name is not None:
        flags |= _FILE
        parts += (_text(file_name), _number(len(content)), content)
    if eof:
        flags |= _EOF
    if route is not None:
        flags |= _ROUTE
        parts.append(_text(route))
    body = b"".join(parts)
    # Signature, flags, CRC, and the length itself, which grows with what it says.
    length = len(body) + 7
    length += 1 if length + 1 < 0x40 else 2 if length + 2 < 0x4000 else 3
    if length > MAX_PACKET:
        raise BadPacket("a packet of %d bytes is too long" % length)
    head = struct.pack(">BH", _SIGNATURE, flags) + _number(length) + body
    return head + struct.pack(">I", zlib.crc32(head))


def attachment(test_id, name, mime_type, content, nanoseconds=None, eof=True):
    """The packets of one attachment, a list."""
    pieces = [content[i:i + MAX_CONTENT] for i in range(0, len(content), MAX_CONTENT)] or [b""]
    return [packet(test_id, None, nanoseconds, (), name, piece, eof and i == len(pieces) - 1, mime_type)
            for i, piece in enumerate(pieces)]


# ---- reading ----


class Event:
    """One packet. What is not in it is None; `tags` is empty then, and `file_name` is None without a file."""

    __slots__ = ("test_id", "status", "nanoseconds", "tags", "file_name", "content", "eof", "mime_type", "route", "runnable")

    def __init__(self, **fields):
        for name in self.__slots__:
            setattr(self, name, fields.get(name))


class _Cursor:
    """Takes the fields of one packet, and refuses to go beyond it."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, length):
        piece = self.data[self.at:self.at + length]
        if len(piece) < length:
            raise BadPacket("a field goes beyond the packet")
        self.at += length
        return piece

    def number(self):
        first = self.take(1)[0]
        value = first & 0x3F
        for byte in self.take(first >> 6):
            value = value << 8 | byte
        return value

    def text(self):
        data = self.take(self.number())
        if b"\0" in data:
            raise BadPacket("a text holds NUL")
        return data.decode("utf-8")


def _parse(flags, body):
    cursor = _Cursor(body)
    event = Event(status=STATUSES[flags & 7], tags=[], eof=bool(flags & _EOF), runnable=bool(flags & _RUNNABLE))
    if flags & _TIMESTAMP:
        seconds = struct.unpack(">I", cursor.take(4))[0]
        event.nanoseconds = seconds * 1000000000 + cursor.number()
    if flags & _ID:
        event.test_id = cursor.text()
    if flags & _TAGS:
        event.tags = [cursor.text() for _ in range(cursor.number())]
    if flags & _MIME:
        event.mime_type = cursor.text()
    if flags & _FILE:
        event.file_name = cursor.text()
        event.content = bytes(cursor.take(cursor.number()))
    if flags & _ROUTE:
        event.route = cursor.text()
    if cursor.at != len(body):
        raise BadPacket("bytes are left in the packet")
    return event


class Reader:
    """Finds packets in bytes that come in pieces. What looks like the start of one is waited for as long as it says."""

    def __init__(self):
        self._buffer = bytearray()

    def feed(self, data):
        """The events that `data` completes, a list. What is no packet is dropped."""
        self._buffer += data
        events = []
        at = 0
        while True:
            at = self._buffer.find(_SIGNATURE, at)
            if at < 0:
                at = len(self._buffer)
                break
            length = self._length(at)
            if length is None:
                break
            event = self._event(at, length) if length else None
            if event:
                events.append(event)
                at += length
            else:
                at += 1
        del self._buffer[:at]
        return events

    def _length(self, at):
        """The length of the packet there; 0: there can be none; None: more bytes are needed."""
        head = self._buffer[at:at + 6]
        if len(head) > 1 and (head[1] & 0xF0) << 8 != _VERSION:
            return 0
        if len(head) < 4:
            return None
        size = head[3] >> 6
        if size == 3:
            return 0
        if len(head) < 4 + size:
            return None
        length = head[3] & 0x3F
        for byte in head[4:4 + size]:
            length = length << 8 | byte
        if length < 8 + size:
            return 0
        return length if len(self._buffer) >= at + length else None

    def _event(self, at, length):
        data = bytes(self._buffer[at:at + length])
        if zlib.crc32(data[:-4]) != struct.unpack(">I", data[-4:])[0]:
            return None
        try:
            return _parse(struct.unpack(">H", data[1:3])[0], data[4 + (data[3] >> 6):-4])
        except ValueError:
            return None
