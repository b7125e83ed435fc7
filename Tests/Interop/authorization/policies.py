# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Seeded authorization rules and requests, in the words of Envoy's configuration."""

import random

RBAC = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3."
PATHS = ["/", "/a", "/a/", "/a/b", "/a/b/c", "/A/b", "/api/v1/items", "/api/v2/items", "/api/v1/items/7", "/x.html"]
HOSTS = ["a.test", "A.test", "a.test:8080", "b.test", "deep.b.test"]
METHODS = ["GET", "POST", "PUT", "DELETE"]
HEADERS = {
    "x-a": ["", "1", "2", "alpha", "Alpha", "alpha beta", "17", "-3"],
    "x-b": ["1", "alpha", "omega", "a,b", "0x1"],
    "x-c": ["yes", "no"],
}
SOURCES = ["127.0.0.1", "127.0.0.2", "127.0.1.1", "127.2.0.1"]
DESTINATIONS = ["127.0.0.1", "127.0.0.3", "127.1.0.1"]
CLIENTS = ["10.0.0.1", "10.1.2.3", "192.168.7.9", "2001:db8::7", "nonsense"]
RANGES = [
    ("127.0.0.0", 24), ("127.0.0.0", 8), ("127.0.0.2", 32), ("127.0.0.1", 31), ("0.0.0.0", 0), ("10.0.0.0", 8),
    ("10.1.0.0", 16), ("192.168.0.0", 16), ("2001:db8::", 32), ("::", 0), ("128.0.0.0", 1), ("127.1.0.0", 16),
]  # fmt: skip
TEMPLATES = ["/a/*", "/a/**", "/{x}", "/api/{v}/items", "/api/*/items/{id}", "/**", "/a/{rest=**}", "/*.html"]
EXPRESSIONS = ["/a.*", "/api/v[12]/items", ".*", "[a-z/]+", "(?i)/a/b", "alpha|omega", "[0-9]+", "a.*"]
# In the order of their bytes, which is not that of a dictionary.
NAMES = ["B", "Z-last", "a", "a-1", "a.1", "b", "ns[default]-policy[p]-rule[0]", "ns[default]-policy[p]-rule[10]", "z"]


