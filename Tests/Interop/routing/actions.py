# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""What a route does with its requests: redirects, direct responses, and every part of forwarding."""

import retries
from conditions import fraction
from mutations import mutations

PLAIN = [f"c{number}" for number in range(8)]
MIRRORS = [f"shadow{number}" for number in range(3)]
# What the clusters' endpoints are: see clusters() below.
CLUSTERS = {name: {"endpoints": 1} for name in PLAIN}
CLUSTERS |= {name: {"endpoints": 1, "mirror": True} for name in MIRRORS}
CLUSTERS |= {
    "pair": {"endpoints": 2},
    "ring": {"endpoints": 4, "policy": "RING_HASH"},
    # Each endpoint has a priority of its own.
    "levels": {"endpoints": 3, "levels": True},
    "named": {"endpoints": 1, "hostname": "endpoint.named.test"},
    # Nobody listens there.
    "dead": {"endpoints": 0, "refuses": True},
    # It has no endpoint at all.
    "empty": {"endpoints": 0},
    # Requests of normal priority find its limit reached; those of high priority do not.
    "full": {"endpoints": 1, "limit": 0},
}
TEMPLATE_REWRITE = "type.googleapis.com/envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig"
INTERNAL_REDIRECT = "type.googleapis.com/envoy.extensions.internal_redirect."
PREVIOUS_PRIORITIES = (
    "type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig"
)
PREVIOUS_HOSTS = "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
REWRITES = [
    ("/([^/]+)/?(.*)", r"/\2/\1"),
    ("[aeiou]", r"_"),
    ("^(/[^?]*)$", r"/all\1"),
    ("/+", "/"),
    ("(x)?y", r"[\1]"),
    ("o", r"\\\0\0"),
    (".*", r"/\0"),
    ("z*", "-"),
]


def regex_rewrite(random):
    pattern, substitution = random.choice(REWRITES[:-2] if random.random() < 0.8 else REWRITES)
    return {"pattern": {"regex": pattern}, "substitution": substitution}


def redirect(random, context, condition):
    action = {}
    if random.random() < 0.5:
        action["host_redirect"] = random.choice(["other.test", "other.test:8443", "[::1]", ""])
    if random.random() < 0.3:
        action["https_redirect"] = True
    elif random.random() < 0.3:
        action["scheme_redirect"] = random.choice(["https", "http", "ftp"])
    if random.random() < 0.3:
        action["port_redirect"] = random.choice([80, 443, 8080, 0])
    form = random.choice(["", "path", "path?", "prefix", "regex"])
    if form.startswith("path"):
        action["path_redirect"] = "/moved/here" + ("?own=1" if form == "path?" else "")
    elif form == "prefix" and ("prefix" in condition.match or "path" in condition.match):
        action["prefix_rewrite"] = random.choice(["/moved", "/moved/", "/"])
    elif form == "regex":
        action["regex_rewrite"] = regex_rewrite(random)
    if random.random() < 0.6:
        codes = ["MOVED_PERMANENTLY", "FOUND", "SEE_OTHER", "TEMPORARY_REDIRECT", "PERMANENT_REDIRECT"]
        action["response_code"] = random.choice(codes)
    if random.random() < 0.4:
        action["strip_query"] = True
    hosts = [("host", None, context.host(port)) for port in (":80", ":443", ":8080", "")]
    variants = [[edit] for edit in hosts]
    variants += [[edit, ("query", "redirect", "a=1&b=%20")] for edit in hosts[-2:]]
    return {"redirect": action}, [], [("redirect", None, edits) for edits in variants]


def direct_response(random, context, condition):
    action = {"status": random.choice([200, 201, 204, 304, 401, 404, 429, 500, 503, 599])}
    if random.random() < 0.7 and action["status"] not in (204, 304):
        body = random.choice(["hello", "", "{}", "\u00e9" * 3, "x" * 4096])
        action["body"] = {"inline_string": body}
    return {"direct_response": action}, [], [("direct response", None, [])]


def non_forwarding(random, context, condition):
    return {"non_forwarding_action": {}}, [], [("non-forwarding", None, [])]


