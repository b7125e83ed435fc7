# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""The application behind the proxies under test: a plain HTTP/1.1 server of the standard library.

/b/SIZE      the pattern, SIZE bytes        /sum     the length and CRC-32 of what was sent, and the fields
/echo        what was sent                  /trailers a chunked body with trailers, those of the request among them
/wait/MS     answers after a while          /status/CODE
"""

import http.server
import json
import threading
import time

from our_peer import crc, pattern


class Application(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Otherwise the second small write of an answer waits for the acknowledgement of the first.
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, *arguments):
        pass

    def handle_expect_100(self):
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def chunks(self):
        self.request_trailers = {}
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            left = int(self.headers.get("content-length", 0))
            while left and (piece := self.rfile.read(min(left, 65536))):
                left -= len(piece)
                yield piece
            return
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while line := self.rfile.readline().strip():
            name, _, value = line.partition(b":")
            self.request_trailers[name.decode().lower()] = value.strip().decode()

    def answer(self, status, body, *fields):
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def serve(self):
        parts = self.path.split("?")[0].split("/")
        match parts[1]:
            case "b":
                list(self.chunks())
                self.answer(200, pattern(int(parts[2])))
            case "echo":
                self.answer(200, b"".join(self.chunks()))
            case "sum":
                length, value = 0, 0
                whole = b"".join(self.chunks())
                length, value = len(whole), crc(whole)
                fields = {name.lower(): text for name, text in self.headers.items()}
                self.answer(
                    200,
                    json.dumps(
                        {"length": length, "crc": value, "fields": fields, "trailers": self.request_trailers}
                    ).encode(),
                )
            case "trailers":
                list(self.chunks())
                self.send_response(200)
                self.send_header("transfer-encoding", "chunked")
                self.send_header("trailer", "x-checksum, x-seen")
                self.end_headers()
                seen = self.request_trailers.get("x-sent", "none")
                self.wfile.write(b"5\r\nhello\r\n0\r\nx-checksum: 907060870\r\nx-seen: " + seen.encode() + b"\r\n\r\n")
            case "wait":
                list(self.chunks())
                time.sleep(int(parts[2]) / 1000)
                self.answer(200, b"waited")
            case "status":
                list(self.chunks())
                self.answer(int(parts[2]), b"")
            case _:
                list(self.chunks())
                self.answer(200, b"hello")

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = serve


class Origin(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Application)
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass  # A client that leaves in the middle is part of what is checked.
