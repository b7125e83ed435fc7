# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Filters in front of the router: a listener's, what tables, hosts and routes say in their place, and requests."""

from conditions import fraction
from mutations import REQUEST_VALUES, RESPONSE_VALUES, additions

HTTP = "type.googleapis.com/envoy.extensions.filters.http."
CORS = "envoy.filters.http.cors"
FAULT = "envoy.filters.http.fault"
LIMIT = "envoy.filters.http.local_ratelimit"
MUTATION = "envoy.filters.http.header_mutation"
OFF = {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": True}
ALL = {"numerator": 100}


def typed(name, **fields):
    return {"@type": HTTP + name, **fields}


def cors_policy(random):
    origins = [
        {"exact": "https://page.test"},
        {"prefix": "https://sub."},
        {"safe_regex": {"regex": r"https://[a-z]+\.pages\.test"}},
        {"exact": "*"},
    ]
    policy = typed("cors.v3.CorsPolicy", allow_origin_string_match=random.sample(origins, random.randint(1, 2)))
    for name, value in [("allow_methods", "GET, PUT"), ("allow_headers", "x-a, x-b"), ("expose_headers", "x-c")]:
        if random.random() < 0.6:
            policy[name] = value
    if random.random() < 0.5:
        policy["max_age"] = "600"
    for name in ("allow_credentials", "allow_private_network_access", "forward_not_matching_preflights"):
        if random.random() < 0.5:
            policy[name] = random.random() < 0.5
    if random.random() < 0.3:
        policy["filter_enabled"] = {"default_value": fraction(random, random.choice([0, 100]))}
    return policy


def cors_variants(random):
    found = []
    origins = ["https://page.test", "https://sub.x", "https://a.pages.test", "https://other.test", "null", ""]
    for origin in random.sample(origins, 4):
        edits = [("headers", "origin", [origin])]
        preflight = [*edits, ("method", None, "OPTIONS")]
        asked = [*preflight, ("headers", "access-control-request-method", ["PUT"])]
        private = [*asked, ("headers", "access-control-request-private-network", ["true"])]
        found += [("cors", None, edits) for edits in (edits, preflight, asked, private)]
    return random.sample(found, 6)


def fault_of_listener():
    """Faults that requests ask for in headers."""
    fault = {"abort": {"header_abort": {}, "percentage": ALL}, "delay": {"header_delay": {}, "percentage": ALL}}
    return typed("fault.v3.HTTPFault", **fault)


def fault_of_route(random):
    form = random.choice(["status", "grpc", "none", "delay", "headers"])
    fields = {}
    if form == "status":
        fields["abort"] = {"http_status": random.choice([418, 503, 599]), "percentage": ALL}
    elif form == "grpc":
        fields["abort"] = {"grpc_status": random.choice([5, 14]), "percentage": ALL}
    elif form == "none":
        fields["abort"] = {"http_status": 503, "percentage": {"numerator": 0}}
    elif form == "delay":
        fields["delay"] = {"fixed_delay": "0.020s", "percentage": ALL}
    else:
        fields["abort"] = {"http_status": 418, "percentage": ALL}
        fields["headers"] = [{"name": "x-fault", "string_match": {"exact": "please"}}]
    return typed("fault.v3.HTTPFault", **fields)


def fault_variants(random):
    found = [[("headers", "x-fault", ["please"])], [("headers", "x-fault", ["no"])]]
    for name, values in {
        "x-envoy-fault-abort-request": ["418", "199", "600", "x", "503"],
        "x-envoy-fault-abort-grpc-request": ["14", "99"],
        "x-envoy-fault-delay-request": ["20", "x"],
    }.items():
        for value in values:
            found.append([("headers", name, [value])])
            share = name.removesuffix("-request").replace("abort-grpc", "abort") + "-request-percentage"
            percent = random.choice(["0", "100", "x", "101"])
            found.append([("headers", name, [value]), ("headers", share, [percent])])
    return [("fault", None, edits) for edits in random.sample(found, 6)]


def limit_of_route(random):
    """A bucket that is never filled again while a run lasts, so that the order of requests decides alone."""
    bucket = {"max_tokens": random.choice([1, 2, 5]), "fill_interval": "3600s"}
    share = {"default_value": ALL}
    fields = {"stat_prefix": "s", "token_bucket": bucket, "filter_enabled": share, "filter_enforced": share}
    if random.random() < 0.4:
        fields["status"] = {"code": random.choice([503, 403, 429])}
    if random.random() < 0.4:
        fields["response_headers_to_add"] = [{"header": {"key": "x-limited", "value": "yes"}}]
    if random.random() < 0.3:
        fields["filter_enforced"] = {"default_value": {"numerator": 0}}
        fields["request_headers_to_add_when_not_enforced"] = [{"header": {"key": "x-over", "value": "limit"}}]
    return typed("local_ratelimit.v3.LocalRateLimit", **fields)


def mutation_rules(random, level):
    def rules(values):
        found = [{"append": option} for option in additions(random, level, values)]
        if random.random() < 0.4:
            found.insert(random.randint(0, len(found)), {"remove": random.choice(["x-in", "x-rm", "x-add-a"])})
        return found

    fields = {"request_mutations": rules(REQUEST_VALUES[:7])}
    if random.random() < 0.7:
        fields["response_mutations"] = rules(RESPONSE_VALUES[:7])
    return fields


def mutation_of(random, level):
    return typed("header_mutation.v3.HeaderMutationPerRoute", mutations=mutation_rules(random, level))


def listener_filters(random):
    """The filters of a listener, without the router, in the order that they have in the library."""
    fault = fault_of_listener() if random.random() < 0.5 else typed("fault.v3.HTTPFault")
    mutation = {"mutations": mutation_rules(random, "listener")} if random.random() < 0.3 else {}
    if random.random() < 0.3:
        mutation["most_specific_header_mutations_wins"] = True
    return [
        {"name": CORS, "typed_config": typed("cors.v3.Cors")},
        {"name": MUTATION, "typed_config": typed("header_mutation.v3.HeaderMutation", **mutation)},
        {"name": LIMIT, "typed_config": typed("local_ratelimit.v3.LocalRateLimit", stat_prefix="s")},
        {"name": FAULT, "typed_config": fault},
    ]


def disables(fields):
    """Whether fields of a table, a host or a route switch a filter off."""
    return OFF in fields.get("typed_per_filter_config", {}).values()


def overrides(random, level, share, may_disable=True):
    """What a table, a host, a route says in place of the listener's filters: (fields, variants of requests).

    Envoy leaves disabled filters out when a request begins, before filters note the metadata that a route may ask for: such
    a route must not disable any, and none must be disabled around it.
    """
    configs, variants = {}, []
    if random.random() < share:
        configs[CORS] = cors_policy(random)
        variants += cors_variants(random)
    if random.random() < share / 2:
        configs[FAULT] = fault_of_route(random) if random.random() < 0.8 or not may_disable else OFF
        variants += fault_variants(random)
    if level == "route" and random.random() < share / 3:
        configs[LIMIT] = limit_of_route(random)
        variants += [("local rate limit", None, [])] * 7
    if random.random() < share / 2:
        configs[MUTATION] = mutation_of(random, level) if random.random() < 0.8 or not may_disable else OFF
        variants.append(("header mutation", None, [("headers", "x-in", ["given"])]))
    return ({"typed_per_filter_config": configs} if configs else {}), variants
