#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Our xDS client against a control plane that shares no code with it (control_plane.py).

    our_client.py BOOKINFO [--delta]    the built executable; `bookinfo probe` prints what is applied, a line of JSON each

With --delta the incremental form of the protocol is spoken: the server features of the bootstrap say so.
"""

import base64
import json
import pathlib
import sys
import tempfile
import urllib.request

from envoy.config.route.v3 import route_pb2

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from checks import Process, check, unused_port, verdict, wait_for

HERE = pathlib.Path(__file__).resolve().parent
IS_DELTA = "--delta" in sys.argv[2:]
BOOKINFO = pathlib.Path(sys.argv[1]).resolve()
ADDRESSES = {"reviews-v1": ["127.0.0.1:4001"], "reviews-v2": ["127.0.0.1:4002", "127.0.0.1:4003"]}


def configuration(weights, addresses=ADDRESSES, verbatim=(), regex=None, routes=True):
    match = {"prefix": "/"} if regex is None else {"regex": regex}
    hosts = [{"domains": ["*"], "routes": [{**match, "weights": weights}]}]
    return json.dumps(
        {
            "listeners": [{"name": "reviews:9080", "route_config": "reviews"}],
            "routes": [{"name": "reviews", "virtual_hosts": hosts}] if routes else [],
            "clusters": [{"name": name, "load_reports": True} for name in addresses],
            "endpoints": [{"cluster": name, "addresses": each} for name, each in addresses.items()],
            "verbatim": list(verbatim),
        }
    )


def counted(reports, field):
    """What all reports say of one count, summed up over clusters and places."""
    places = [place for report in reports for each in report["clusters"] for place in each["upstreamLocalityStats"]]
    return sum(int(place.get(field, 0)) for place in places)


def applies(weights):
    """Whether a line of the probe says that a route with these weights is in force."""

    def matches(line):
        return line.get("event") == "applied" and any(route["weights"] == weights for route in line["routes"])

    return matches


with tempfile.TemporaryDirectory() as scratch, verdict():
    scratch = pathlib.Path(scratch)
    config = scratch / "config.yaml"
    port = unused_port()

    def start_control_plane():
        process = Process(sys.executable, HERE / "control_plane.py", "--config", config, "--xds-port", port)
        return process, process.next_line()["admin"]

    def events():
        with urllib.request.urlopen(f"http://127.0.0.1:{admin}/events") as answer:
            return [json.loads(line) for line in answer.read().decode().splitlines()]

    def nacks():
        return [event for event in events() if event["event"] == "nack"]

    first = {"reviews-v1": 75, "reviews-v2": 25}
    config.write_text(configuration(first))
    control_plane, admin = start_control_plane()
    bootstrap = scratch / "bootstrap.json"
    bootstrap.write_text(
        json.dumps(
            {
                "xds_servers": [
                    {"server_uri": f"127.0.0.1:{port}", "channel_creds": [{"type": "insecure"}],
                     "server_features": ["xds_v3", "delta_ads"] if IS_DELTA else ["xds_v3"]}
                ],
                "node": {"id": "interop-probe", "cluster": "interop"},
            }
        )
    )
    probe = Process(BOOKINFO, "probe", "--bootstrap", bootstrap, "--request", "http://reviews:9080/")

    line = probe.next_line(
        lambda line: applies(first)(line) and line["endpoints"] == ADDRESSES,
        "routes, weights and endpoints are applied",
    )
    check(True, f"routes, weights and endpoints apply: {line['routes'][0]['weights']}, {line['endpoints']}")
    subscriptions = [event for event in events() if event["event"] == "subscribe"]
    # Only the first request of a stream has to name the node.
    check(all((each.get("form") == "delta") == IS_DELTA for each in subscriptions), "the form is the one asked for")
    check(subscriptions[0]["node"] == "interop-probe", f"the node is the bootstrap file's: {subscriptions[0]}")
    wait_for(
        lambda: {e["type"] for e in events() if e["event"] == "ack"} == {"lds", "rds", "cds", "eds"},
        "every type is acknowledged",
    )
    check(not nacks(), "every type is acknowledged and nothing refused")

    second = {"reviews-v1": 30, "reviews-v2": 70}
    config.write_text(configuration(second))
    probe.next_line(applies(second), "the reload is applied")
    check(True, "a reload takes effect")

    moved = {"reviews-v1": ["127.0.0.1:4009"], "reviews-v2": ["127.0.0.1:4002"]}
    config.write_text(configuration(second, moved))
    probe.next_line(lambda line: line.get("endpoints") == moved, "the new endpoints are applied")
    check(True, "endpoints that move are followed")

    refused = {"reviews-v1": 1, "reviews-v2": 99}
    config.write_text(configuration(refused, moved, regex="(unclosed"))
    wait_for(nacks, "the route with a broken regular expression is refused")
    nack = nacks()[-1]
    check(nack["type"] == "rds", f"a route with a broken regular expression is NACKed: {nack['type']}")
    check("reviews" in nack["error"] and len(nack["error"]) > 20, f"the reason names the resource: {nack['error']}")

    count = len(nacks())
    garbage = {"type": "rds", "base64": base64.b64encode(b"\xff\xff\xff").decode(), "name": "reviews"}
    config.write_text(configuration(second, moved, verbatim=[garbage]))
    wait_for(lambda: len(nacks()) > count, "bytes that are no resource are refused")
    check(bool(nacks()[-1]["error"]), f"bytes that are no resource are NACKed: {nacks()[-1]['error']}")

    count = len(nacks())
    empty = route_pb2.RouteConfiguration(name="reviews", virtual_hosts=[{"name": "nowhere", "domains": []}])
    invalid = {"type": "rds", "base64": base64.b64encode(empty.SerializeToString()).decode(), "name": "reviews"}
    config.write_text(configuration(second, moved, verbatim=[invalid], routes=False))
    wait_for(lambda: len(nacks()) > count, "a virtual host without domains is refused")
    error = nacks()[-1]["error"]
    check("virtual_hosts[0].domains" in error, f"a virtual host without domains is NACKed: {error}")
    check(
        not any(applies(refused)(line) for line in probe.lines_until_now()) and probe.is_running(),
        "nothing that was refused is applied, and the client goes on",
    )

    third = {"reviews-v1": 50, "reviews-v2": 50}
    config.write_text(configuration(third, moved))
    probe.next_line(applies(third), "the repaired configuration is applied")
    check(True, "a repaired configuration takes effect")

    control_plane.kill()
    probe.next_line(lambda line: line.get("event") == "disconnected", "the loss of the control plane is noticed")
    check(probe.is_running(), "the client outlives its control plane")
    fourth = {"reviews-v1": 10, "reviews-v2": 90}
    config.write_text(configuration(fourth, moved))
    control_plane, admin = start_control_plane()
    probe.next_line(applies(fourth), "what was edited meanwhile is applied after the restart")
    check(True, "a restart takes effect, with what was edited meanwhile")
    wait_for(
        lambda: {e["type"] for e in events() if e["event"] == "subscribe"} == {"lds", "rds", "cds", "eds"},
        "every type is asked for again",
    )
    check(not nacks(), "and nothing is refused")

    streams = wait_for(
        lambda: [event for event in events() if event["event"] == "load stream"], "a stream for load reports is opened"
    )
    check(streams[0]["node"] == "interop-probe", f"load reports say who reports: {streams[0]}")
    check("envoy.lrs.supports_send_all_clusters" in streams[0]["features"], "and that all clusters may be asked for")

    def reports():
        return [event for event in events() if event["event"] == "load report" and event["clusters"]]

    wait_for(lambda: len(reports()) >= 3, "load reports arrive at the Python control plane")
    names = {each["clusterName"] for report in reports() for each in report["clusters"]}
    check(names and names <= set(ADDRESSES), f"load reports arrive at the Python control plane: {sorted(names)}")
    seen = reports()
    clusters = [each for report in seen for each in report["clusters"]]
    places = [place["locality"] for each in clusters for place in each["upstreamLocalityStats"]]
    check(all(place == {"region": "region", "zone": "zone"} for place in places), f"by places: {places[0]}")
    issued, failed = counted(seen, "totalIssuedRequests"), counted(seen, "totalErrorRequests")
    # Nobody listens there.
    check(issued > 0 and issued - 1 <= failed <= issued + 1, f"{issued} requests, of which {failed} failed")
    spans = [float(each["loadReportInterval"].rstrip("s")) for each in clusters]
    check(min(spans) > 0 and max(spans) < 600, f"each says how long it was counted for: {spans[0]} s")
