# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""A client of HTTP/1.1 that sends exactly the bytes it is told to, on connections that it keeps."""

import asyncio

# Longer than any timeout of a table; an answer that takes longer is a failure of the test.
PATIENCE = 30


class Client:
    """One connection; requests go one after another."""

    def __init__(self, port):
        self.port = port
        self.reader = None
        self.writer = None

    async def send(self, case, extra=()):
        """Sends a case and returns (status, header fields, body); the status is 0 where nothing was answered."""
        fields = [("host", case["authority"]), *case["headers"], *extra]
        lines = [f"{case['method']} {case['path']} HTTP/1.1"] + [f"{name}: {value}" for name, value in fields]
        data = "\r\n".join([*lines, "", ""]).encode()
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._exchange(data, case["method"])
        except (OSError, EOFError, TimeoutError) as error:
            self.close()
            return 0, [["failure", type(error).__name__]], ""

    async def _exchange(self, data, method):
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 20)
        self.writer.write(data)
        head = await self.reader.readuntil(b"\r\n\r\n")
        first, *lines = head[:-4].decode("utf-8", "surrogateescape").split("\r\n")
        status = int(first.split(" ", 2)[1])
        fields, length, is_chunked, closes = [], None, False, False
        for line in lines:
            name, _, value = line.partition(":")
            name, value = name.lower(), value.strip(" ")
            fields.append([name, value])
            if name == "content-length":
                length = int(value)
            elif name == "transfer-encoding":
                is_chunked = "chunked" in value
            elif name == "connection":
                closes = "close" in value
        body = b""
        if method != "HEAD" and status not in (204, 304):
            if is_chunked:
                body = await self._chunks()
            elif length is not None:
                body = await self.reader.readexactly(length)
            else:
                body, closes = await self.reader.read(), True
        if closes:
            self.close()
        return status, fields, body.decode("utf-8", "replace")

    async def _chunks(self):
        body = b""
        while True:
            size = int((await self.reader.readuntil(b"\r\n")).split(b";")[0], 16)
            chunk = await self.reader.readexactly(size + 2)
            if size == 0:
                return body
            body += chunk[:-2]

    def close(self):
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None
