# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""A real Envoy with mutual TLS on both of its sides: a listener that our client calls, and a cluster that leads to our server.

Its secrets are files that it watches (SDS by path), or come over gRPC from an SDS server.
"""

import json
import os
import pathlib
import subprocess
import sys
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "http"))
from checks import PATIENCE, wait_for  # noqa: E402
from real_servers import program  # noqa: E402

OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def typed(name, /, **fields):
    return {"@type": f"type.googleapis.com/envoy.extensions.{name}", **fields}


def address(port):
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


class FileSecrets:
    """Secrets in files: the folder is swapped as a whole, as Kubernetes does, so that key and certificate change at once."""

    def __init__(self, folder, pair, authority):
        self.folder, self.authority, self.number = pathlib.Path(folder), authority, 0
        self.link = self.folder / "current"
        self.replace(pair)

    def replace(self, pair):
        self.number += 1
        place = self.folder / f"secrets-{self.number}"
        place.mkdir()
        (place / "chain.pem").write_bytes(pair.certificate_file.read_bytes())
        (place / "key.pem").write_bytes(pair.key_file.read_bytes())
        (place / "roots.pem").write_bytes(self.authority.roots_file.read_bytes())
        beside = self.folder / "next"
        beside.symlink_to(place)
        os.replace(beside, self.link)

    def sources(self):
        """What of a TLS context says where certificate and roots are."""
        watched = {"path": str(self.folder)}
        own = typed(
            "transport_sockets.tls.v3.Secret", name="own",
            tls_certificate={
                "certificate_chain": {"filename": str(self.link / "chain.pem")},
                "private_key": {"filename": str(self.link / "key.pem")},
                "watched_directory": watched,
            },
        )  # fmt: skip
        roots = typed(
            "transport_sockets.tls.v3.Secret", name="roots",
            validation_context={
                "trusted_ca": {"filename": str(self.link / "roots.pem")}, "watched_directory": watched,
            },
        )  # fmt: skip
        for name, secret in (("own", own), ("roots", roots)):
            (self.folder / f"{name}.json").write_text(json.dumps({"resources": [secret]}))
        return [
            {
                "name": name,
                "sds_config": {
                    "resource_api_version": "V3",
                    "path_config_source": {"path": str(self.folder / f"{name}.json")},
                },
            }
            for name in ("own", "roots")
        ]


class ServedSecrets:
    """Secrets over gRPC, from whoever serves them on a Unix socket."""

    def __init__(self, own, roots):
        self.names = [own, roots]

    def sources(self):
        config = {
            "resource_api_version": "V3",
            "api_config_source": {
                "api_type": "GRPC", "transport_api_version": "V3",
                "grpc_services": [{"envoy_grpc": {"cluster_name": "secrets"}}],
            },
        }  # fmt: skip
        return [{"name": name, "sds_config": config} for name in self.names]


def tls(secrets, names, protocols=("h2", "http/1.1"), **fields):
    own, roots = secrets.sources()
    return {
        "common_tls_context": {
            "tls_certificate_sds_secret_configs": [own],
            "combined_validation_context": {
                "default_validation_context": {
                    "match_typed_subject_alt_names": [{"san_type": "URI", "matcher": {"exact": name}} for name in names]
                },
                "validation_context_sds_secret_config": roots,
            },
            "alpn_protocols": list(protocols),
        },
        **fields,
    }


def manager(prefix, route):
    host = {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, **route}]}
    return typed(
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=prefix, codec_type="AUTO", route_config={"virtual_hosts": [host]},
        forward_client_cert_details="SANITIZE_SET", set_current_client_cert_details={"uri": True},
        http_filters=[{"name": "router", "typed_config": typed("filters.http.router.v3.Router")}],
    )  # fmt: skip


def bootstrap(secrets, our_port, callers, servers, http2, secrets_socket):
    """`callers` may call Envoy; Envoy calls our server, which must be one of `servers`."""
    protocol = {"http2_protocol_options": {}} if http2 else {"http_protocol_options": {}}
    answer = {"direct_response": {"status": 200, "body": {"inline_string": "envoy"}}}
    clusters = [
        {
            "name": "ours", "type": "STATIC", "connect_timeout": "5s",
            "typed_extension_protocol_options": {
                # A connection for each request, so that each one shakes hands with what is there then.
                OPTIONS: typed(
                    "upstreams.http.v3.HttpProtocolOptions", explicit_http_config=protocol,
                    common_http_protocol_options={"max_requests_per_connection": 1},
                )  # fmt: skip
            },
            "transport_socket": {
                "name": "envoy.transport_sockets.tls",
                # Envoy speaks what its cluster says, whatever was agreed upon: it must offer nothing else.
                "typed_config": typed(
                    "transport_sockets.tls.v3.UpstreamTlsContext",
                    **tls(secrets, servers, ["h2" if http2 else "http/1.1"]),
                ),
            },
            "load_assignment": {
                "cluster_name": "ours",
                "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(our_port)}}]}],
            },
        }
    ]  # fmt: skip
    if secrets_socket:
        clusters.append(
            {
                "name": "secrets", "type": "STATIC", "connect_timeout": "5s",
                "typed_extension_protocol_options": {
                    OPTIONS: typed(
                        "upstreams.http.v3.HttpProtocolOptions",
                        explicit_http_config={"http2_protocol_options": {}},
                    )
                },
                "load_assignment": {
                    "cluster_name": "secrets",
                    "endpoints": [
                        {"lb_endpoints": [{"endpoint": {"address": {"pipe": {"path": str(secrets_socket)}}}}]}
                    ],
                },
            }  # fmt: skip
        )
    protected = typed(
        "transport_sockets.tls.v3.DownstreamTlsContext",
        **tls(secrets, callers, require_client_certificate=True),
    )
    return {
        "node": {"id": "envoy", "cluster": "interop"},
        "admin": {"address": address(0)},
        "static_resources": {
            "listeners": [
                {
                    "name": "entrance", "address": address(0),
                    "filter_chains": [
                        {
                            "filters": [{"name": "http", "typed_config": manager("entrance", answer)}],
                            "transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": protected},
                        }
                    ],
                },
                {
                    "name": "exit", "address": address(0),
                    "filter_chains": [
                        {"filters": [{"name": "http", "typed_config": manager("exit", {"route": {"cluster": "ours"}})}]}
                    ],
                },
            ],
            "clusters": clusters,
        },
    }  # fmt: skip


class Envoy:
    def __init__(self, folder, secrets, our_port, callers, servers, http2=False, secrets_socket=None):
        folder = pathlib.Path(folder)
        configuration, place = folder / "envoy.json", folder / "envoy.admin"
        place.unlink(missing_ok=True)
        configuration.write_text(
            json.dumps(bootstrap(secrets, our_port, callers, servers, http2, secrets_socket))
        )
        self.log_file = folder / "envoy.log"
        self.log = open(self.log_file, "w")
        self.process = subprocess.Popen(
            [program("envoy"), "-c", str(configuration), "--admin-address-path", str(place), "--concurrency", "1",
             "--use-dynamic-base-id", "-l", "warning"],
            stdout=self.log, stderr=self.log,
        )  # fmt: skip
        try:
            self.admin = wait_for(lambda: place.exists() and place.read_text().strip(), "Envoy's admin port")
            wait_for(lambda: self._get("/ready") is not None, "Envoy is ready")
        except Exception:
            print(self.log_file.read_text()[-2000:])
            self.stop()
            raise
        statuses = json.loads(self._get("/listeners?format=json"))["listener_statuses"]
        ports = {each["name"]: each["local_address"]["socket_address"]["port_value"] for each in statuses}
        self.entrance, self.exit = f"127.0.0.1:{ports['entrance']}", f"127.0.0.1:{ports['exit']}"

    def _get(self, path):
        try:
            with urllib.request.urlopen(f"http://{self.admin}{path}", timeout=10) as answer:
                return answer.read().decode()
        except OSError:
            return None

    def statistics(self):
        found = json.loads(self._get("/stats?format=json"))["stats"]
        return {stat["name"]: stat["value"] for stat in found if "name" in stat}

    def certificates(self):
        """The serial numbers of the certificates that Envoy has in force, in hexadecimal."""
        found = json.loads(self._get("/certs"))["certificates"]
        return {
            chain["serial_number"].lstrip("0") for each in found for chain in each.get("cert_chain", [])
        }

    def ask_ours(self):
        """A request through Envoy's cluster to our server: status and body."""
        try:
            with urllib.request.urlopen(f"http://{self.exit}/", timeout=PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait()
        self.log.close()
