#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""grpcio as a server that is configured by xDS (gRFC A36) from our control plane.

    grpcio_server.py BOOKINFO                 `bookinfo control-plane`: listeners of manifests, clients that find it
    grpcio_server.py BOOKINFO --certificates  the same where mutual TLS is asked for, with certificates
    grpcio_server.py BOOKINFO --snapshot      `bookinfo snapshot`: a listener that comes, is deleted, and there again

A process of grpcio has one bootstrap, so that each needs a process of its own.
"""

import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import grpc
from envoy.service.status.v3 import csds_pb2

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from checks import check, unused_port, verdict, wait_for
from envoy_process import address, typed
from registry import ControlPlane
from snapshot import Snapshot
from status_service import ask as ask_status
from status_service import resources

BOOKINFO = pathlib.Path(sys.argv[1]).resolve()
TEMPLATE = "xds.istio.io/grpc/lds/inbound/%s"
NODE = "grpcio-server"


def bootstrap(xds, **fields):
    os.environ["GRPC_XDS_BOOTSTRAP_CONFIG"] = json.dumps(
        {
            "xds_servers": [
                {"server_uri": xds, "channel_creds": [{"type": "insecure"}], "server_features": ["xds_v3"]}
            ],
            "node": {"id": NODE, "metadata": {"NAMESPACE": "default"}},
            "server_listener_resource_name_template": TEMPLATE,
            **fields,
        }
    )


class Reviews(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(lambda request, context: b"reviews")


def start(port):
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(4), xds=True)
    server.add_generic_rpc_handlers((Reviews(),))
    server.add_secure_port(f"127.0.0.1:{port}", grpc.xds_server_credentials(grpc.insecure_server_credentials()))
    server.start()
    return server


def ask(target, path="/reviews.Reviews/Get", patience=10, credentials=None):
    """A call over a connection of its own: the answer, or the status code."""
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_reconnect_backoff_ms", 200)]
    secure = [*options, ("grpc.ssl_target_name_override", "localhost")]
    with (
        grpc.secure_channel(target, credentials, options=secure)
        if credentials
        else grpc.insecure_channel(target, options=options)
    ) as channel:
        try:
            return channel.unary_unary(path)(b"", timeout=patience)
        except grpc.RpcError as error:
            return error.code()


MODE = """apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {{name: default, namespace: default}}
spec: {{mtls: {{mode: {0}}}}}
"""

# Only this method.
PERMISSION = """apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: reviews, namespace: default}
spec:
  action: ALLOW
  rules:
  - to: [{operation: {paths: ["/reviews.Reviews/Get"]}}]
