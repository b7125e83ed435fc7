# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""What our router makes of the cases: `route-peer` runs the library's stack on the tables.

    route-peer [--http | --count] TABLES

TABLES is JSON: {"clusters": {name: {"endpoints": [address], "mirror": whether it gets copies}}, "runtime": {key: value},
"tables": [{"trusts": whether callers may use Envoy's own headers, "bootstrap": an Envoy configuration with one API
listener}]}. On its standard input come the cases, a line of JSON each, in the generator's form; on its standard output
go the outcomes, a line each, in the form of compare.py. The peer's own network plays the backends by script.py; with
`--http` the library's HTTP client sends the requests to the backends themselves, which know what reached them. When its
input ends, it ends. What `--count` is for stands in ../balancing/compare_balancing.py, and what `--follow` is for in
../balancing/grpc_sides.py.
"""

import json
import pathlib
import subprocess

import bootstrap

# The fields of a case that its side may know; the others are the test's own.
KNOWN = ("id", "table", "method", "scheme", "authority", "path", "headers", "metadata")


def table_file(table, clusters):
    """A table as the configuration that Envoy would be started with, its listener one without a socket."""
    router = {"name": "router", "typed_config": bootstrap.typed("filters.http.router.v3.Router")}
    manager = bootstrap.typed(
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="t",
        route_config=table["routes"],
        http_filters=[*table["filters"], router],
    )
    listener = {"name": "table", "api_listener": {"api_listener": manager}}
    resources = {"listeners": [listener], "clusters": clusters}
    return {"trusts": table["trusts"], "bootstrap": {"static_resources": resources}}


def tables_file(folder, tables, ports, refusing):
    """The tables as the peer gets them."""
    shapes = tables["clusters"]
    clusters = [bootstrap.cluster(name, shape, ports, refusing) for name, shape in shapes.items()]
    endpoints = {
        name: {**shape, "endpoints": [f"127.0.0.1:{port}" for port in ports.get(name, [])]}
        for name, shape in shapes.items()
    }
    found = [table_file(table, clusters) for table in tables["tables"]]
    path = pathlib.Path(folder) / "peer-tables.json"
    path.write_text(json.dumps({"clusters": endpoints, "runtime": tables["runtime"], "tables": found}))
    return path


def ask(command, cases):
    """What the peer says of the cases, by case."""
    lines = "".join(json.dumps({key: case[key] for key in KNOWN if key in case}) + "\n" for case in cases)
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=False)
    # What the decoder leaves aside is the same for all tables; what it refuses makes outcomes missing.
    refused = [line for line in done.stderr.splitlines() if "is refused" in line]
    print(*(f"       {line[:300]}" for line in refused[:5]), sep="\n", end="\n" if refused else "")
    if done.returncode != 0:
        raise RuntimeError(f"{command} ended with {done.returncode}: {done.stderr[-500:]}")
    return {outcome["id"]: outcome for outcome in map(json.loads, done.stdout.splitlines())}


def run(peer, folder, tables, cases, ports, refusing=1):
    """Our outcomes by case."""
    found = ask([peer, tables_file(folder, tables, ports, refusing)], cases)
    return found
