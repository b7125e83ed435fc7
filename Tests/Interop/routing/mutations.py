# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Changes of headers, which tables, virtual hosts, routes and shares of clusters may all have."""

# The levels change the same few fields, so that it shows in which order they do.
POOL = ["x-add-a", "x-add-b", "x-add-c", "x-in"]
ACTIONS = ["APPEND_IF_EXISTS_OR_ADD", "ADD_IF_ABSENT", "OVERWRITE_IF_EXISTS_OR_ADD", "OVERWRITE_IF_EXISTS"]
# Nothing here asks for the connection of the caller (`%PROTOCOL%`, `%DOWNSTREAM_REMOTE_ADDRESS%`): a request that begins
# in our process came by none.
REQUEST_VALUES = [
    "%REQ(x-in)%",
    "%REQ(x-in):3%",
    "%REQ(x-none?x-in)%",
    "%REQ(:path)%",
    "%REQ(:method)%-%REQ(:authority)%",
    "<%REQ(x-none)%>",
    "100%%",
    "%DYNAMIC_METADATA(test.facts:m0)%",
    "%ROUTE_NAME%",
]
RESPONSE_VALUES = [*REQUEST_VALUES[:7], "%RESP(x-resp)%", "%RESP(x-none)%", "%RESPONSE_CODE%", "%ROUTE_NAME%"]


def additions(random, level, values):
    found = []
    for _ in range(random.randint(1, 3)):
        value = f"{level}-{random.randint(0, 9)}" if random.random() < 0.6 else random.choice(values)
        # Values that come out empty are left out, but for `keep_empty_value`.
        if random.random() < 0.08:
            value = ""
        option = {"header": {"key": random.choice(POOL), "value": value}}
        if random.random() < 0.7:
            option["append_action"] = random.choice(ACTIONS)
        if value == "" or random.random() < 0.1:
            option["keep_empty_value"] = random.random() < 0.5
        found.append(option)
    return found


def mutations(random, level, share):
    """The four lists of a level, each with a chance of `share`."""
    found = {}
    if random.random() < share:
        found["request_headers_to_add"] = additions(random, level, REQUEST_VALUES)
    if random.random() < share / 2:
        found["request_headers_to_remove"] = random.sample([*POOL, "x-rm", "X-Rm-Two"], random.randint(1, 2))
    if random.random() < share:
        found["response_headers_to_add"] = additions(random, level, RESPONSE_VALUES)
    if random.random() < share / 2:
        found["response_headers_to_remove"] = random.sample([*POOL, "x-resp", "X-Extra"], random.randint(1, 2))
    return found


def edits(random):
    """Fields that the changes look at, for a request."""
    found = []
    for name in [*POOL, "x-rm", "x-rm-two"]:
        if random.random() < 0.2:
            values = random.choice([["own"], ["one", "two"], [""], ["longer-value"]])
            found.append(("headers", name, values))
    return found