"""


def by_manifests(folder):
    control_plane = ControlPlane(BOOKINFO, folder, {"mode.yaml": MODE.format("PERMISSIVE")})
    bootstrap(control_plane.xds)
    port = unused_port()
    server = start(port)
    target = f"127.0.0.1:{port}"
    wait_for(lambda: ask(target) == b"reviews", "grpcio serves by the listener of the control plane")
    check(True, f"grpcio serves by the listener {TEMPLATE % target}")
    control_plane.register("v1", port, "grpc")
    found = "xds:///reviews.default.svc.cluster.local:9080"
    wait_for(lambda: ask(found) == b"reviews", "a client finds it by the control plane")
    check(True, f"a client finds it by {found}")

    def types():
        """What it has taken and refused, by kinds, as the control plane says."""
        return [each for client in control_plane.clients(NODE) for each in client["types"]]

    refusals = [each["reason"] for each in types() if each.get("rejected")]
    check(types() and not refusals, f"it refuses nothing: {refusals}")

    control_plane.write("permission.yaml", PERMISSION)
    denied = grpc.StatusCode.PERMISSION_DENIED
    wait_for(lambda: ask(target, "/reviews.Reviews/Other") == denied, "an authorization policy takes effect in grpcio")
    check(ask(target) == b"reviews", "an authorization policy refuses what it does not allow, and nothing else")
    (control_plane.manifests / "permission.yaml").unlink()
    wait_for(lambda: ask(target, "/reviews.Reviews/Other") == b"reviews", "its end takes effect in grpcio")
    check(True, "its end takes effect, too")

    # It has no certificates, and says so. By gRPC's rules what it has stays in force then.
    control_plane.write("mode.yaml", MODE.format("STRICT"))
    refused = wait_for(lambda: [each for each in types() if each.get("rejected")], "a listener that wants mutual TLS")
    reason = refused[0]["reason"]
    check("certificate provider instance" in reason, f"who has no certificates refuses mutual TLS: {reason[:300]}")
    name = TEMPLATE % target
    told = resources(ask_status(control_plane.xds, control_plane.token))["lds", name]
    check(
        told.config_status == csds_pb2.ERROR and "certificate provider" in told.error_state.details,
        f"the status service of the control plane says so: {told.error_state.details[:100]}",
    )
    other = start(strict := unused_port())
    key = ("lds", TEMPLATE % f"127.0.0.1:{strict}")

    def is_refused():
        told = resources(ask_status(control_plane.xds, control_plane.token)).get(key)
        return told and told.config_status == csds_pb2.ERROR

    wait_for(is_refused, "a server that begins refuses mutual TLS, too")
    answer = ask(f"127.0.0.1:{strict}", patience=2)
    check(answer != b"reviews", f"without certificates nobody begins to serve where mutual TLS is asked for: {answer}")
    other.stop(0)
    control_plane.write("mode.yaml", MODE.format("PERMISSIVE"))
    wait_for(lambda: not [each for each in types() if each.get("rejected")], "the listener without TLS is taken again")
    check(ask(target) == b"reviews", "without mutual TLS it is taken again")
    check(control_plane.is_running(), "the control plane is still there")
    server.stop(0)


def issue(folder):
    """An authority and a certificate of it, which clients and servers have alike."""

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=authority")
    names = "subjectAltName=DNS:localhost,URI:spiffe://cluster.local/ns/default/sa/reviews"
    (folder / "names").write_text(names)
    openssl("req", "-new", *key, "-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=reviews")
    openssl("x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-days", "2", "-extfile", "names", "-out", "certificate.pem")  # fmt: skip


def with_certificates(folder):
    issue(folder)
    control_plane = ControlPlane(BOOKINFO, folder, {"mode.yaml": MODE.format("STRICT")})
    files = {"certificate_file": "certificate.pem", "private_key_file": "key.pem", "ca_certificate_file": "ca.pem"}
    config = {field: str(folder / name) for field, name in files.items()}
    watcher = {"plugin_name": "file_watcher", "config": {**config, "refresh_interval": "10s"}}
    bootstrap(control_plane.xds, certificate_providers={"default": watcher})
    port = unused_port()
    server = start(port)
    target = f"127.0.0.1:{port}"
    authority, key, certificate = ((folder / name).read_bytes() for name in ("ca.pem", "key.pem", "certificate.pem"))
    ours = grpc.ssl_channel_credentials(authority, key, certificate)
    wait_for(lambda: ask(target, credentials=ours) == b"reviews", "grpcio serves with mutual TLS")
    check(True, "grpcio serves with mutual TLS by the listener of the control plane")
    answer = ask(target, patience=2)
    check(answer != b"reviews", f"who comes in plaintext is not served: {answer}")
    answer = ask(target, patience=2, credentials=grpc.ssl_channel_credentials(authority))
    check(answer != b"reviews", f"who has no certificate is not served: {answer}")

    control_plane.write("mode.yaml", MODE.format("PERMISSIVE"))
    wait_for(lambda: ask(target) == b"reviews", "the end of mutual TLS takes effect")
    control_plane.write("mode.yaml", MODE.format("STRICT"))
    wait_for(lambda: ask(target, credentials=ours) == b"reviews", "mutual TLS takes effect in a server that serves")
    answer = ask(target, patience=2)
    check(answer != b"reviews", f"an edit of the mode takes effect in a server that serves: {answer}")
    rejected = [each for client in control_plane.clients(NODE) for each in client["types"] if each.get("rejected")]
    check(not rejected, f"it refuses nothing: {rejected}")
    server.stop(0)


def listener(target, action):
    """What gRPC servers take: one HTTP connection manager, a router, routes that forward nothing."""
    host, port = target.rsplit(":", 1)
    table = {"name": "inbound", "virtual_hosts": [
        {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, **action}]},
    ]}  # fmt: skip
    manager = typed(
        "filters.network.http_connection_manager.v3.HttpConnectionManager", stat_prefix="inbound", route_config=table,
        http_filters=[{"name": "router", "typed_config": typed("filters.http.router.v3.Router")}],
    )  # fmt: skip
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    return {
        "name": TEMPLATE % target, "address": address(host, port), "traffic_direction": "INBOUND",
        "filter_chains": [{"filters": filters}],
    }  # fmt: skip


def by_snapshots(folder):
    snapshot = Snapshot(BOOKINFO, folder, "grpcio")
    snapshot.publish()
    bootstrap(snapshot.xds)
    port = unused_port()
    server = start(port)
    target = f"127.0.0.1:{port}"
    answer = ask(target, patience=2)
    check(answer != b"reviews", f"without a listener grpcio does not serve: {answer}")
    serves = listener(target, {"non_forwarding_action": {}})
    snapshot.set("listeners", serves)
    snapshot.publish()
    wait_for(lambda: ask(target) == b"reviews", "a listener makes it serve")
    check(True, "a listener makes it serve")

    with grpc.insecure_channel(target) as channel:
        call = channel.unary_unary("/reviews.Reviews/Get")
        check(call(b"", timeout=10) == b"reviews", "and a connection is open")
        snapshot.parts["listeners"].clear()
        snapshot.publish()
        wait_for(lambda: ask(target) == grpc.StatusCode.UNAVAILABLE, "a listener that is deleted ends it")
        check(True, "a listener that is deleted ends it: UNAVAILABLE")

    snapshot.set("listeners", serves)
    snapshot.publish()
    wait_for(lambda: ask(target) == b"reviews", "a listener that is there again makes it serve again")
    check(True, "a listener that is there again makes it serve again")
    server.stop(0)


with tempfile.TemporaryDirectory() as scratch, verdict():
    forms = {"": by_manifests, "--certificates": with_certificates, "--snapshot": by_snapshots}
    forms["".join(sys.argv[2:])](pathlib.Path(scratch))
