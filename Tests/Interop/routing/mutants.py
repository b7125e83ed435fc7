# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Twenty faults of a router, planted in what one side is told: a table or a request that is changed so that a correct
router answers as a faulty one would answer the unchanged. The comparison has to catch each of them.

A mutant is (what is wrong, change); the change takes a table or a case, and changes it in place.
"""

import copy
import urllib.parse

MUTANTS = {}


def walk(value, visit):
    """Visits each object of a message, the outer ones first."""
    if isinstance(value, dict):
        visit(value)
        for each in value.values():
            walk(each, visit)
    elif isinstance(value, list):
        for each in value:
            walk(each, visit)


def of_tables(visit):
    """A mutant that changes objects wherever they stand in a route table."""

    def change(table, case):
        if table is not None:
            walk(table["routes"], visit)

    return change


def of_cases(visit):
    def change(table, case):
        if case is not None:
            visit(case)

    return change


def plant(name, statement, change):
    MUTANTS[name] = (statement, change)


def rename(message, old, new):
    if old in message:
        message[new] = message.pop(old)


def in_headers(change):
    """A change of the header matchers of routes' matches alone."""

    def visit(message):
        match = message.get("match")
        if isinstance(match, dict):
            for header in match.get("headers", []):
                change(header)

    return of_tables(visit)


def in_matches(change):
    def visit(message):
        if isinstance(message.get("match"), dict):
            change(message["match"])

    return of_tables(visit)


def reversed_routes(message):
    routes = message.get("routes")
    if isinstance(routes, list) and len(routes) > 2:
        routes[:-1] = routes[-2::-1]


def second_values(case):
    seen = set()
    case["headers"] = [pair for pair in case["headers"] if not (pair[0] in seen or seen.add(pair[0]))]


def upper_is_lower(message):
    for matcher in message.get("headers", []):
        if "exact" in matcher.get("string_match", {}):
            matcher["string_match"]["ignore_case"] = True


def loosened(match):
    if "path" in match:
        rename(match, "path", "prefix")


def unseparated(match):
    rename(match, "path_separated_prefix", "prefix")


def last_query(case):
    path, mark, query = case["path"].partition("?")
    pieces = query.split("&")
    found = {piece.partition("=")[0]: piece for piece in pieces}
    case["path"] = path + mark + "&".join(found.values())


def unescaped(case):
    """A parser that undoes escapes in queries before they are compared."""
    path, mark, query = case["path"].partition("?")
    case["path"] = path + mark + urllib.parse.unquote(query, errors="replace").replace(" ", "+").replace("\u00e9", "e")


def one_retry_more(message):
    if "retry_policy" in message:
        message["retry_policy"]["num_retries"] = message["retry_policy"].get("num_retries", 1) + 1


def same_order(message):
    if "virtual_hosts" in message:
        message["most_specific_header_mutations_wins"] = not message.get("most_specific_header_mutations_wins", False)


def always_append(message):
    message.pop("append_action", None)


def whole_range(header):
    if "range_match" in header:
        start, end = int(header["range_match"]["start"]), int(header["range_match"]["end"])
        if end < 2**63 - 1 and start < end:
            header["range_match"]["end"] = end + 1


def no_fraction(match):
    match.pop("runtime_fraction", None)


def greedy_port(message):
    if "virtual_hosts" in message:
        message["ignore_port_in_host_matching"] = True


def first_weight(message):
    if "weighted_clusters" in message:
        message["weighted_clusters"].pop("header_name", None)
        message["weighted_clusters"].pop("use_hash_policy", None)
        for position, share in enumerate(message["weighted_clusters"]["clusters"]):
            share["weight"] = 0 if position else 1


def lost_query(message):
    if isinstance(message.get("redirect"), dict):
        message["redirect"]["strip_query"] = True


def mirrors_lost(message):
    message.pop("request_mirror_policies", None)


def only_the_first(match):
    """A router that looks at the first condition on headers alone."""
    if "headers" in match:
        del match["headers"][1:]


plant("inversion", "`invert_match` is forgotten", in_headers(lambda header: header.pop("invert_match", None)))
plant(
    "missing",
    "`treat_missing_header_as_empty` is forgotten",
    in_headers(lambda header: header.pop("treat_missing_header_as_empty", None)),
)
plant("order", "the last route that matches wins", of_tables(reversed_routes))
plant("exact-as-prefix", "an exact path is taken for a prefix", in_matches(loosened))
plant("separator", "a separated prefix needs no separator", in_matches(unseparated))
plant("path-case", "`case_sensitive: false` is forgotten", in_matches(lambda match: match.pop("case_sensitive", None)))
plant("header-case", "an exact header's case does not count", in_matches(upper_is_lower))
plant("second-value", "only the first line of a header counts", of_cases(second_values))
plant("first-condition", "only the first condition on headers counts", in_matches(only_the_first))
plant("range-end", "a range holds its end", in_headers(whole_range))
plant("last-parameter", "the last of a query parameter's values counts", of_cases(last_query))
plant("unescaped-query", "escapes in queries are undone", of_cases(unescaped))
plant("fraction", "a runtime fraction lets everything pass", in_matches(no_fraction))
plant("port", "the port of an authority is always left aside", of_tables(greedy_port))
plant("weights", "the first share gets everything", of_tables(first_weight))
plant("retries", "there is a retry more than allowed", of_tables(one_retry_more))
plant("append", "every header is appended", of_tables(always_append))
plant("levels", "the levels change headers in the other order", of_tables(same_order))
plant("redirect-query", "redirects lose the query", of_tables(lost_query))
plant("mirror", "nothing is mirrored", of_tables(mirrors_lost))


def applied(name, tables, cases, numbers):
    """The file of the tables of these numbers, and the cases about them, as the mutant's side is told them: there the first
    table has number 0."""
    _, change = MUTANTS[name]
    some = copy.deepcopy(tables["tables"][numbers.start : numbers.stop])
    cases = copy.deepcopy([case for case in cases if case["table"] in numbers])
    for table in some:
        change(table, None)
    for case in cases:
        change(None, case)
        case["table"] -= numbers.start
    return {**tables, "tables": some}, cases
