#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Tokens by Envoy's JWT filter and by ours: the same resources, the same requests, the same verdicts.

Compared are the status, the body, the challenge, and the head of the request as it goes on.

    differential.py --peer .build/debug/http-peer [--cases 2000] [--seed 1] [--show]
"""

import argparse
import http.server
import json
import pathlib
import random
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "http"))
from checks import Process, check, verdict  # noqa: E402
from deliberate import Deliberate  # noqa: E402
from guarded import TYPES, Envoy, Origin, ask_all, compare  # noqa: E402
from real_servers import free_port  # noqa: E402
from tokens import Forger, Key, key_set, token  # noqa: E402

ONE, TWO, THREE = "https://issuer.one", "https://issuer.two/", "issuer-three"


def jwt_filter(keys, origin):
    """The filter: providers with different places and rules, and requirements of every kind."""
    def provider(name):
        return {"provider_name": name}

    def any_of(*parts):
        return {"requires_any": {"requirements": list(parts)}}

    def all_of(*parts):
        return {"requires_all": {"requirements": list(parts)}}

    def rule(prefix, requires=None, **others):
        return {"match": {"prefix": prefix}, **({"requires": requires} if requires else {}), **others}

    missing, failed = {"allow_missing": {}}, {"allow_missing_or_failed": {}}
    return {
        "@type": f"{TYPES}.http.jwt_authn.v3.JwtAuthentication",
        "providers": {
            "one": {
                "issuer": ONE,
                "audiences": ["api.one", "https://api.two/"],
                "local_jwks": {"inline_string": key_set(*keys[ONE])},
                "forward_payload_header": "x-payload",
                "pad_forward_payload_header": True,
                "claim_to_headers": [
                    {"header_name": "x-sub", "claim_name": "sub"},
                    {"header_name": "x-nested", "claim_name": "nested.key"},
                    {"header_name": "x-scope", "claim_name": "scope"},
                ],
            },
            "two": {
                "issuer": TWO,
                "local_jwks": {"inline_string": key_set(*keys[TWO])},
                "from_headers": [{"name": "x-token", "value_prefix": "Token "}, {"name": "x-raw"}],
                "from_params": ["tok"],
                "from_cookies": ["jwt"],
                "forward": True,
                "claim_to_headers": [{"header_name": "x-two", "claim_name": "sub"}],
                "jwt_cache_config": {"jwt_cache_size": 10},
            },
            "three": {
                "issuer": THREE,
                "local_jwks": {"inline_string": key_set(*keys[THREE])},
                "require_expiration": True,
                "max_lifetime": "3600s",
                "subjects": {"prefix": "user-"},
                "clock_skew_seconds": 10,
                "forward_payload_header": "x-three",
            },
            "remote": {
                "issuer": "https://remote.test",
                "remote_jwks": {
                    "http_uri": {"uri": f"http://127.0.0.1:{origin}/keys/a", "cluster": "origin", "timeout": "5s"},
                    "cache_duration": "1s",
                },
                "from_headers": [{"name": "x-remote", "value_prefix": "Bearer "}],
                "claim_to_headers": [{"header_name": "x-sub", "claim_name": "sub"}],
            },
        },
        "bypass_cors_preflight": True,
        "requirement_map": {
            "one": provider("one"),
            "optional": any_of(provider("one"), provider("two"), missing),
        },
        "rules": [
            rule("/free"),
            rule("/one", provider("one")),
            rule("/two", provider("two")),
            rule("/three", provider("three")),
            rule("/remote", provider("remote")),
            rule("/audience", {"provider_and_audiences": {"provider_name": "two", "audiences": ["api.two"]}}),
            rule("/any", any_of(provider("one"), provider("two"), provider("three"))),
            rule("/all", all_of(provider("one"), provider("two"))),
            rule("/optional", requirement_name="optional"),
            rule("/missing", missing),
            rule("/failed", failed),
            rule("/either", any_of(all_of(provider("one"), provider("two")), provider("three"), failed)),
            rule("/istio", any_of(provider("one"), provider("three"),
                                  all_of(any_of(provider("one"), missing), any_of(provider("three"), missing)))),
        ],
    }  # fmt: skip


def bootstrap(port, origin, filter_):
    override = f"{TYPES}.http.jwt_authn.v3.PerRouteConfig"

    def route(prefix, **per_route):
        settings = {"envoy.filters.http.jwt_authn": {"@type": override, **per_route}} if per_route else {}
        found = {"match": {"prefix": prefix}, "route": {"cluster": "origin"}}
        return {**found, **({"typed_per_filter_config": settings} if settings else {})}

    manager = {
        "@type": f"{TYPES}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "in",
        "max_request_headers_kb": 96,
        "route_config": {
            "name": "in",
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [
                        route("/off", disabled=True),
                        route("/per", requirement_name="one"),
                        route("/wrong", requirement_name="nothing"),
                        route("/"),
                    ],
                }
            ],
        },
        "http_filters": [
            {"name": "envoy.filters.http.jwt_authn", "typed_config": filter_},
            {"name": "envoy.filters.http.router", "typed_config": {"@type": f"{TYPES}.http.router.v3.Router"}},
        ],
    }
    cluster = {
        "name": "origin",
        "type": "STATIC",
        "load_assignment": {"cluster_name": "origin", "endpoints": [{"lb_endpoints": [
            {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": origin}}}}
        ]}]},
    }  # fmt: skip
    return {
        "static_resources": {
            "listeners": [
                {
                    "name": "in",
                    "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
                    "traffic_direction": "INBOUND",
                    "filter_chains": [
                        {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
                    ],
                }
            ],
            "clusters": [cluster],
        }
    }


PATHS = ["/one", "/two", "/three", "/audience", "/any", "/all", "/optional", "/failed", "/either", "/istio",
         "/off", "/per", "/wrong", "/free", "/elsewhere"]  # fmt: skip


FITTING = {
    ONE: ["/one", "/one", "/any", "/all", "/optional", "/per", "/istio", "/either"],
    TWO: ["/two", "/two", "/audience", "/any", "/all", "/optional", "/either"],
    THREE: ["/three", "/three", "/any", "/either", "/istio"],
}


# A request's head that both servers read: ours ends at 80 KiB, as its parser does.
MOST_BYTES = 70_000


def case(rng, forger):
    """A request with no, one or several tokens at the places where they are looked for."""
    headers = [("host", "test.local")]
    issuer = rng.choice(list(forger.issuers))
    path = rng.choice(FITTING[issuer] if rng.random() < 0.7 else PATHS)
    query = ["a=1"] if rng.random() < 0.3 else []
    ways = []
    for _ in range(rng.choice([0, 1, 1, 1, 1, 1, 2])):
        if rng.random() < 0.15:
            issuer = rng.choice(list(forger.issuers))
        way, made = forger.good(issuer) if rng.random() < 0.3 else forger.bad(issuer)
        ways.append(way)
        place = rng.randrange(8)
        if rng.random() < 0.8:
            # Where the issuer's tokens are looked for.
            place = rng.choice([4, 5, 6, 7]) if issuer == TWO else rng.choice([0, 0, 0, 6])
        safe = made.replace("+", "-").replace("=", "_").replace("/", "_")
        if place <= 3:
            headers.append(("authorization", rng.choice(["Bearer "] * 8 + ["bearer ", "Basic "]) + made))
        elif place == 4:
            headers.append(("x-token", rng.choice(["Token "] * 4 + ["Token  ", ""]) + made))
        elif place == 5:
            headers.append(("x-raw", made))
        elif place == 6:
            query.append(f"{rng.choice(['tok', 'access_token'])}={safe}")
        else:
            headers.append(("cookie", f"other=1; {rng.choice(['jwt', 'jwt2'])}={safe}"))
    # Whoever writes a claim's header himself must not get through with it.
    if rng.random() < 0.3:
        headers.append((rng.choice(["x-sub", "x-nested", "x-payload", "x-two", "x-three"]), "forged"))
    if len(path) + sum(len(part) for part in query) + sum(len(value) for _, value in headers) > MOST_BYTES:
        return case(rng, forger)
    if path == "/missing" and len(ways) > 1:
        path = "/any"
    method = "GET"
    if rng.random() < 0.03:
        method = "OPTIONS"
        headers += [("origin", "http://a"), ("access-control-request-method", "GET")]
    return method, path + ("?" + "&".join(query) if query else ""), headers, ways


class Ours:
    def __init__(self, executable, folder, config, port):
        self.path = pathlib.Path(folder) / "ours.json"
        self.path.write_text(json.dumps(config))
        self.process = Process(executable, "guarded", "--port", str(port), str(self.path))
        self.process.next_line(lambda line: "address" in line, "our server listens")

    def ask(self, line):
        self.process.process.stdin.write(line + "\n")
        self.process.process.stdin.flush()
        return self.process.next_line()


def rotation(origin_keys, ports, show):
    """A key set that changes at its server: old tokens end, new ones begin, and a server that is gone changes nothing."""
    old, new = origin_keys

    def request(key):
        claims = {"iss": "https://remote.test", "sub": "s", "exp": int(time.time()) + 600}
        made = token(key, claims)
        return ("GET", "/remote", [("host", "test.local"), ("x-remote", "Bearer " + made)], ["remote"])

    def both(*keys):
        cases = [request(key) for key in keys]
        answers = [ask_all(port, cases) for port in ports]
        return cases, answers[0], answers[-1]

    Origin.key_sets["/keys/a"] = key_set(old)
    compare("remote keys", *both(old, new), show)
    Origin.key_sets["/keys/a"] = key_set(old, new)
    time.sleep(2.5)
    # Envoy fetches as a request comes, each worker for itself; we have fetched already.
    both(old, new)
    compare("a second key", *both(old, new), show)
    Origin.key_sets["/keys/a"] = key_set(new)
    time.sleep(2.5)
    both(new)
    compare("the first key gone", *both(old, new), show)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer", help="our http-peer; without it, Envoy alone is asked")
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", action="store_true", help="print every difference")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    keys = {
        ONE: [Key("RSA", "rsa"), Key("ES256", "es256"), Key("RSA", "rsa-ps", "PS384")],
        TWO: [Key("EdDSA", "ed"), Key("ES384", "es384"), Key("ES512", "es512")],
        THREE: [Key("oct", "hs"), Key("oct", "hs512", "HS512"), Key("RSA", "")],
    }
    issuers = {
        ONE: {"keys": keys[ONE], "audiences": ["api.one", ["x", "api.two"], "http://api.one/", "api.two/"]},
        TWO: {"keys": keys[TWO], "audiences": ["api.two", "anybody"]},
        THREE: {"keys": keys[THREE], "audiences": ["api.one", []]},
    }
    forger = Forger(rng, issuers, [Key("RSA", "rsa"), Key("ES256", "es256"), Key("EdDSA", "ed"), Key("oct", "hs")])
    origin_server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Origin)
    threading.Thread(target=origin_server.serve_forever, daemon=True).start()
    origin = origin_server.server_port
    origin_keys = (Key("ES256", "old"), Key("ES256", "new"))
    Origin.key_sets["/keys/a"] = key_set(origin_keys[0])
    with verdict(), tempfile.TemporaryDirectory() as folder:
        filter_ = jwt_filter(keys, origin)
        envoy_port, our_port = free_port(), free_port()
        envoy = Envoy(folder, bootstrap(envoy_port, origin, filter_), envoy_port)
        ours = Ours(options.peer, folder, bootstrap(our_port, origin, filter_), our_port) if options.peer else None
        cases = [case(rng, forger) for _ in range(options.cases)]
        theirs = ask_all(envoy_port, cases)
        mine = ask_all(our_port, cases) if ours else theirs
        reason = Deliberate([key for found in keys.values() for key in found]).reason
        compare("tokens", cases, theirs, mine, options.show, reason)
        statuses = {}
        for found in theirs:
            key = found.get("body", found["status"]) if "error" not in found else found["error"]
            statuses[str(key)[:80]] = statuses.get(str(key)[:80], 0) + 1
        for text, count in sorted(statuses.items(), key=lambda pair: -pair[1]):
            print(f"       {count:6} {text}")
        check(len(statuses) > 15, f"{len(statuses)} kinds of answers were seen")
        # Once more: those that have passed are remembered by then.
        theirs, mine = ask_all(envoy_port, cases), ask_all(our_port, cases) if ours else theirs
        compare("tokens again", cases, theirs, mine, options.show, reason)
        rotation(origin_keys, [envoy_port, our_port] if ours else [envoy_port], options.show)
        if ours:
            print("      ", json.dumps(ours.ask("events")))
        del envoy


if __name__ == "__main__":
    main()
