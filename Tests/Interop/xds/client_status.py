#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Our client status discovery services, asked with the stubs of grpcio-csds and compared with grpcio's own.

    client_status.py BOOKINFO       `bookinfo probe --status-port` and `bookinfo control-plane` are what is tested

grpcio and our client have the same control plane, the Python one, and so should tell the same of each resource: the
same fields, with the same content but for the times. Then grpcio has our control plane, which tells of grpcio what
grpcio tells itself.
"""

import json
import os
import pathlib
import sys
import tempfile

import grpc
from envoy.admin.v3 import config_dump_shared_pb2
from envoy.service.status.v3 import csds_pb2

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from checks import Process, check, verdict, wait_for
from registry import ControlPlane
from status_service import ask, resources

HERE = pathlib.Path(__file__).resolve().parent
BOOKINFO = pathlib.Path(sys.argv[1]).resolve()
SERVICE = "reviews:9080"
# What grpcio does not tell and we do: the bytes of what was refused.
BEYOND = {"error_state.failed_configuration"}
STATES = config_dump_shared_pb2.ClientResourceStatus


def filled(message):
    """The names of the fields that are filled; those of the error, too."""
    names = {field.name for field, _ in message.ListFields()}
    if message.HasField("error_state"):
        names |= {f"error_state.{field.name}" for field, _ in message.error_state.ListFields()}
    if not message.xds_config.type_url:
        # grpcio has an empty one where there is none.
        names.discard("xds_config")
    return names


def states(place):
    return {key: STATES.Name(each.client_status) for key, each in resources(ask(place)).items()}


def compare(grpcio, ours, occasion):
    """Checks that two clients tell the same of each resource."""
    theirs, mine = resources(ask(grpcio)), resources(ask(ours))
    check(set(theirs) == set(mine), f"{occasion}: of the same resources: {sorted(set(theirs) ^ set(mine)) or len(mine)}")
    for key in sorted(set(theirs) & set(mine)):
        one, other = theirs[key], mine[key]
        state = STATES.Name(one.client_status)
        lacking, more = filled(one) - filled(other), filled(other) - filled(one) - BEYOND
        check(not lacking and not more, f"{occasion}: {key} {state}: the same fields: lacking {lacking}, more {more}")
        same = [
            one.client_status == other.client_status, one.version_info == other.version_info,
            one.xds_config.value == other.xds_config.value,
            one.error_state.version_info == other.error_state.version_info,
            bool(one.error_state.details) == bool(other.error_state.details),
        ]  # fmt: skip
        check(all(same), f"{occasion}: {key} {state}: the same state, versions and bytes: {same}")


def configuration(regex=None, names=("a", "b")):
    match = {"regex": regex} if regex else {"prefix": "/"}
    hosts = [{"domains": ["*"], "routes": [{**match, "weights": {"a": 1, "b": 1}}]}]
    return json.dumps(
        {
            "listeners": [{"name": SERVICE, "route_config": "reviews"}],
            "routes": [{"name": "reviews", "virtual_hosts": hosts}],
            "clusters": [{"name": name} for name in names],
            "endpoints": [{"cluster": name, "addresses": ["127.0.0.1:1"]} for name in names],
        }
    )


def bootstrap(xds, node):
    features = ["xds_v3"]
    server = {"server_uri": xds, "channel_creds": [{"type": "insecure"}], "server_features": features}
    return json.dumps({"xds_servers": [server], "node": node})


def grpcio_probe(*targets):
    process = Process(sys.executable, HERE / "grpcio_probe.py", *[part for each in targets for part in ("--target", each)])
    return process.next_line(lambda line: "csds" in line, "grpcio's status service")["csds"]


def beside_grpcio(scratch):
    config = scratch / "config.yaml"
    config.write_text(configuration())
    plane = Process(sys.executable, HERE / "control_plane.py", "--config", config)
    node = {"id": "status", "cluster": "interop", "locality": {"zone": "z"}, "metadata": {"TEAM": "shop"}}
    text = bootstrap(f"127.0.0.1:{plane.next_line()['xds']}", node)
    os.environ["GRPC_XDS_BOOTSTRAP_CONFIG"] = text
    (scratch / "bootstrap.json").write_text(text)
    grpcio = grpcio_probe(SERVICE)
    probe = Process(BOOKINFO, "probe", "--bootstrap", scratch / "bootstrap.json", "--status-port", 0,
                    "--request", f"http://{SERVICE}/")  # fmt: skip
    ours = probe.next_line(lambda line: line.get("event") == "status", "our status service")["address"]

    def wait_until(state, *keys):
        for place in (grpcio, ours):
            wait_for(lambda place=place: all(states(place).get(key) == state for key in keys), f"{keys} are {state}")

    everything = [("lds", SERVICE), ("rds", "reviews"), *[(kind, name) for kind in ("cds", "eds") for name in "ab"]]
    wait_until("ACKED", *everything)
    compare(grpcio, ours, "at first")
    one, other = ask(grpcio).config[0].node, ask(ours).config[0].node
    same = all(getattr(one, name) == getattr(other, name) for name in ("id", "cluster", "locality"))
    check(same and other.metadata["TEAM"] == "shop", f"the node is the bootstrap's: {other.id} {other.cluster}")
    check(bool(other.user_agent_name and other.user_agent_version), f"and says what it is: {other.user_agent_name}")

    config.write_text(configuration(regex="(unclosed"))
    wait_until("NACKED", ("rds", "reviews"))
    compare(grpcio, ours, "with routes that are bad")
    refused = resources(ask(ours))["rds", "reviews"].error_state
    check("regex" in refused.details, f"why it was refused: {refused.details}")

    config.write_text(configuration())
    wait_until("ACKED", *everything)
    compare(grpcio, ours, "when they are good again")

    nothing = ask(ours, exclude_resource_contents=True)
    contents = [each.name for each in resources(nothing).values() if each.HasField("xds_config")]
    check(resources(nothing) and not contents, "without contents if they are not asked for")
    matcher = {"node_id": {"exact": "status"}}
    codes = []
    for place in (grpcio, ours):
        try:
            ask(place, node_matchers=[matcher])
            codes.append("OK")
        except grpc.RpcError as error:
            codes.append(error.code().name)
    check(codes[1] == "INVALID_ARGUMENT", f"a client knows only itself (gRFC A40): {codes}")

    # A cluster that nobody has: it goes away, and something wants it.
    config.write_text(configuration(names=("a",)))
    wait_until("DOES_NOT_EXIST", ("cds", "b"))
    one, other = (resources(ask(place))["cds", "b"] for place in (grpcio, ours))
    # grpcio also tells in which response it was missing.
    lacking = filled(one) - filled(other) - {"error_state.last_update_attempt", "error_state.version_info"}
    more = filled(other) - filled(one)
    check(not lacking and not more, f"a cluster that is deleted: the same fields: lacking {lacking}, more {more}")
    check(probe.is_running() and plane.is_running(), "all are still there")
    for process in (probe, plane):
        process.kill()


SPLIT = """apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews, namespace: default}
spec:
  hosts: [reviews]
  http: [{route: [{destination: {host: reviews}}]}]