def target(random, context, trusts):
    """The cluster: (fields of the action, edits that every request needs, variants)."""
    form = random.choice(["cluster"] * 12 + ["header", "header", "weights", "by header", "by hash", "ring", "special"])
    if form == "cluster":
        return {"cluster": random.choice(PLAIN)}, [], []
    if form == "header":
        named = ("headers", "x-cluster", [random.choice(PLAIN)])
        others = [None, ["nowhere"], [""], ["c1", "c2"], ["C1"], ["dead"]]
        variants = [("cluster header", None, [("headers", "x-cluster", value)]) for value in others]
        fields = {"cluster_header": "x-cluster"}
        if random.random() < 0.5:
            fields["cluster_not_found_response_code"] = random.choice(["NOT_FOUND", "INTERNAL_SERVER_ERROR"])
        return fields, [named], variants
    if form == "ring":
        fields, variants = hashing(random)
        return {"cluster": "ring", **fields}, [], variants
    if form == "special":
        return special(random)
    names = random.sample(PLAIN, 3)
    weights = [0, 0, 100] if form == "weights" else [random.randint(0, 50), random.randint(1, 50), 7]
    random.shuffle(weights)
    shares = [{"name": name, "weight": weight} for name, weight in zip(names, weights)]
    for share in shares:
        share |= mutations(random, "share", 0.3)
        if random.random() < 0.2:
            share["host_rewrite_literal"] = f"{share['name']}.share.test"
    if random.random() < 0.2:
        shares[0]["cluster_header"] = "x-cluster"
        del shares[0]["name"]
    split, edits, variants = {"clusters": shares}, [("headers", "x-cluster", ["c0"])], []
    if form == "by header":
        split["header_name"] = "x-draw"
        edits.append(("headers", "x-draw", [str(random.randint(0, 999))]))
        draws = [*random.sample(range(120), 5), 2**32 - 1, 2**64 - 1, sum(weights), sum(weights) - 1]
        variants = [("weighted by header", None, [("headers", "x-draw", [str(draw)])]) for draw in draws]
    fields = {"weighted_clusters": split}
    if form == "by hash":
        split["use_hash_policy"] = True
        edits.append(("headers", "x-hash", ["first"]))
        fields["hash_policy"] = [{"header": {"header_name": "x-hash"}}]
        values = ["a", "b", "user-17", "", "\u00e9", "z" * 200, "0", "1"]
        variants = [("weighted by hash", None, [("headers", "x-hash", [value])]) for value in values]
    return fields, edits, variants


def special(random):
    """Clusters that cannot serve."""
    name = random.choice(["dead", "empty", "nowhere", "full", "full"])
    fields = {"cluster": name}
    if name == "nowhere" and random.random() < 0.7:
        codes = ["NOT_FOUND", "INTERNAL_SERVER_ERROR", "SERVICE_UNAVAILABLE"]
        fields["cluster_not_found_response_code"] = random.choice(codes)
    if name == "full" and random.random() < 0.5:
        fields["priority"] = "HIGH"
    if name == "dead" and random.random() < 0.7:
        fields["retry_policy"] = {"retry_on": random.choice(["connect-failure", "5xx", "reset", "retriable-4xx"])}
    return fields, [], [(f"cluster {name}", None, [])]


def hashing(random):
    """Hash policies in front of a ring: (fields, variants)."""
    policies, variants = [], []
    for form in random.sample(["header", "query", "cookie", "rewritten"], random.choice([1, 1, 2])):
        values = [f"user-{random.randint(0, 10_000)}" for _ in range(4)] + ["", "a,b"]
        if form == "header":
            policy = {"header": {"header_name": "x-hash"}}
            variants += [("hash header", None, [("headers", "x-hash", [value])]) for value in values]
            variants.append(("hash header", None, [("headers", "x-hash", ["one", "two"])]))
            variants.append(("hash header", None, [("headers", "x-hash", ["two", "one"])]))
        elif form == "rewritten":
            rewrite = {"pattern": {"regex": r"^user-(\d).*$"}, "substitution": r"\1"}
            policy = {"header": {"header_name": "x-tenant", "regex_rewrite": rewrite}}
            variants += [("hash rewritten header", None, [("headers", "x-tenant", [value])]) for value in values]
        elif form == "query":
            policy = {"query_parameter": {"name": "who"}}
            pieces = [f"who={value}" for value in values if value] + ["who=", "WHO=a", "who=a&who=b"]
            variants += [("hash query", None, [("query", "who", piece)]) for piece in pieces]
        else:
            policy = {"cookie": {"name": "session"}}
            variants += [
                ("hash cookie", None, [("cookies", "hash", [(0, f"session={value}")])]) for value in values[:4]
            ]
        if random.random() < 0.4:
            policy["terminal"] = True
        policies.append(policy)
    # Every request has a hash: without one, the endpoint would be drawn at random.
    if not any(policy.get("header", {}).get("header_name") == "x-hash" for policy in policies):
        policies.append({"header": {"header_name": "x-hash"}})
    return {"hash_policy": policies}, variants


