#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""A service that says who may pass, asked by Envoy's ext_authz filter and by ours: the same answers, the same requests.

The requests say what the service is to answer (`x-want`), so that each of its words is seen at work on both sides; what the
service was told is compared, too, but for one header: our call over HTTP is traced as any other (`traceparent`), which
Envoy's is only where a tracer is configured. Such calls are counted.

    external.py --peer .build/debug/http-peer [--cases 400] [--seed 1] [--show]
"""

import argparse
import concurrent.futures
import contextlib
import http.server
import json
import pathlib
import random
import sys
import tempfile
import threading
import time

import grpc
from envoy.config.core.v3 import base_pb2
from envoy.service.auth.v3 import external_auth_pb2, external_auth_pb2_grpc
from envoy.type.v3 import http_status_pb2

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "http"))
from checks import Process, check, verdict  # noqa: E402
from guarded import TYPES, Envoy, Origin, ask_all, compare  # noqa: E402
from real_servers import free_port  # noqa: E402

# Longer than the filter's timeout.
SLOW = 1.0


class Authorizer(external_auth_pb2_grpc.AuthorizationServicer):
    """Answers what the request wants, and remembers what it was told."""

    def __init__(self):
        self.told = {}

    def Check(self, request, context):
        http_ = request.attributes.request.http
        wants = json.loads(http_.headers.get("x-want", "{}"))
        self.told[http_.headers.get("x-case", "")] = {
            "method": http_.method,
            "path": http_.path,
            "host": http_.host,
            "headers": sorted(name for name in http_.headers if not name.startswith(("x-forwarded", "x-envoy"))
                              and name not in ("x-request-id", "content-length")),
            "extensions": dict(request.attributes.context_extensions),
        }  # fmt: skip
        if wants.get("slow"):
            time.sleep(SLOW)
        if wants.get("error"):
            context.abort(grpc.StatusCode.INTERNAL, "no")
        answer = external_auth_pb2.CheckResponse()
        answer.status.code = wants.get("code", 0)
        if "denied" in wants:
            denied = wants["denied"]
            if denied.get("status"):
                answer.denied_response.status.CopyFrom(http_status_pb2.HttpStatus(code=denied["status"]))
            answer.denied_response.body = denied.get("body", "")
            for name, value in denied.get("headers", []):
                answer.denied_response.headers.add(header=base_pb2.HeaderValue(key=name, value=value))
        elif "ok" in wants:
            good = wants["ok"]
            answer.ok_response.SetInParent()
            for name, value, append, action in good.get("headers", []):
                option = answer.ok_response.headers.add(header=base_pb2.HeaderValue(key=name, value=value))
                option.append_action = action
                if append is not None:
                    option.append.value = append
            answer.ok_response.headers_to_remove.extend(good.get("remove", []))
            for name, value in good.get("set", []):
                answer.ok_response.query_parameters_to_set.add(key=name, value=value)
            answer.ok_response.query_parameters_to_remove.extend(good.get("unset", []))
        return answer


class HTTPAuthorizer(http.server.BaseHTTPRequestHandler):
    """The same over HTTP, where the status says it."""

    protocol_version = "HTTP/1.1"
    told = {}
    traced = 0

    def _answer(self):
        wants_ = json.loads(self.headers.get("x-want", "{}"))
        HTTPAuthorizer.traced += "traceparent" in self.headers
        HTTPAuthorizer.told[self.headers.get("x-case", "")] = {
            "method": self.command,
            "path": self.path,
            "host": self.headers.get("host"),
            "headers": sorted(name.lower() for name in set(self.headers.keys())
                              if not name.lower().startswith(("x-forwarded", "x-envoy", "x-request-id", "x-b3"))
                              and name.lower() not in ("connection", "content-length", "transfer-encoding",
                                                       "traceparent")),
        }  # fmt: skip
        if wants_.get("slow"):
            time.sleep(SLOW)
        status, body, headers = 200, b"", []
        if wants_.get("error"):
            status = 500
        elif "denied" in wants_:
            denied = wants_["denied"]
            status, body = denied.get("status") or 403, denied.get("body", "").encode()
            headers = denied.get("headers", [])
        elif wants_.get("code"):
            status = 403
        elif "ok" in wants_:
            good = wants_["ok"]
            headers = [[name, value] for name, value, *_ in good.get("headers", [])]
            if good.get("remove"):
                headers.append(["x-envoy-auth-headers-to-remove", ",".join(good["remove"])])
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        with contextlib.suppress(OSError):
            self.end_headers()
        if self.command != "HEAD":
            # Whoever asked may be gone: that is what a slow answer is about.
            with contextlib.suppress(OSError):
                self.wfile.write(body)

    do_GET = do_POST = do_HEAD = _answer

    def log_message(self, *arguments):
        pass


def bootstrap(port, origin, authorizer, failing):
    over_http = "http_service" in failing
    def cluster(name, port_, **others):
        address = {"socket_address": {"address": "127.0.0.1", "port_value": port_}}
        endpoint = {"lb_endpoints": [{"endpoint": {"address": address}}]}
        return {"name": name, "type": "STATIC", "load_assignment": {"cluster_name": name, "endpoints": [endpoint]}, **others}

    http2 = {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http2_protocol_options": {}},
        }
    }
    filter_ = {
        "@type": f"{TYPES}.http.ext_authz.v3.ExtAuthz",
        **({} if over_http else {"grpc_service": {"envoy_grpc": {"cluster_name": "authorizer"}, "timeout": "0.3s"}}),
        "transport_api_version": "V3",
        **failing,
    }
    override = f"{TYPES}.http.ext_authz.v3.ExtAuthzPerRoute"

    def route(prefix, settings=None):
        found = {"match": {"prefix": prefix}, "route": {"cluster": "origin"}}
        if settings:
            found["typed_per_filter_config"] = {"envoy.filters.http.ext_authz": {"@type": override, **settings}}
        return found

    manager = {
        "@type": f"{TYPES}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "in",
        "route_config": {
            "name": "in",
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [
                        route("/off", {"disabled": True}),
                        route("/told", {"check_settings": {"context_extensions": {"a": "1", "b": "2"}}}),
                        route("/"),
                    ],
                }
            ],
        },
        "http_filters": [
            {"name": "envoy.filters.http.ext_authz", "typed_config": filter_},
            {"name": "envoy.filters.http.router", "typed_config": {"@type": f"{TYPES}.http.router.v3.Router"}},
        ],
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    return {
        "static_resources": {
            "listeners": [
                {
                    "name": "in",
                    "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
                    "traffic_direction": "INBOUND",
                    "filter_chains": [chain],
                }
            ],
            "clusters": [
                cluster("origin", origin),
                cluster("authorizer", authorizer, **({} if over_http else {"typed_extension_protocol_options": http2})),
            ],
        }
    }


def wants(rng):
    def name():
        return rng.choice(["x-a", "x-b", "x-new", "authorization"])

    kind = rng.randrange(8)
    if kind == 0:
        return {}
    if kind == 1:
        return {"code": rng.choice([7, 16])}
    if kind == 2:
        denied = {"status": rng.choice([0, 401, 403, 429, 302]), "body": rng.choice(["", "no entry"])}
        if rng.random() < 0.6:
            denied["headers"] = [["x-why", "because"], ["location", "/login"]]
        return {"code": 7, "denied": denied}
    if kind == 3 and rng.random() < 0.3:
        return {"slow": True}
    if kind == 4 and rng.random() < 0.6:
        return {"error": True}
    # What `append_action` says counts for nothing, neither with `append` nor without it.
    good = {"headers": [[name(), rng.choice(["v", "w x"]), rng.choice([None, None, True, True, False]),
                         rng.choice([0, 0, 1, 2, 3])]
                        for _ in range(rng.randrange(4))]}  # fmt: skip
    if rng.random() < 0.4:
        good["remove"] = [name(), "host", ":path"][: rng.randrange(1, 4)]
    if rng.random() < 0.3:
        good["set"] = [["q", rng.choice(["1", "new"])]]
    if rng.random() < 0.3:
        good["unset"] = ["gone"]
    return {"ok": good}


def case(rng, number):
    headers = [("host", "test.local"), ("x-case", str(number)), ("x-want", json.dumps(wants(rng)))]
    for name in ("x-a", "x-b", "authorization"):
        for _ in range(rng.choice([0, 0, 1, 2])):
            headers.append((name, rng.choice(["1", "two"])))
    query = rng.choice(["", "?q=old", "?gone=1", "?gone=1&q=old"])
    return "GET", rng.choice(["/", "/x", "/off", "/told"]) + query, headers, []


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer", help="our http-peer; without it, Envoy alone is asked")
    parser.add_argument("--cases", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", action="store_true", help="print every difference")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    authorizer = Authorizer()
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(32))
    external_auth_pb2_grpc.add_AuthorizationServicer_to_server(authorizer, server)
    authorizer_port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    origin_server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Origin)
    threading.Thread(target=origin_server.serve_forever, daemon=True).start()
    origin = origin_server.server_port
    http_server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), HTTPAuthorizer)
    threading.Thread(target=http_server.serve_forever, daemon=True).start()
    over_http = {
        "server_uri": {"uri": "http://authorizer", "cluster": "authorizer", "timeout": "0.3s"},
        "path_prefix": "/check",
        "authorization_request": {"headers_to_add": [{"key": "x-added", "value": "1"}]},
        "authorization_response": {
            "allowed_upstream_headers": {"patterns": [{"exact": "x-a"}, {"exact": "x-new"}, {"exact": "authorization"}]},
            "allowed_upstream_headers_to_append": {"patterns": [{"exact": "x-b"}]},
            "allowed_client_headers": {"patterns": [{"exact": "x-why"}]},
        },
    }
    modes = {
        "over HTTP": {"http_service": over_http, "allowed_headers": {"patterns": [{"prefix": "x-"}]}},
        "over HTTP, failures pass": {
            # Here one header is in both lists.
            "http_service": {**over_http, "authorization_response": {
                "allowed_upstream_headers": {"patterns": [{"prefix": "x-"}]},
                "allowed_upstream_headers_to_append": {"patterns": [{"exact": "x-b"}, {"exact": "authorization"}]},
            }},
            "allowed_headers": {"patterns": [{"exact": "x-want"}, {"exact": "x-case"}]},
            "failure_mode_allow": True,
        },
        "failures are refused": {"filter_enabled": {"default_value": {"numerator": 100}}},
        "failures pass": {"failure_mode_allow": True, "failure_mode_allow_header_add": True},
        "another status": {"status_on_error": {"code": "ServiceUnavailable"}},
        "some headers": {
            "allowed_headers": {"patterns": [{"prefix": "x-"}]},
            "disallowed_headers": {"patterns": [{"exact": "x-b"}]},
        },
        "asked about nothing": {"filter_enabled": {"default_value": {"numerator": 0}}},
        "closed": {
            "filter_enabled": {"default_value": {"numerator": 0}},
            "deny_at_disable": {"default_value": True, "runtime_key": "deny"},
        },
    }
    with verdict():
        for mode, failing in modes.items():
            with tempfile.TemporaryDirectory() as folder:
                ports = [free_port(), free_port()]
                service = http_server.server_port if "http_service" in failing else authorizer_port
                kind = HTTPAuthorizer if "http_service" in failing else authorizer
                envoy = Envoy(folder, bootstrap(ports[0], origin, service, failing), ports[0])
                cases = [case(rng, number) for number in range(options.cases // len(modes))]
                theirs, told = ask_all(ports[0], cases), dict(kind.told)
                kind.told = {}
                mine, mine_told = theirs, told
                if options.peer:
                    path = pathlib.Path(folder) / "ours.json"
                    path.write_text(json.dumps(bootstrap(ports[1], origin, service, failing)))
                    ours = Process(options.peer, "guarded", "--port", str(ports[1]),
                                   "--authorizer", f"127.0.0.1:{authorizer_port}", str(path))  # fmt: skip
                    ours.next_line(lambda line: "address" in line, "our server listens")
                    # The connection to the service is made as it runs.
                    time.sleep(0.5)
                    mine, mine_told = ask_all(ports[1], cases), dict(kind.told)
                    kind.told = {}
                compare(mode, cases, theirs, mine, options.show)
                differing = [number for number in told if told[number] != mine_told.get(number)]
                check(not differing, f"{mode}: the service is told the same ({len(differing)} differ)")
                for number in differing[:3]:
                    print(json.dumps([told[number], mine_told.get(number)]))
                statuses = sorted({found.get("status", 0) for found in theirs})
                print(f"       statuses {statuses}")
                if HTTPAuthorizer.traced:
                    print(f"       {HTTPAuthorizer.traced:6} calls of ours were traced")
                    HTTPAuthorizer.traced = 0
                envoy.stop() if hasattr(envoy, "stop") else None


if __name__ == "__main__":
    main()