class Rules:
    """Makes rules; `port` is where the side listens that they are for. Two of one seed differ by the port alone."""

    def __init__(self, seed, port):
        self.random = random.Random(seed)
        self.port = port

    def one(self, values):
        return self.random.choice(values)

    def chance(self, share):
        return self.random.random() < share

    def range(self):
        address, length = self.one(RANGES)
        return {"address_prefix": address, **({"prefix_len": length} if length or self.chance(0.5) else {})}

    def text(self, values):
        value = self.one(values)
        kind = self.one(["exact", "exact", "prefix", "suffix", "contains", "safe_regex"])
        if kind == "safe_regex":
            return {kind: {"regex": self.one(EXPRESSIONS)}}
        if kind != "exact":
            begin = self.random.randrange(len(value) + 1)
            value = {"prefix": value[:begin], "suffix": value[begin:], "contains": value[begin // 2 : begin]}[kind]
            if not value:
                kind, value = "exact", self.one(values)
        return {kind: value, **({"ignore_case": True} if self.chance(0.2) else {})}

    def header(self):
        name, values = self.one([(":method", METHODS), (":authority", HOSTS), (":path", PATHS), *HEADERS.items()])
        matcher = {"name": name}
        kind = self.one(["string", "string", "string", "present", "absent", "range"])
        if kind == "string":
            matcher["string_match"] = self.text(values)
        elif kind == "range":
            start = self.random.randrange(-5, 15)
            matcher["range_match"] = {"start": start, "end": start + self.random.randrange(0, 10)}
        else:
            matcher["present_match"] = kind == "present"
        if self.chance(0.2):
            matcher["invert_match"] = True
        if self.chance(0.15):
            matcher["treat_missing_header_as_empty"] = True
        return {"header": matcher}

    def metadata(self):
        """What the filter before has noted of its shadow rules."""
        key = self.one(["first_shadow_engine_result", "first_shadow_effective_policy_id", "none"])
        value = self.one(
            [
                {"string_match": self.text(["allowed", "denied", *NAMES])},
                {"present_match": True},
                {"null_match": {}},
                {"bool_match": True},
                {"double_match": {"exact": 1}},
                {"or_match": {"value_matchers": [{"string_match": {"exact": "denied"}}, {"bool_match": True}]}},
                {"list_match": {"one_of": {"string_match": {"exact": "denied"}}}},
            ]
        )
        matcher = {"filter": "envoy.filters.http.rbac", "path": [{"key": key}], "value": value}
        if self.chance(0.2):
            matcher["invert"] = True
        if self.chance(0.3):
            return {"sourced_metadata": {"metadata_matcher": matcher}}
        return {"metadata": matcher}

    def permission(self, depth=0):
        kinds = ["any", "header", "header", "path", "path", "address", "port", "ports", "template", "metadata", "sni"]
        kind = self.one(kinds + (["and", "or", "not"] * 2 if depth < 3 else []))
        if kind in ("and", "or"):
            parts = [self.permission(depth + 1) for _ in range(self.random.randrange(1, 4))]
            return {f"{kind}_rules": {"rules": parts}}
        if kind == "not":
            return {"not_rule": self.permission(depth + 1)}
        if kind == "header":
            return self.header()
        if kind == "path":
            return {"url_path": {"path": self.text(PATHS)}}
        if kind == "address":
            return {"destination_ip": self.range()}
        if kind == "port":
            return {"destination_port": self.port if self.chance(0.5) else 81}
        if kind == "ports":
            start, end = self.one([(0, 0), (0, 1), (-3, 2), (1, 4), (-2, -1)])
            start, end = max(0, self.port + start), self.port + max(end, start + 1)
            return {"destination_port_range": {"start": start, "end": end}}
        if kind == "template":
            config = {
                "@type": "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig",
                "path_template": self.one(TEMPLATES),
            }
            name = "envoy.path.match.uri_template.uri_template_matcher"
            return {"uri_template": {"name": name, "typed_config": config}}
        if kind == "metadata":
            return self.metadata()
        if kind == "sni":
            return {"requested_server_name": self.text(["", "a.test"])}
        return {"any": True}

    def principal(self, depth=0):
        kinds = ["any", "any", "header", "path", "source", "direct", "remote", "remote", "authenticated", "metadata"]
        kind = self.one(kinds + (["and", "or", "not"] * 2 if depth < 3 else []))
        if kind in ("and", "or"):
            return {f"{kind}_ids": {"ids": [self.principal(depth + 1) for _ in range(self.random.randrange(1, 4))]}}
        if kind == "not":
            return {"not_id": self.principal(depth + 1)}
        if kind == "header":
            return self.header()
        if kind == "path":
            return {"url_path": {"path": self.text(PATHS)}}
        if kind in ("source", "direct", "remote"):
            return {{"source": "source_ip", "direct": "direct_remote_ip", "remote": "remote_ip"}[kind]: self.range()}
        if kind == "authenticated":
            return {"authenticated": {} if self.chance(0.5) else {"principal_name": self.text(["spiffe://a/b"])}}
        if kind == "metadata":
            return self.metadata()
        return {"any": True}

    def rbac(self, log=True):
        action = self.one(["ALLOW", "ALLOW", "ALLOW", "DENY", "DENY"] + (["LOG"] if log else []))
        names = self.random.sample(NAMES, self.random.randrange(0, 7))
        policies = {
            name: {
                "permissions": [self.permission() for _ in range(self.random.randrange(1, 3))],
                "principals": [self.principal() for _ in range(self.random.randrange(1, 3))],
            }
            for name in names
        }
        return {"action": action, "policies": policies}

    def filter(self, name):
        """Settings of a filter for a route; empty ones switch it off."""
        if self.chance(0.08):
            return {"@type": RBAC + "RBACPerRoute"}
        settings = {"rules_stat_prefix": name, "shadow_rules_stat_prefix": name}
        if self.chance(0.85):
            settings["rules"] = self.rbac()
        if self.chance(0.5):
            settings["shadow_rules"] = self.rbac(log=False)
        return {"@type": RBAC + "RBACPerRoute", "rbac": settings}


def overrides(seed, port):
    """What one route says of both filters; now and then of one only, so that the listener's rules hold."""
    rules = Rules(seed, port)
    said = {"first": rules.filter("first_"), "second": rules.filter("second_")}
    if rules.chance(0.1):
        said.pop(rules.one(["first", "second"]))
    return said


def request(seed, number):
    """A request by its parts; its number stands in the query, by which both sides tell of it."""
    chosen = random.Random(f"request {seed}")
    headers = []
    for name, values in HEADERS.items():
        for _ in range(chosen.choice([0, 1, 1, 1, 2])):
            headers.append((name, chosen.choice(values)))
    if chosen.random() < 0.5:
        count = chosen.choice([1, 1, 2, 3])
        headers.append(("x-forwarded-for", ", ".join(chosen.choice(CLIENTS) for _ in range(count))))
    if chosen.random() < 0.1:
        headers.append(("content-type", "application/grpc"))
    return {
        "method": chosen.choice(METHODS),
        "path": f"{chosen.choice(PATHS)}?case={number}",
        "host": chosen.choice(HOSTS),
        "headers": headers,
        "source": chosen.choice(SOURCES),
        "destination": chosen.choice(DESTINATIONS),
    }
