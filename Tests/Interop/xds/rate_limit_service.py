#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""A small rate limit service on the official protocol, for testing the global rate limits of our clients.

    rate_limit_service.py --limit DOMAIN/KEY=VALUE[,KEY=VALUE…]:COUNT/UNIT … [--port N] [--delay MS]

It serves envoy.service.ratelimit.v3.RateLimitService on 127.0.0.1 and prints one line of JSON with its port. A limit
holds for the descriptors whose entries are the named ones; an empty VALUE stands for any, each with a count of its own.
UNIT is second, minute, hour or day; the windows begin with the first request, so that a test knows where it stands.

Lines on standard input are orders, each answered with a line of JSON:

    {"order": "figures"}                     what was asked, how often, and how often it was over the limit
    {"order": "fail", "code": "UNAVAILABLE"} fails every call from now on; "OK" ends it
    {"order": "delay", "milliseconds": 50}   answers so much later from now on
"""

import argparse
import asyncio
import collections
import json
import sys
import time

import grpc
from envoy.config.core.v3 import base_pb2
from envoy.service.ratelimit.v3 import rls_pb2, rls_pb2_grpc

SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
Response = rls_pb2.RateLimitResponse


class Limit:
    """How many requests whose descriptor has these entries are let through in a window."""

    def __init__(self, text):
        place, _, rate = text.rpartition(":")
        self.domain, _, entries = place.partition("/")
        self.entries = [tuple(entry.partition("=")[::2]) for entry in entries.split(",")]
        count, _, self.unit = rate.partition("/")
        self.count = int(count)
        self.window = SECONDS[self.unit]
        self.counts = {}

    def covers(self, domain, entries):
        return (
            domain == self.domain
            and len(entries) == len(self.entries)
            and all(
                key == wanted and expected in ("", value)
                for (key, value), (wanted, expected) in zip(entries, self.entries, strict=True)
            )
        )

    def hit(self, entries, hits, now):
        """Counts, and says how many are left, and when the window ends; fewer than none are over the limit."""
        begin, used = self.counts.get(entries, (now, 0))
        if now - begin >= self.window:
            begin, used = now, 0
        self.counts[entries] = (begin, used + hits)
        return self.count - used - hits, max(0.0, begin + self.window - now)


class Service(rls_pb2_grpc.RateLimitServiceServicer):
    def __init__(self, limits, delay):
        self.limits = limits
        self.delay = delay
        self.failure = None
        self.asked = collections.Counter()
        self.over = 0

    async def ShouldRateLimit(self, request, context):  # noqa: N802
        if self.delay:
            await asyncio.sleep(self.delay)
        if self.failure:
            await context.abort(self.failure, "as it was told")
        statuses = [self.status(request.domain, each, request.hits_addend) for each in request.descriptors]
        is_over = any(status.code == Response.OVER_LIMIT for status in statuses)
        self.over += is_over
        answer = Response(overall_code=Response.OVER_LIMIT if is_over else Response.OK, statuses=statuses)
        answer.response_headers_to_add.append(base_pb2.HeaderValue(key="x-limited-by", value="python"))
        answer.request_headers_to_add.append(base_pb2.HeaderValue(key="x-limit-asked", value="yes"))
        return answer

    def status(self, domain, descriptor, hits):
        entries = tuple((entry.key, entry.value) for entry in descriptor.entries)
        self.asked[f"{domain}/" + ",".join(f"{key}={value}" for key, value in entries)] += 1
        if descriptor.HasField("hits_addend"):
            hits = descriptor.hits_addend.value
        for limit in self.limits:
            if limit.covers(domain, entries):
                left, reset = limit.hit(entries, hits or 1, time.monotonic())
                status = Response.DescriptorStatus(
                    code=Response.OVER_LIMIT if left < 0 else Response.OK, limit_remaining=max(0, left)
                )
                status.current_limit.requests_per_unit = limit.count
                status.current_limit.unit = Response.RateLimit.Unit.Value(limit.unit.upper())
                status.duration_until_reset.FromNanoseconds(int(reset * 1e9))
                return status
        return Response.DescriptorStatus(code=Response.OK)

    def obey(self, order):
        match order["order"]:
            case "fail":
                self.failure = None if order["code"] == "OK" else grpc.StatusCode[order["code"]]
            case "delay":
                self.delay = order["milliseconds"] / 1000
        return {"asked": dict(self.asked), "over": self.over}


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--limit", action="append", type=Limit, default=[])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0)
    options = parser.parse_args()
    service = Service(options.limit, options.delay / 1000)
    server = grpc.aio.server()
    rls_pb2_grpc.add_RateLimitServiceServicer_to_server(service, server)
    port = server.add_insecure_port(f"127.0.0.1:{options.port}")
    await server.start()
    print(json.dumps({"port": port}), flush=True)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        print(json.dumps(service.obey(json.loads(line))), flush=True)
    await server.stop(None)


if __name__ == "__main__":
    asyncio.run(main())