def rewriting(random, condition):
    fields = {}
    if "path_match_policy" in condition.match:
        template = condition.match["path_match_policy"]["typed_config"]["path_template"]
        names = [part.split("}")[0].split("=")[0] for part in template.split("{")[1:]]
        if names and random.random() < 0.6:
            rewrite = "/new" + "".join(f"/{{{name}}}" for name in reversed(names))
            config = {"@type": TEMPLATE_REWRITE, "path_template_rewrite": rewrite}
            name = "envoy.path.rewrite.uri_template.uri_template_rewriter"
            fields["path_rewrite_policy"] = {"name": name, "typed_config": config}
            return fields
    form = random.choice(["", "", "prefix", "regex"])
    if form == "prefix" and set(condition.match) & {"prefix", "path", "path_separated_prefix"}:
        fields["prefix_rewrite"] = random.choice(["/", "/new", "/new/", "/n?x="[:2]])
    elif form == "regex":
        fields["regex_rewrite"] = regex_rewrite(random)
    return fields


def host_rewriting(random):
    form = random.choice(["", "", "", "literal", "auto", "header", "path"])
    variants, fields = [], {}
    if form == "literal":
        fields["host_rewrite_literal"] = random.choice(["up.test", "up.test:8080"])
    elif form == "auto":
        fields["auto_host_rewrite"] = True
    elif form == "header":
        fields["host_rewrite_header"] = "x-host"
        for value in (["from-header.test"], ["a.test", "b.test"], [""], None):
            variants.append(("host from header", None, [("headers", "x-host", value)]))
    elif form == "path":
        fields["host_rewrite_path_regex"] = {
            "pattern": {"regex": "^/([^/]+)/?.*$"},
            "substitution": random.choice([r"\1.path.test", "fixed.test"]),
        }
    if form and random.random() < 0.5:
        fields["append_x_forwarded_host"] = True
        variants.append(("forwarded host", None, [("headers", "x-forwarded-host", ["before.test"])]))
    return fields, variants


def mirroring(random):
    """Copies: all or none of the requests, so that the answer is exact."""
    found = []
    for _ in range(random.choice([1, 1, 2])):
        mirror = {"cluster": random.choice(MIRRORS)}
        if random.random() < 0.2:
            mirror = {"cluster_header": "x-mirror"}
        if random.random() < 0.5:
            mirror["runtime_fraction"] = {"default_value": fraction(random, random.choice([0, 100, 100]))}
        if random.random() < 0.3:
            mirror["disable_shadow_host_suffix_append"] = True
        if random.random() < 0.2:
            mirror["host_rewrite_literal"] = "mirror.test"
        found.append(mirror)
    return found


def internal_redirects(random, context):
    message = {}
    if random.random() < 0.5:
        message["max_internal_redirects"] = random.choice([0, 1, 2, 3])
    if random.random() < 0.5:
        message["redirect_response_codes"] = random.sample([301, 302, 303, 307, 308], random.randint(1, 3))
    if random.random() < 0.3:
        message["allow_cross_scheme_redirect"] = True
    if random.random() < 0.3:
        message["response_headers_to_copy"] = ["x-copied"]
    predicates = []
    if random.random() < 0.3:
        config = {"@type": INTERNAL_REDIRECT + "previous_routes.v3.PreviousRoutesConfig"}
        predicates.append({"name": "envoy.internal_redirect_predicates.previous_routes", "typed_config": config})
    if random.random() < 0.2:
        config = {"@type": INTERNAL_REDIRECT + "allow_listed_routes.v3.AllowListedRoutesConfig"}
        config["allowed_route_names"] = [context.catch_all()]
        predicates.append({"name": "envoy.internal_redirect_predicates.allow_listed_routes", "typed_config": config})
    if predicates:
        message["predicates"] = predicates
    variants = []
    host = context.host("")
    for status in (301, 302, 303, 307, 308):
        for location in (f"http://{host}/elsewhere", f"http://{host}/a?b=1", f"https://{host}/x", "/relative", ""):
            script = f"{status}+location={location}+x-copied=yes"
            variants.append(("internal redirect", None, [("script", None, script)]))
    loop = context.path_of_route()
    script = ",".join([f"302+location=http://{host}{loop}"] * 4)
    variants.append(("internal redirect", None, [("script", None, script)]))
    variants.append(("internal redirect", None, [("script", None, script), ("method", None, "POST")]))
    variants.append(("internal redirect", None, [("script", None, "302")]))
    return {"internal_redirect_policy": message}, random.sample(variants, 8)


