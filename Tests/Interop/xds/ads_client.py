# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""An xDS client that shares no code with ours, for seeing what a control plane sends: it takes everything."""

import atexit
import importlib
import pkgutil
import queue
import threading

import envoy.extensions
import grpc
from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.core.v3 import base_pb2
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_pb2
from envoy.service.discovery.v3 import ads_pb2_grpc, discovery_pb2
from google.protobuf import json_format

MESSAGES = {
    "lds": listener_pb2.Listener,
    "rds": route_pb2.RouteConfiguration,
    "cds": cluster_pb2.Cluster,
    "eds": endpoint_pb2.ClusterLoadAssignment,
}
URLS = {kind: "type.googleapis.com/" + message.DESCRIPTOR.full_name for kind, message in MESSAGES.items()}
# What is packed in resources has to be known before it can be told as JSON.
for module in pkgutil.walk_packages(envoy.extensions.__path__, "envoy.extensions."):
    if module.name.endswith("_pb2") and ".v3." in module.name:
        importlib.import_module(module.name)
KINDS = {url: kind for kind, url in URLS.items()}


def name_of(kind, message):
    return message.cluster_name if kind == "eds" else message.name


class Follower:
    """A client of a control plane, on one aggregated stream: all listeners and clusters, the endpoints that these need,
    and the routes of the given names."""

    def __init__(self, address, node, routes, is_delta):
        self.is_delta = is_delta
        # Of each kind by name: the version and the message.
        self.resources = {kind: {} for kind in MESSAGES}
        # Of each response: its kind, the names in it, the names that it takes away.
        self.responses = []
        self.error = None
        self._node = json_format.ParseDict(node, base_pb2.Node())
        self._routes = set(routes)
        self._asked = {}
        self._answered = {}
        self._outgoing = queue.SimpleQueue()
        self._channel = grpc.insecure_channel(address, options=[("grpc.max_receive_message_length", -1)])
        stub = ads_pb2_grpc.AggregatedDiscoveryServiceStub(self._channel)
        method = stub.DeltaAggregatedResources if is_delta else stub.StreamAggregatedResources
        self._call = method(iter(self._outgoing.get, None))
        atexit.register(self.stop)
        self._ask("cds", set())
        self._ask("lds", set())
        self._ask("rds", self._routes)
        threading.Thread(target=self._read, daemon=True).start()

    def stop(self):
        self._outgoing.put(None)
        self._channel.close()

    def _ask(self, kind, names, answered=None):
        """Asks for names in place of those before; `answered` is the response that the request answers."""
        known = self._asked.get(kind, set())
        if self.is_delta:
            request = discovery_pb2.DeltaDiscoveryRequest(
                type_url=URLS[kind],
                resource_names_subscribe=sorted(names - known),
                resource_names_unsubscribe=sorted(known - names),
                response_nonce=answered.nonce if answered else "",
            )
        else:
            request = discovery_pb2.DiscoveryRequest(
                type_url=URLS[kind],
                resource_names=sorted(names),
                response_nonce=answered.nonce if answered else "",
                version_info=answered.version_info if answered else "",
            )
        request.node.CopyFrom(self._node)
        self._asked[kind] = names
        self._answered[kind] = answered
        self._outgoing.put(request)

    def _read(self):
        try:
            for response in self._call:
                self._take(KINDS[response.type_url], response)
        except Exception as error:  # noqa: BLE001
            # Who waits for something is told why it does not come.
            self.error = error

    def _take(self, kind, response):
        came = {}
        for each in response.resources:
            packed = each.resource if self.is_delta else each
            message = MESSAGES[kind]()
            if not packed.Unpack(message):
                raise ValueError(f"{packed.type_url} came in a response of {response.type_url}")
            came[name_of(kind, message)] = (each.version if self.is_delta else response.version_info, message)
        gone = set()
        if self.is_delta:
            gone = set(response.removed_resources)
            if any(each.name != name for each, name in zip(response.resources, came, strict=True)):
                raise ValueError(f"resources of {response.type_url} have other names than their wrappers")
        elif kind in ("lds", "cds"):
            gone = set(self.resources[kind]) - set(came)
        kept = {name: value for name, value in self.resources[kind].items() if name not in gone}
        self.resources[kind] = {**kept, **came}
        self._ask(kind, self._asked[kind], response)
        if kind == "cds":
            self._ask_for_endpoints()
        self.responses.append((kind, sorted(came), sorted(gone)))

    def _ask_for_endpoints(self):
        clusters = [message for _, message in self.resources["cds"].values()]
        discovered = [message for message in clusters if message.type == cluster_pb2.Cluster.EDS]
        names = {message.eds_cluster_config.service_name or message.name for message in discovered}
        if names != self._asked.get("eds", set()):
            self.resources["eds"] = {name: each for name, each in self.resources["eds"].items() if name in names}
            self._ask("eds", names, self._answered.get("eds"))

    def sent(self, kind):
        """What was sent of a kind and is in force, by name, as JSON."""
        return {name: as_json(message) for name, (_, message) in list(self.resources[kind].items())}

    def versions(self, kind):
        return {name: version for name, (version, _) in list(self.resources[kind].items())}


def as_json(message):
    """A message in a form that does not depend on who wrote it: what is packed in it is unpacked."""
    return json_format.MessageToDict(message, preserving_proto_field_name=True)
