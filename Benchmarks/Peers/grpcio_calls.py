#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""gRPC's client for Python as benchmarks-e2e calls measures it: unary calls from tasks of asyncio, one after another each.

    grpcio_calls.py TARGET --concurrency N --warm-up SECONDS --seconds SECONDS

Prints a line of JSON; times are in microseconds. GRPC_XDS_BOOTSTRAP_CONFIG says which control plane knows an xds: target.
"""

import argparse
import asyncio
import json
import time

import grpc.aio

METHOD = "/bench.Orders/Get"
MESSAGE = b"a" * 128


def resident():
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("target")
    parser.add_argument("--concurrency", type=int, required=True)
    parser.add_argument("--warm-up", type=float, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    options = parser.parse_args()
    async with grpc.aio.insecure_channel(options.target) as channel:
        call = channel.unary_unary(METHOD)
        opening = time.monotonic() + options.warm_up
        closing = opening + options.seconds
        latencies = []

        async def work():
            while (began := time.monotonic()) < closing + 0.1:
                answer = await call(MESSAGE, timeout=15, wait_for_ready=True)
                if len(answer) != len(MESSAGE):
                    raise SystemExit(f"an answer has {len(answer)} bytes")
                ended = time.monotonic()
                if opening < ended <= closing:
                    latencies.append(ended - began)

        async def reading(moment):
            await asyncio.sleep(max(0, moment - time.monotonic()))
            return time.process_time()

        tasks = [asyncio.create_task(work()) for _ in range(options.concurrency)]
        before = await reading(opening)
        after = await reading(closing)
        await asyncio.gather(*tasks)
    latencies.sort()
    count = len(latencies)
    if not count:
        raise SystemExit("no call ended in the measured time")
    quantiles = {f"p{part}": 1e6 * latencies[min(count - 1, count * part // 100)] for part in (50, 90, 99)}
    report = {"requests": count, "seconds": options.seconds, "clientCPU": 1e6 * (after - before) / count}
    print(json.dumps({**report, **quantiles, "watchedCPU": [], "residentKiB": resident()}))


asyncio.run(main())
