# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Every way in which a route asks for a path, with paths on both sides of its edges."""

from conditions import Condition

TEMPLATE_MATCH = "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig"


def around(path):
    """Paths that differ little from one."""
    return [
        "/",
        path[:-1],
        path + "/",
        path + "x",
        path + "/more/of-it",
        path.swapcase(),
        "/" + path,
        path.replace("/", "//", 2).replace("//", "/", 1),
        path.replace("/", "%2F", 2).replace("%2F", "/", 1),
        f"{path[:-1]}%{ord(path[-1]):02X}",
        path + "/../",
        path + "/.",
        path + ";v=1",
        path + ";v=1/more",
        path + "?",
        path + "?a=/b",
        path + "%00",
        path + "/" + "long" * 400,
    ]


def prefix(random, base, case):
    return {"prefix": base}, [base, base + "/one", base + "two", base + "?q=1"], []


def exact(random, base, case):
    return {"path": base}, [base, base + "?q=1"], []


def separated(random, base, case):
    return {"path_separated_prefix": base}, [base, base + "/one", base + "/", base + "?q=1"], [base + "one/"]


def regex(random, base, case):
    tail, good, edges = random.choice(
        [
            (r"/\d+", ["/1", "/042"], ["/", "/1a", "/1/", "/-1"]),
            (r"(/[^/]+){2}", ["/a/b", "/1/~"], ["/a", "/a/", "/a/b/c", "//b"]),
            (r"/(v1|v2)/.*", ["/v1/", "/v2/x/y"], ["/v3/", "/v1", "/v1x/"]),
            (r"\.(?:js|css)", [".js", ".css"], [".jsx", "js", ".JS", "/.js"]),
            (r"/.+?-end", ["/x-end", "/a/b-end"], ["/-end", "/x-end2", "/x-END"]),
        ]
    )
    return (
        {"safe_regex": {"regex": base.replace(".", r"\.") + tail}},
        [base + text for text in good] + [base + good[0] + "?q=1"],
        [base + text for text in edges],
    )


def template(random, base, case):
    text, good, edges = random.choice(
        [
            ("/{id}", ["/7", "/a.b"], ["/", "/7/8", "/a:b", "/a%20b"]),
            ("/{one}/{two}", ["/a/b", "/1/2"], ["/a", "/a/", "/a/b/", "/a/b/c", "//b"]),
            ("/{rest=**}", ["/a", "/a/b/c", "/"], [""]),
            ("/*/x/{y=*}", ["/a/x/b"], ["/a/x/", "/a/y/b", "/x/b", "/a/x/b/c"]),
            ("/{name}.json", ["/a.json", "/b_c.json"], ["/.json", "/a.jsonx", "/a.js", "/a.b.json"]),
            ("/{kind=items/*}/**", ["/items/3/", "/items/3/a/b"], ["/items/3", "/items//a", "/thing/3/a"]),
        ]
    )
    policy = {"name": "envoy.path.match.uri_template.uri_template_matcher"}
    policy["typed_config"] = {"@type": TEMPLATE_MATCH, "path_template": base + text}
    return (
        {"path_match_policy": policy},
        [base + tail for tail in good] + [base + good[0] + "?q=1"],
        [base + tail for tail in edges],
    )


PATHS = {
    "path prefix": (prefix, False),
    "path exact": (exact, False),
    "path separated prefix": (separated, False),
    "path regex": (regex, False),
    "path template": (template, False),
    "path prefix ignoring case": (prefix, True),
    "path exact ignoring case": (exact, True),
    "path separated prefix ignoring case": (separated, True),
}


def path(kind, random, base):
    """A way to ask for paths at or below `base`, as a condition."""
    make, ignores_case = PATHS[kind]
    match, good, edges = make(random, base, ignores_case)
    if ignores_case:
        match["case_sensitive"] = False
        good = good + [text.upper() for text in good[:2]]
    edits = [edit(text) for text in around(base) + edges]
    # A third of the edges lie around a path that is good already.
    edits += [edit(text) for text in around(good[0].partition("?")[0])[:12]]
    return Condition(kind, match, [edit(text) for text in good], edits)


def edit(target):
    """The edit that sets a path; a query in it stays a part of it."""
    return ("path", None, target)
