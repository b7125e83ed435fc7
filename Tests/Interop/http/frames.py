# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""HTTP/2 as bytes (RFC 9113, RFC 7541): frames that are right, and the parts to make wrong ones of."""

import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, REFUSED_STREAM, CANCEL = 0, 1, 2, 3, 7, 8
ENHANCE_YOUR_CALM = 11


def frame(kind, flags, stream, payload=b"", length=None):
    """A frame; `length` is what its head says, whatever the payload has."""
    head = struct.pack(">I", len(payload) if length is None else length)[1:]
    return head + bytes([kind & 0xFF, flags & 0xFF]) + struct.pack(">I", stream & 0xFFFF_FFFF) + payload


def integer(value, bits, first=0):
    """An integer with a prefix of so many bits (RFC 7541 §5.1)."""
    limit = (1 << bits) - 1
    if value < limit:
        return bytes([first | value])
    out, value = bytearray([first | limit]), value - limit
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    return bytes(out + bytes([value]))


def text(value):
    value = value if isinstance(value, bytes) else value.encode()
    return integer(len(value), 7) + value


def literal(name, value, indexed=False):
    """A field with a literal name; with `indexed`, the decoder keeps it in its table."""
    return bytes([0x40 if indexed else 0x00]) + text(name) + text(value)


def fields(*pairs):
    return b"".join(literal(name, value) for name, value in pairs)


STATUS_200 = b"\x88"


def headers(stream, block=STATUS_200, flags=END_HEADERS):
    return frame(HEADERS, flags, stream, block)


def data(stream, content=b"", flags=0):
    return frame(DATA, flags, stream, content)


def reset(stream, code):
    return frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def go_away(last, code=NO_ERROR, extra=b""):
    return frame(GOAWAY, 0, 0, struct.pack(">II", last, code) + extra)


def settings(*pairs, flags=0, stream=0):
    return frame(SETTINGS, flags, stream, b"".join(struct.pack(">HI", key, value) for key, value in pairs))


def window_update(stream, increment):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))


def request_block(path="/", method="GET", authority="127.0.0.1", *more):
    return fields((":method", method), (":scheme", "http"), (":authority", authority), (":path", path), *more)


class FrameReader:
    """Takes frames off a socket."""

    def __init__(self, connection):
        self.connection = connection
        self.pending = b""

    def _exactly(self, count):
        while len(self.pending) < count:
            piece = self.connection.recv(65_536)
            if not piece:
                raise EOFError
            self.pending += piece
        taken, self.pending = self.pending[:count], self.pending[count:]
        return taken

    def preface(self):
        found = self._exactly(len(PREFACE))
        if found != PREFACE:
            raise ValueError(f"no preface: {found!r}")

    def frame(self):
        """The kind, flags, stream and payload of the next frame; `EOFError` at the end."""
        head = self._exactly(9)
        payload = self._exactly(int.from_bytes(head[:3], "big"))
        return head[3], head[4], int.from_bytes(head[5:], "big") & 0x7FFF_FFFF, payload