"""


def of_our_control_plane(scratch):
    control_plane = ControlPlane(BOOKINFO, scratch, {"split.yaml": SPLIT})
    control_plane.register("v1", 1, "grpc")
    os.environ["GRPC_XDS_BOOTSTRAP_CONFIG"] = bootstrap(control_plane.xds, {"id": "status"})
    grpcio = grpcio_probe("reviews.default.svc.cluster.local:9080")
    wait_for(lambda: sorted({kind for kind, _ in states(grpcio)}) == ["cds", "eds", "lds", "rds"], "grpcio has it all")
    wait_for(lambda: set(states(grpcio).values()) == {"ACKED"}, "grpcio has taken everything")
    try:
        ask(control_plane.xds)
        check(False, "the control plane tells only bearers of a token")
    except grpc.RpcError as error:
        unknown = grpc.StatusCode.UNAUTHENTICATED
        check(error.code() == unknown, f"the control plane tells only bearers of a token: {error.code()}")

    def told():
        return ask(control_plane.xds, control_plane.token, node_matchers=[{"node_id": {"exact": "status"}}])

    wait_for(lambda: all(each.config_status == csds_pb2.SYNCED for each in resources(told()).values()), "it is synced")
    itself, server = resources(ask(grpcio)), resources(told())
    check(set(itself) == set(server), f"it tells of the resources that grpcio has: {sorted(server)}")
    for key in sorted(set(itself) & set(server)):
        one, other = itself[key], server[key]
        check(one.xds_config == other.xds_config, f"{key}: the bytes that grpcio has, with their type")
        names = filled(other)
        expected = {"type_url", "name", "version_info", "xds_config", "config_status"}
        check(names == expected, f"{key}: the fields that a server knows of: {sorted(names)}")
    one, other = ask(grpcio).config[0].node, told().config[0].node
    names = ("id", "user_agent_name", "user_agent_version")
    different = [name for name in names if getattr(one, name) != getattr(other, name)]
    # It does not tell the ones that are about the protocol.
    different += set(one.client_features) - set(other.client_features)
    check(not different, f"the node is grpcio's: {different or other.user_agent_version}")
    none = ask(control_plane.xds, control_plane.token, node_matchers=[{"node_id": {"exact": "nobody"}}])
    check(not none.config, "of nobody else")
    control_plane.process.kill()


with tempfile.TemporaryDirectory() as scratch, verdict():
    scratch = pathlib.Path(scratch)
    beside_grpcio(scratch)
    of_our_control_plane(scratch)
