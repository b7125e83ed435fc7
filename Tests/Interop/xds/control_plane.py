#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""A small control plane that shares no code with ours, for testing our xDS client.

    control_plane.py --config FILE [--xds-port N] [--admin-port N]

It serves xDS v3 on 127.0.0.1 as the aggregated stream, state of the world and incremental, and prints one line of JSON
with its ports.
The file is read again whenever it changes; a file that cannot be used is reported and changes nothing.

    GET /events     everything that was sent, acknowledged, refused and reported, a JSON object a line

The file is YAML:

    listeners:  [{name, route_config}]
    routes:     [{name, virtual_hosts: [{domains, routes: [{prefix, regex, cluster, weights: {CLUSTER: WEIGHT}}]}]}]
    clusters:   [{name, service, load_reports}]        service: what its endpoints are called, if not as it is; with
                                                       load_reports, clients are asked what became of requests
    endpoints:  [{cluster, addresses: ["HOST:PORT"]}]
    resources:  [{"@type": ...}]                       any other resource, as its JSON
    verbatim:   [{type: lds|rds|cds|eds, base64, name}]  bytes that are sent as a resource, whatever they are; under that
                                                       name on incremental streams
"""

import argparse
import asyncio
import base64
import collections
import hashlib
import json
import os
import pathlib
import sys

import grpc
import yaml
from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_pb2

# Not named below, but what the messages carry as Any has to be known before it can be packed.
from envoy.extensions.filters.http.rbac.v3 import rbac_pb2  # noqa: F401
from envoy.extensions.filters.http.router.v3 import router_pb2  # noqa: F401
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2  # noqa: F401
from envoy.service.discovery.v3 import ads_pb2_grpc, discovery_pb2
from envoy.service.load_stats.v3 import lrs_pb2, lrs_pb2_grpc
from google.protobuf import any_pb2, json_format

PREFIX = "type.googleapis.com/"
MESSAGES = {
    "lds": listener_pb2.Listener,
    "rds": route_pb2.RouteConfiguration,
    "cds": cluster_pb2.Cluster,
    "eds": endpoint_pb2.ClusterLoadAssignment,
}
URLS = {short: PREFIX + message.DESCRIPTOR.full_name for short, message in MESSAGES.items()}
SHORT = {url: short for short, url in URLS.items()}
# "Make before break": a route must not name a cluster that the client has not heard of.
PUSH_ORDER = ["cds", "eds", "lds", "rds"]
FULL_STATE = {"lds", "cds"}
ADS = {"ads": {}, "resourceApiVersion": "V3"}
HTTP_FILTERS = PREFIX + "envoy.extensions.filters"


def listener(entry):
    manager = {
        "@type": HTTP_FILTERS + ".network.http_connection_manager.v3.HttpConnectionManager",
        "statPrefix": entry["name"],
        "rds": {"routeConfigName": entry["route_config"], "configSource": ADS},
        "httpFilters": [{"name": "router", "typedConfig": {"@type": HTTP_FILTERS + ".http.router.v3.Router"}}],
    }
    return {"name": entry["name"], "apiListener": {"apiListener": manager}}


def route(entry):
    if "regex" in entry:
        match = {"safeRegex": {"regex": entry["regex"]}}
    else:
        match = {"prefix": entry.get("prefix", "/")}
    if "weights" in entry:
        shares = [{"name": name, "weight": weight} for name, weight in entry["weights"].items()]
        return {"match": match, "route": {"weightedClusters": {"clusters": shares}}}
    return {"match": match, "route": {"cluster": entry["cluster"]}}


def route_configuration(entry):
    hosts = [
        {"name": f"host-{number}", "domains": host["domains"], "routes": [route(each) for each in host["routes"]]}
        for number, host in enumerate(entry["virtual_hosts"])
    ]
    return {"name": entry["name"], "virtualHosts": hosts}


def cluster(entry):
    message = {"name": entry["name"], "type": "EDS", "edsClusterConfig": {"edsConfig": ADS}}
    if entry.get("service"):
        message["edsClusterConfig"]["serviceName"] = entry["service"]
    if entry.get("load_reports"):
        message["lrsServer"] = {"self": {}}
        message["lrsReportEndpointMetrics"] = ["cpu_utilization", "named_metrics.*"]
    return message


def endpoints(entry):
    def endpoint(address):
        host, port = address.rsplit(":", 1)
        return {"endpoint": {"address": {"socketAddress": {"address": host, "portValue": int(port)}}}}

    locality = {
        "locality": {"region": "region", "zone": "zone"},
        "loadBalancingWeight": 1,
        "lbEndpoints": [endpoint(address) for address in entry["addresses"]],
    }
    return {"clusterName": entry["cluster"], "endpoints": [locality]}


def build(text):
    """The resources of a configuration: {type: {name: Any}}."""
    config = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    if not isinstance(config, dict):
        raise ValueError("the configuration is not a mapping")
    resources = {short: {} for short in MESSAGES}
    sections = [
        ("listeners", "lds", listener, "name"),
        ("routes", "rds", route_configuration, "name"),
        ("clusters", "cds", cluster, "name"),
        ("endpoints", "eds", endpoints, "cluster"),
    ]
    for section, short, translate, key in sections:
        for entry in config.get(section) or []:
            message = json_format.ParseDict(translate(entry), MESSAGES[short]())
            packed = any_pb2.Any(type_url=URLS[short], value=message.SerializeToString(deterministic=True))
            resources[short][entry[key]] = packed
    for entry in config.get("resources") or []:
        short = SHORT[entry["@type"]]
        fields = {name: value for name, value in entry.items() if name != "@type"}
        message = json_format.ParseDict(fields, MESSAGES[short]())
        packed = any_pb2.Any(type_url=URLS[short], value=message.SerializeToString(deterministic=True))
        resources[short][message.cluster_name if short == "eds" else message.name] = packed
    for number, entry in enumerate(config.get("verbatim") or []):
        value = base64.b64decode(entry["base64"])
        name = f"verbatim-{number}-{entry.get('name', '')}"
        resources[entry["type"]][name] = any_pb2.Any(type_url=URLS[entry["type"]], value=value)
    return resources


class World:
    """What is served, to whom, and what was said about it."""

    def __init__(self):
        self.version = 0
        self.resources = {short: {} for short in MESSAGES}
        self.streams = set()
        self.events = collections.deque(maxlen=100_000)

    def record(self, event, **details):
        self.events.append({"event": event, **details})

    def load(self, text):
        self.resources = build(text)
        self.version += 1
        self.record("loaded", version=self.version)
        for stream in self.streams:
            stream.changed.set()


class Subscription:
    def __init__(self, names):
        self.names = names
        self.nonce = None
        self.sent = None


class Stream:
    """One client on the aggregated stream."""

    def __init__(self, world):
        self.world = world
        self.changed = asyncio.Event()
        self.outgoing = asyncio.Queue()
        self.subscriptions = {}
        self.count = 0

    def received(self, request):
        short = SHORT.get(request.type_url)
        if short is None:
            self.world.record("unknown type", type=request.type_url)
            return
        names = set(request.resource_names)
        subscription = self.subscriptions.get(short)
        if subscription is None:
            self.subscriptions[short] = Subscription(names)
            self.world.record("subscribe", type=short, names=sorted(names), node=request.node.id)
            self.push(short)
            return
        if request.response_nonce != subscription.nonce:
            # An answer to something that another response has overtaken.
            self.world.record("stale", type=short, nonce=request.response_nonce)
            return
        if request.HasField("error_detail"):
            self.world.record(
                "nack", type=short, version=request.version_info, nonce=subscription.nonce,
                code=request.error_detail.code, error=request.error_detail.message,
            )
        elif subscription.nonce is not None:
            self.world.record("ack", type=short, version=request.version_info, nonce=subscription.nonce)
        if names != subscription.names:
            added = names - subscription.names
            subscription.names = names
            self.world.record("resubscribe", type=short, names=sorted(names))
            # Who asks for a name anew wants it sent, even if nothing has changed.
            self.push(short, is_forced=bool(added))

    def push(self, short, is_forced=False):
        subscription = self.subscriptions[short]
        known = self.world.resources[short]
        is_wildcard = short in FULL_STATE and (not subscription.names or "*" in subscription.names)
        if is_wildcard:
            wanted = known
        else:
            # What is sent verbatim has no name that we know: whoever subscribes to anything gets it.
            wanted = {
                name: known[name] for name in known if name in subscription.names or name.startswith("verbatim-")
            }
        content = {name: resource.value for name, resource in wanted.items()}
        if content == subscription.sent and not is_forced:
            return
        if short not in FULL_STATE and not wanted:
            return
        self.count += 1
        subscription.nonce = f"nonce-{self.count}"
        subscription.sent = content
        version = str(self.world.version)
        response = discovery_pb2.DiscoveryResponse(
            version_info=version, resources=wanted.values(), type_url=URLS[short], nonce=subscription.nonce
        )
        self.outgoing.put_nowait(response)
        self.world.record("send", type=short, version=version, nonce=subscription.nonce, names=sorted(wanted))

    async def follow_changes(self):
        while True:
            await self.changed.wait()
            self.changed.clear()
            for short in PUSH_ORDER:
                if short in self.subscriptions:
                    self.push(short)


class DeltaSubscription:
    def __init__(self, versions):
        self.names = set()
        self.known = versions


class DeltaStream:
    """One client on the aggregated stream, incremental."""

    def __init__(self, world):
        self.world = world
        self.changed = asyncio.Event()
        self.outgoing = asyncio.Queue()
        self.subscriptions = {}
        self.count = 0

    def received(self, request):
        short = SHORT.get(request.type_url)
        if short is None:
            self.world.record("unknown type", type=request.type_url)
            return
        if request.HasField("error_detail"):
            self.world.record(
                "nack", type=short, nonce=request.response_nonce,
                code=request.error_detail.code, error=request.error_detail.message,
            )
        elif request.response_nonce:
            self.world.record("ack", type=short, nonce=request.response_nonce)
        added, removed = set(request.resource_names_subscribe), set(request.resource_names_unsubscribe)
        subscription = self.subscriptions.get(short)
        is_first = subscription is None
        if is_first:
            subscription = self.subscriptions[short] = DeltaSubscription(dict(request.initial_resource_versions))
            versions = dict(request.initial_resource_versions)
            self.world.record(
                "subscribe", type=short, names=sorted(added), node=request.node.id, versions=versions, form="delta"
            )
            if not added and short in FULL_STATE:
                added = {"*"}
        elif added or removed:
            self.world.record("resubscribe", type=short, names=sorted(added), removed=sorted(removed))
            # Who asks for a name anew wants it sent, even if nothing has changed.
            for name in added:
                subscription.known.pop(name, None)
        subscription.names = (subscription.names | added) - removed
        for name in removed:
            subscription.known.pop(name, None)
        if is_first or added:
            self.push(short, added)

    def push(self, short, asked=()):
        subscription = self.subscriptions[short]
        wanted = {}
        for name, resource in self.world.resources[short].items():
            # What is sent verbatim takes the place of what has its name.
            name = name.split("-", 2)[2] if name.startswith("verbatim-") else name
            if "*" in subscription.names or name in subscription.names:
                wanted[name] = resource
        versions = {name: hashlib.sha256(resource.value).hexdigest()[:16] for name, resource in wanted.items()}
        changed = [name for name in wanted if subscription.known.get(name) != versions[name]]
        gone = set(subscription.known) - set(wanted) | set(asked) - set(wanted) - {"*"}
        if not changed and not gone:
            return
        subscription.known = versions
        self.count += 1
        resources = [
            discovery_pb2.Resource(name=name, version=versions[name], resource=wanted[name]) for name in changed
        ]
        nonce = f"nonce-{self.count}"
        version = str(self.world.version)
        self.outgoing.put_nowait(
            discovery_pb2.DeltaDiscoveryResponse(
                system_version_info=version, resources=resources, removed_resources=sorted(gone),
                type_url=URLS[short], nonce=nonce,
            )
        )
        self.world.record(
            "send", type=short, version=version, nonce=nonce, names=sorted(changed), removed=sorted(gone)
        )

    follow_changes = Stream.follow_changes


class Discovery(ads_pb2_grpc.AggregatedDiscoveryServiceServicer):
    def __init__(self, world):
        self.world = world

    async def StreamAggregatedResources(self, requests, context):
        async for response in self.answer(Stream(self.world), requests, context):
            yield response

    async def DeltaAggregatedResources(self, requests, context):
        async for response in self.answer(DeltaStream(self.world), requests, context):
            yield response

    async def answer(self, stream, requests, context):
        self.world.streams.add(stream)
        self.world.record("open", peer=context.peer())

        async def read():
            try:
                async for request in requests:
                    stream.received(request)
            finally:
                stream.outgoing.put_nowait(None)

        tasks = [asyncio.create_task(read()), asyncio.create_task(stream.follow_changes())]
        try:
            while (response := await stream.outgoing.get()) is not None:
                yield response
        finally:
            for task in tasks:
                task.cancel()
            self.world.streams.discard(stream)
            self.world.record("close")


class LoadReporting(lrs_pb2_grpc.LoadReportingServiceServicer):
    """Wants to know everything, each second, and keeps it."""

    def __init__(self, world):
        self.world = world

    async def StreamLoadStats(self, requests, context):
        is_first = True
        async for request in requests:
            if is_first:
                is_first = False
                features = list(request.node.client_features)
                self.world.record("load stream", node=request.node.id, features=features)
                response = lrs_pb2.LoadStatsResponse(send_all_clusters=True)
                response.load_reporting_interval.seconds = 1
                yield response
            else:
                clusters = [json_format.MessageToDict(each) for each in request.cluster_stats]
                self.world.record("load report", clusters=clusters)


async def serve_events(world, port):
    async def answer(reader, writer):
        try:
            request = await reader.readline()
            while (await reader.readline()).strip():
                pass
            is_known = request.split()[:2] == [b"GET", b"/events"]
            body = "\n".join(json.dumps(event) for event in world.events).encode() if is_known else b""
            status = "200 OK" if is_known else "404 Not Found"
            head = f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port)
    return server, server.sockets[0].getsockname()[1]


async def watch(world, path, interval):
    """Loads the file each time its content changes."""
    last = path.read_text()
    while True:
        await asyncio.sleep(interval)
        try:
            text = path.read_text()
            if text == last:
                continue
            last = text
            world.load(text)
        except Exception as error:
            world.record("bad configuration", error=repr(error))
            print(f"control_plane.py: {path}: {error!r}", file=sys.stderr)


async def main():
    parser = argparse.ArgumentParser(description="An xDS control plane for tests.")
    parser.add_argument("--config", type=pathlib.Path, required=True)
    parser.add_argument("--xds-port", type=int, default=0)
    parser.add_argument("--admin-port", type=int, default=0)
    arguments = parser.parse_args()
    world = World()
    world.load(arguments.config.read_text())
    # A port that is served by another process is an error here, not something to share.
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    ads_pb2_grpc.add_AggregatedDiscoveryServiceServicer_to_server(Discovery(world), server)
    lrs_pb2_grpc.add_LoadReportingServiceServicer_to_server(LoadReporting(world), server)
    xds_port = server.add_insecure_port(f"127.0.0.1:{arguments.xds_port}")
    await server.start()
    events, admin_port = await serve_events(world, arguments.admin_port)
    print(json.dumps({"xds": xds_port, "admin": admin_port, "pid": os.getpid()}), flush=True)
    async with events:
        await watch(world, arguments.config, interval=0.05)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
