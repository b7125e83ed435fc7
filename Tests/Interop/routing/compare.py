# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Compares two outcomes of a case, leaves out what belongs to Envoy's connection manager, and tells what differs.

An outcome has

    status              of the answer that the caller sees
    route               the name of the route, or null for none
    flags               why the mesh answered itself: Envoy's response flags, joined by ","
    attempts            how many requests went to the cluster
    upstream            the request of each attempt: cluster, endpoint, method, path, headers
    response_headers    of the answer
    body                of the answer
    mirrors             the copies, in the same form
    virtual_cluster     its name, or null

A side may leave out `flags`, `route`, `virtual_cluster` and `body` by giving none; then they are not compared. Where our
side threw an error, `thrown` says which, and `flag` is what the error stands for in logs; it has to be among Envoy's.
"""

# What Envoy's connection manager adds to requests, for all of its filters and routes alike. What its router adds
# (`x-envoy-original-path`, `x-envoy-attempt-count`, ...) is compared.
MANAGER_REQUEST_HEADERS = {
    "x-forwarded-for": "the path of proxies that a request came through",
    "x-forwarded-proto": "the scheme by which it came",
    "x-request-id": "the identity of a request in logs",
    "x-envoy-internal": "whether it came from inside, which is told to us as a fact",
    "x-envoy-external-address": "where it came from, if from outside",
    "host": "the authority, which is compared as such",
    # The codec of HTTP/1.1 writes it where a request with such a method has no body.
    "content-length": "how long the body is",
}
MANAGER_RESPONSE_HEADERS = {
    "server": "who answers",
    "date": "when",
    "connection": "of one connection",
    "transfer-encoding": "of one connection",
    "content-length": "the bodies are compared",
    "x-envoy-upstream-service-time": "a measured time",
}
# Milliseconds that are left of a timeout when an attempt begins: what has passed before differs from run to run.
REMAINING = "x-envoy-expected-rq-timeout-ms"
REMAINING_TOLERANCE = 2_500
# Clusters in which the endpoint follows from the request.
SETTLED = {"ring", "levels"}
OPTIONAL = ("route", "flags", "virtual_cluster", "body")


def by_name(headers, excluded):
    found = {}
    for name, value in headers:
        name = name.lower()
        if name not in excluded:
            found.setdefault(name, []).append(value)
    return found


def attempt(record):
    """An attempt in comparable parts."""
    authority = [value for name, value in record["headers"] if name in ("host", ":authority")]
    headers = by_name(record["headers"], {*MANAGER_REQUEST_HEADERS, ":authority"})
    found = {
        "cluster": record["cluster"],
        "method": record["method"],
        "path": record["path"],
        "authority": authority[0] if authority else "",
        "time left": int(headers.pop(REMAINING)[0]) if REMAINING in headers else None,
        "grpc-timeout": headers.pop("grpc-timeout", None),
        "headers": headers,
    }
    if record["cluster"] in SETTLED:
        found["endpoint"] = record["endpoint"]
    return found


def hosts(records):
    """Which endpoints attempts went to, by the order of their first appearance: 0, 1, 0 for a, b, a."""
    seen = []
    for record in records:
        if record["endpoint"] not in seen:
            seen.append(record["endpoint"])
    return [seen.index(record["endpoint"]) for record in records]


def comparable(outcome):
    """An outcome flat, as fields that can be compared one by one."""
    found = {"status": outcome["status"], "attempts": len(outcome["upstream"])}
    for name in OPTIONAL:
        if outcome.get(name, "absent") != "absent":
            found[name] = outcome[name]
    # A redirect to https for a virtual host's sake comes from no route, which Envoy's log does not tell from no match; nor
    # does an abort in its place.
    if outcome.get("details") in ("direct_response", "fault_filter_abort") and found.get("route") is None:
        del found["route"]
    # Where a redirect was to be followed and could not, Envoy's log has forgotten the route.
    if outcome.get("details") == "via_upstream" and outcome["status"] in (301, 302, 303, 307, 308) and not found.get("route"):
        found.pop("route", None)
    if found.get("flags") == "":
        found["flags"] = "-"
    for position, record in enumerate(outcome["upstream"]):
        for name, value in attempt(record).items():
            found[f"attempt {position + 1} {name}"] = value
    is_redirected = any(
        "x-envoy-original-url" in each[0] for record in outcome["upstream"] for each in record["headers"]
    )
    if outcome["upstream"] and outcome["upstream"][0]["cluster"] == "pair" and not is_redirected:
        found["hosts"] = hosts(outcome["upstream"])
    found["response headers"] = by_name(outcome["response_headers"], MANAGER_RESPONSE_HEADERS)
    # Copies go in any order.
    copies = sorted((attempt(record) for record in outcome["mirrors"]), key=lambda copy: repr({**copy, "time left": 0}))
    for position, copy in enumerate(copies):
        for name in ("time left", "grpc-timeout"):
            found[f"copy {position + 1} {name}"] = copy.pop(name)
    found["mirrors"] = copies
    return found


def equal(name, first, second):
    """Whether two values are equal, or close enough where they are times that are left."""
    if name.endswith("time left") and first is not None and second is not None:
        return abs(first - second) <= REMAINING_TOLERANCE
    return first == second


def differences(envoy, ours):
    """What differs: (field, Envoy's, ours)."""
    first, second = comparable(envoy), comparable(ours)
    found = []
    for name in [*first, *(name for name in second if name not in first)]:
        # Whether Envoy copies what it has no room for depends on whether it had room before.
        if "UO" in envoy["flags"].split(",") and name.startswith(("mirrors", "copy ")):
            continue
        if (name in OPTIONAL or name.endswith(" endpoint")) and (name not in first or name not in second):
            continue
        mine, theirs = first.get(name), second.get(name)
        if not equal(name, mine, theirs):
            found.append((name, *narrowed(mine, theirs)))
    flag = ours.get("flag")
    if flag and flag not in envoy["flags"].split(","):
        found.append(("flag", envoy["flags"], flag))
    return found


def narrowed(first, second):
    """Of two maps of headers, those that differ."""
    if not isinstance(first, dict) or not isinstance(second, dict):
        return first, second
    names = {name for name in {*first, *second} if first.get(name) != second.get(name)}
    return {name: first.get(name) for name in sorted(names)}, {name: second.get(name) for name in sorted(names)}


def told(case, found):
    """The lines that tell a failed case."""
    lines = [f"table {case['table']}, case {case['id']}: {case['method']} {case['authority']} {case['path'][:200]}"]
    lines.append(f"    headers  {case['headers']}"[:600])
    for name, first, second in found:
        lines += [f"    {name}", f"        Envoy  {first!r}"[:500], f"        ours   {second!r}"[:500]]
    return lines