def timing(random, trusts):
    """Timeouts that end, and those that do not: (fields, variants)."""
    hang = ("script", None, "hang")
    if random.random() < 0.5:
        fields = {"timeout": f"{retries.PER_TRY}s"}
        return fields, [("timeout", None, [hang])]
    variants = []
    if trusts:
        variants = [("timeout header", None, [("headers", "x-envoy-upstream-rq-timeout-ms", ["300"]), hang])]
    return {"timeout": random.choice(["10s", "0s", "60s"]) if not variants else "10s"}, variants


def forward(random, context, condition):
    """Sending on, with as many of its parts as the dice give."""
    fields, edits, variants = target(random, context, context.trusts)
    variants = [("forward", None, []), *variants]
    # A timeout long enough for a busy machine, in place of the default.
    fields.setdefault("timeout", random.choice(["20s", "30s"]))
    fields |= rewriting(random, condition)
    more, found = host_rewriting(random)
    fields |= more
    variants += found
    if fields.get("cluster") in PLAIN and random.random() < 0.92:
        fields["retry_policy"], found = retries.policy(random, context.trusts)
        variants += found
    elif fields.get("cluster") in PLAIN and random.random() < 0.3:
        fields["cluster"] = "levels"
        config = {"@type": PREVIOUS_PRIORITIES, "update_frequency": random.choice([1, 1, 2])}
        fields["retry_policy"] = {
            "retry_on": "5xx",
            "num_retries": 4,
            "retry_priority": {"name": "envoy.retry_priorities.previous_priorities", "typed_config": config},
            "retry_back_off": {"base_interval": "0.002s"},
        }
        scripts = ("503", "503,500", "503,503,503", "500,500,500,500")
        variants += [("previous priorities", True, [("script", None, text)]) for text in scripts]
    elif fields.get("cluster") in PLAIN and random.random() < 0.5:
        fields["cluster"] = "pair"
        predicate = {"name": "envoy.retry_host_predicates.previous_hosts", "typed_config": {"@type": PREVIOUS_HOSTS}}
        fields["retry_policy"] = {
            "retry_on": "5xx",
            "retry_host_predicate": [predicate],
            "host_selection_retry_max_attempts": 20,
            "retry_back_off": {"base_interval": "0.002s"},
        }
        variants += [("previous hosts", True, [("script", None, text)]) for text in ("503", "reset", "500,500")]
    elif random.random() < 0.1:
        more, found = timing(random, context.trusts)
        fields |= more
        variants += found
    if random.random() < 0.15:
        fields["request_mirror_policies"] = mirroring(random)
        variants.append(("mirror", None, [("headers", "x-mirror", ["shadow1"])]))
        variants.append(("mirror", None, [("host", None, context.host(":81"))]))
    if random.random() < 0.1:
        more, found = internal_redirects(random, context)
        fields |= more
        variants += found
    if "retry_policy" not in fields and random.random() < 0.08:
        fields["max_stream_duration"] = {"max_stream_duration": "0.3s"}
        variants.append(("stream duration", None, [("script", None, "hang")]))
    return {"route": fields}, edits, variants


ACTIONS = [forward] * 13 + [redirect] * 3 + [direct_response] * 3 + [non_forwarding]


def action(random, context, condition):
    """What a route does: (fields of the route, edits that its requests need, variants of requests).

    A variant is (what it looks at, whether it is retried or None, edits).
    """
    return random.choice(ACTIONS)(random, context, condition)
