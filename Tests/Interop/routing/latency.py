#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""The latency that a real Envoy adds for the first and the last route of a large table, against a table of ten.

    latency.py [--routes 10000] [--rounds 3000] [--json] [--benchmarks PROGRAM]

Every route answers directly, so that nothing but Envoy is measured. The requests to the tables take turns on
connections of their own, one at a time, so that all of them meet the same state of the machine; the medians are told,
and what they are above the median for the first route of the small table.

With the program of `Benchmarks/Micro` our own tables are measured first, in the same run, and both are told as the tables
of `Docs/benchmarks/routing.md`.
"""

import argparse
import asyncio
import json
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from checks import check, verdict  # noqa: E402

import envoy_side  # noqa: E402
from wire import Client  # noqa: E402

SMALL = 10
KINDS = ("exact", "prefix", "header", "regex")


def table(kind, count):
    """A table whose routes differ by their paths alone."""
    answer = {"direct_response": {"status": 200}}
    matches = {
        "exact": lambda number: {"path": f"/service/item-{number:05}"},
        "prefix": lambda number: {"prefix": f"/service/item-{number:05}/"},
        # Nothing but the path is needed to tell the routes apart here, but Envoy has to look at both.
        "header": lambda number: {
            "prefix": "/",
            "headers": [{"name": "x-item", "string_match": {"exact": f"item-{number:05}"}}],
        },
        "regex": lambda number: {"safe_regex": {"regex": f"/service/item-{number:05}/[a-z]+"}},
    }[kind]
    routes = [{"name": f"{number}", "match": matches(number), **answer} for number in range(count)]
    host = {"name": "all", "domains": ["*"], "routes": routes}
    return {"trusts": True, "filters": [], "routes": {"name": f"{kind}-{count}", "virtual_hosts": [host]}}


def request(kind, number):
    path = {"exact": f"/service/item-{number:05}", "header": "/"}.get(kind, f"/service/item-{number:05}/more")
    headers = [["x-item", f"item-{number:05}"]] if kind == "header" else []
    return {"method": "GET", "authority": "any.test", "path": path, "headers": headers}


async def measure(ports, asked, rounds):
    """The seconds of each request, by question; every round asks each question once."""
    clients = [Client(ports[table]) for table, _ in asked.values()]
    found = {name: [] for name in asked}
    wrong = 0
    dice = random.Random(1)
    for number in range(rounds + 100):
        # In another order each time: the one behind a slow request finds colder caches.
        order = list(zip(clients, asked.items()))
        dice.shuffle(order)
        for client, (name, (_, case)) in order:
            start = time.perf_counter()
            status, _, _ = await client.send(case)
            took = time.perf_counter() - start
            wrong += status != 200
            # The first rounds open connections and fill caches.
            if number >= 100:
                found[name].append(took)
    for client in clients:
        client.close()
    return found, wrong


def ours(program):
    """Our own figures of the same kinds of tables, by their names."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "routes.json"
        # What they allocate, which is nothing, and how many instructions they take, is the guards' matter.
        measured = [program, "--filter", "route/", "--times-only", "--json", str(path)]
        subprocess.run(measured, check=True, stdout=subprocess.DEVNULL)
        return {row["name"].removeprefix("route/"): row for row in json.loads(path.read_text())["benchmarks"]}


def tell(figures, medians, routes):
    """Prints both as tables in Markdown."""
    print("| ours | 10, first | 10, last | 1 000, last | 10 000, first | 10 000, last | 10 000, none | last of 10 000 : 10 |")
    print("|---|---|---|---|---|---|---|---|")
    for kind in KINDS:
        rows = [figures[f"{kind}-{place}"] for place in
                ("10-first", "10-last", "1000-last", "10000-first", "10000-last", "10000-none")]
        times = [row["ns"] for row in rows]
        cells = [f"{time:.0f} ns" for time in times] + [f"{times[4] / times[1]:.2f}"]
        print(f"| {kind} | {' | '.join(cells)} |")
    print()
    print(f"| Envoy adds | last of {SMALL} | first of {routes} | last of {routes} |")
    print("|---|---|---|---|")
    for kind in KINDS:
        base = medians[f"{kind}, first of {SMALL}"]
        places = (f"{kind}, last of {SMALL}", f"{kind}, first of {routes}", f"{kind}, last of {routes}")
        print(f"| {kind} | {' | '.join(f'{medians[place] - base:+.1f} us' for place in places)} |")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--routes", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--benchmarks", help="the program of Benchmarks/Micro")
    options = parser.parse_args()
    figures = ours(options.benchmarks) if options.benchmarks else None
    tables, asked = [], {}
    for kind in KINDS:
        for count in (SMALL, options.routes):
            for label, number in (("first", 0), ("last", count - 1)):
                asked[f"{kind}, {label} of {count}"] = (len(tables), request(kind, number))
            tables.append(table(kind, count))
    with tempfile.TemporaryDirectory() as folder, verdict():
        backends = envoy_side.Backends({})
        file = {"clusters": {}, "runtime": {}, "tables": tables}
        envoy = envoy_side.Envoy(folder, file, backends)
        found, wrong = asyncio.run(measure(envoy.ports, asked, options.rounds))
        envoy.stop()
        check(wrong == 0, f"every request was answered by its route; {wrong} were not")
        medians = {name: statistics.median(values) * 1e6 for name, values in found.items()}
        for name, median in medians.items():
            base = medians[f"{name.partition(',')[0]}, first of {SMALL}"]
            print(f"       {name:28} {median:8.1f} us, {median - base:+8.1f} us", flush=True)
        if figures:
            tell(figures, medians, options.routes)
        if options.json:
            print(json.dumps({"unit": "microseconds", "medians": medians}))


if __name__ == "__main__":
    main()
