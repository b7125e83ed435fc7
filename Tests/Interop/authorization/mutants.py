# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Faults that are planted in what our side is told, each of which the comparison has to find."""

import copy


def walk(value, change):
    """A value with `change` made in each object, from the inside out."""
    if isinstance(value, dict):
        return change({key: walk(each, change) for key, each in value.items()})
    if isinstance(value, list):
        return [walk(each, change) for each in value]
    return value


def objects(change):
    return lambda _, said: walk(copy.deepcopy(said), change)


def swapped_action(each):
    actions = {"ALLOW": "DENY", "DENY": "ALLOW"}
    return {**each, "action": actions.get(each["action"], each["action"])} if "policies" in each else each


def without(name):
    def change(each):
        return {key: value for key, value in each.items() if key != name}

    return objects(change)


def renamed(old, new):
    return objects(lambda each: {new if key == old else key: value for key, value in each.items()})


def plain_not(each):
    """A `not` that is forgotten, at its least: the part itself."""
    for name in ("not_rule", "not_id"):
        if name in each:
            return each[name]
    return each


def next_port(each):
    return {**each, "destination_port": each["destination_port"] + 1} if "destination_port" in each else each


def shorter_range(each):
    if "address_prefix" not in each:
        return each
    return {**each, "prefix_len": max(0, each.get("prefix_len", 0) - 8)}


def reversed_names(each):
    """Policies under names in another order: only which one matches differs."""
    if "policies" not in each:
        return each
    names = sorted(each["policies"], key=str.encode)
    return {**each, "policies": {new: each["policies"][old] for new, old in zip(names, reversed(names))}}


def first_only(each):
    if "permissions" not in each:
        return each
    return {**each, "permissions": each["permissions"][:1], "principals": each["principals"][:1]}


MUTANTS = {
    "actions are swapped": objects(swapped_action),
    "a not is forgotten": objects(plain_not),
    "and is or": lambda number, said: renamed("and_ids", "or_ids")(
        number, renamed("and_rules", "or_rules")(number, said)
    ),
    "headers are not inverted": without("invert_match"),
    "missing headers are not empty": without("treat_missing_header_as_empty"),
    "metadata is not inverted": without("invert"),
    "letters' case counts": without("ignore_case"),
    "the client's address is the connection's": renamed("remote_ip", "direct_remote_ip"),
    "another port": objects(next_port),
    "ranges of addresses are wider": objects(shorter_range),
    "policies in another order": objects(reversed_names),
    "only the first of several counts": objects(first_only),
    "shadow rules are forgotten": without("shadow_rules"),
    "the second filter is forgotten": lambda _, said: {
        **said, "second": {"@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBACPerRoute"}
    },
}
