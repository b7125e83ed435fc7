# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""A request while the generator works on it, and the edits that make one of another."""

import copy

# Where Envoy finds what our side is told of a request directly: its header_to_metadata filter takes these off.
METADATA_NAMESPACE = "test.facts"
METADATA_KEYS = {"m0": "STRING", "m1": "STRING", "m2": "NUMBER"}


class Request:
    """A request in parts, so that each can be changed alone."""

    def __init__(self, host):
        self.method = "GET"
        self.host = host
        self.path = "/"
        # The text behind "?": pieces by the condition that they belong to.
        self.query = {}
        # What splits and rings draw by, so that no answer is left to chance.
        self.headers = {"x-draw": ["5"], "x-hash": ["h"]}
        # Lines of the field `cookie`: pieces by the condition that they belong to.
        self.cookies = {}
        self.metadata = {}
        self.script = None

    def edited(self, *edits):
        """A copy with edits made, (field, key, value) each; a value of None takes the thing away."""
        other = copy.deepcopy(self)
        for field, key, value in edits:
            if key is None:
                setattr(other, field, value)
                continue
            parts = getattr(other, field)
            parts.pop(key, None)
            if value is not None:
                parts[key] = value
        return other

    def target(self):
        pieces = [piece for piece in self.query.values() if piece is not None]
        return self.path + (("&" if "?" in self.path else "?") + "&".join(pieces) if pieces else "")

    def case(self, number, table):
        """The case as it stands in files: everything that goes on the wire, in order."""
        headers = []
        for name, values in self.headers.items():
            headers += [[name, value] for value in values]
        lines = {}
        for pieces in self.cookies.values():
            for line, piece in pieces:
                lines.setdefault(line, []).append(piece)
        headers += [["cookie", "; ".join(pieces)] for _, pieces in sorted(lines.items())]
        headers.append(["x-case", str(number)])
        if self.script:
            headers.append(["x-script", self.script])
        case = {
            "id": number,
            "table": table,
            "method": self.method,
            "scheme": "http",
            "authority": self.host,
            "path": self.target(),
            "headers": headers,
        }
        if self.metadata:
            case["metadata"] = {METADATA_NAMESPACE: self.metadata}
        return case
