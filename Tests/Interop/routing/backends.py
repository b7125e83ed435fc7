#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""The clusters' endpoints: they answer by the script (script.py) and keep the heads that they saw.

    backends.py CLUSTERS        JSON, {name: {"endpoints": count, "mirror": bool}}

It prints {"ports": {name: [port, ...]}} when it listens. Each line on its standard input is a command:

    count                       prints {"seen": how many requests came since the start}
    dump FILE                   writes what came since the last dump to FILE, a JSON line each, and forgets it; prints
                                {"dumped": lines}

A line has the case, the cluster, the endpoint's number, the number of the request within its case (null for mirrors),
the method, the target, and the header fields in order with their names in lower case.
"""

import asyncio
import json
import sys

import script


class Records:
    """What came, and how many requests of each case."""

    def __init__(self):
        self.lines = []
        self.counts = {}
        self.seen = 0

    def add(self, case, cluster, endpoint, mirror, head):
        number = None
        if not mirror:
            number = self.counts.get(case, 0)
            self.counts[case] = number + 1
        self.seen += 1
        self.lines.append((case, cluster, endpoint, number, head))
        return number

    def dump(self, path):
        with open(path, "w") as file:
            for case, cluster, endpoint, number, head in self.lines:
                first, fields = head
                method, target, _ = first.split(" ", 2)
                line = [case, cluster, endpoint, number, method, target, fields]
                file.write(json.dumps(line, separators=(",", ":")) + "\n")
        count = len(self.lines)
        self.lines, self.counts = [], {}
        return count


class Connection(asyncio.Protocol):
    """One connection to an endpoint; requests come one after another."""

    def __init__(self, records, cluster, endpoint, mirror):
        self.records, self.cluster, self.endpoint, self.mirror = records, cluster, endpoint, mirror
        self.plain = script.answer(cluster, (200, []))
        self.buffer = b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.buffer += data
        while True:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            lines = self.buffer[:end].decode("utf-8", "surrogateescape").split("\r\n")
            fields, case, steps, length = [], None, None, 0
            for line in lines[1:]:
                name, _, value = line.partition(":")
                name, value = name.lower(), value.strip(" ")
                fields.append((name, value))
                if name == "x-case":
                    case = value
                elif name == "x-script":
                    steps = value
                elif name == "content-length":
                    length = int(value)
            if len(self.buffer) < end + 4 + length:
                return
            self.buffer = self.buffer[end + 4 + length :]
            self.meet(case, steps, (lines[0], fields))

    def meet(self, case, steps, head):
        number = self.records.add(case, self.cluster, self.endpoint, self.mirror, head)
        if not steps or number is None:
            self.transport.write(self.plain)
            return
        met = script.step(steps, number)
        if met[0] == "reset":
            self.transport.close()
        elif met[0] == "hang":
            asyncio.get_running_loop().call_later(script.HANG, self.transport.close)
        else:
            self.transport.write(script.answer(self.cluster, met))


async def main():
    clusters = json.loads(sys.argv[1])
    records = Records()
    loop = asyncio.get_running_loop()
    ports = {}
    for name, cluster in clusters.items():
        for endpoint in range(cluster["endpoints"]):

            def connection(name=name, endpoint=endpoint, mirror=cluster["mirror"]):
                return Connection(records, name, endpoint, mirror)

            server = await loop.create_server(connection, "127.0.0.1", 0, backlog=1024)
            ports.setdefault(name, []).append(server.sockets[0].getsockname()[1])
    print(json.dumps({"ports": ports}), flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        command, *arguments = line.split()
        if command == "count":
            print(json.dumps({"seen": records.seen}), flush=True)
        elif command == "dump":
            print(json.dumps({"dumped": records.dump(arguments[0])}), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
