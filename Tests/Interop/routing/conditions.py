# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Every condition that a route's match may have, with values on both sides of its edges.

A condition changes the route's `match` and has lists of edits (see request.py): `holds`, by which it surely holds, and
`edges`, of which Envoy says whether it holds; by the first two of them it does not. All edits of a condition touch the same part of a request, and no two
conditions of a route touch the same one. So in a group of requests that differ by the edits of one condition, that
condition alone decides between the route and those behind it.
"""

import dataclasses

import request

WORDS = ["blue", "Green", "red-7", "v2", "Canary", "eu.west", "a_b", "x1y2", "Kelvin", "zz", "on", "Q"]
# Expressions of RE2's syntax, with texts that they match and texts at their edges.
EXPRESSIONS = [
    (r"[a-c]+x?\d{2}", ["abc12", "cax07"], ["abc1", "abcx123", "Abc12", "", "x12", "abc12 "]),
    (r"(foo|bar)-.*", ["foo-", "bar-1-2"], ["foo", "baz-1", "foobar-", "xfoo-1", "Foo-1"]),
    (r"v[0-9]+\.[0-9]+", ["v1.2", "v10.03"], ["v1x2", "v1.", "v.1", "1.2", "v1.2.3"]),
    (r"^exact$", ["exact"], ["exactly", "Exact", "inexact", ""]),
    (r".*tail", ["tail", "long-tail"], ["tails", "tai", "TAIL"]),
    (r"(?i)mixed", ["mixed", "MiXeD"], ["mixe", "mixed1"]),
    (r"a{2,4}", ["aa", "aaaa"], ["a", "aaaaa", "aab"]),
    (r"\w+\b-\W\w", ["ab-.c", "1-+d"], ["ab-cd", "-.c", "ab.-c"]),
    (r"(?:[^,]*,){2}[^,]*", ["a,b,c", ",,"], ["a,b", "a,b,c,d", "a"]),
    (r"x*?y+?z??", ["xxy", "yyz"], ["x", "xz", "xyzz"]),
    (r"[[:alpha:]]\S[\x30-\x39]", ["a-0", "Zq9"], ["1-0", "ab", "a-x"]),
    (r"\Qa.b*\E|c\.d", ["a.b*", "c.d"], ["aab*", "c.dd", "cxd", "a.bb"]),
]
GENERIC = ["", "a", "0", "%61", "blue,", ",", "\u00e9", "x" * 300]


@dataclasses.dataclass
class Condition:
    """A condition of a match; see above."""

    kind: str
    match: dict
    holds: list
    edges: list


def merge(match, condition):
    """Adds a condition to a match; conditions in lists go behind those that are there."""
    for key, value in condition.match.items():
        if isinstance(value, list):
            match.setdefault(key, []).extend(value)
        else:
            match[key] = value


def fraction(random, percent):
    """A runtime fraction that is exact: all or nothing, in any denominator."""
    name, parts = random.choice([("HUNDRED", 100), ("TEN_THOUSAND", 10_000), ("MILLION", 1_000_000)])
    return {"numerator": percent * parts // 100, "denominator": name}


def string_match(random, form):
    """A StringMatcher: (message, texts that match, texts at its edges)."""
    if form == "regex":
        pattern, good, bad = random.choice(EXPRESSIONS)
        return {"safe_regex": {"regex": pattern}}, good, bad + random.sample(GENERIC, 2)
    ignores = form.endswith("_ignore_case")
    form = form.removesuffix("_ignore_case")
    word = random.choice(WORDS) + random.choice(["", "", "-" + random.choice(WORDS)])
    message = {form: word, **({"ignore_case": True} if ignores else {})}
    more = random.choice(["x", "-9", ",", "%20", "."])
    good = {"exact": [word], "prefix": [word, word + more], "suffix": [word, more + word]}
    good = good.get(form, [word, more + word + more])
    edges = [
        word + more,
        more + word,
        more + word + more,
        word[:-1],
        word[1:],
        word.swapcase(),
        word.swapcase(),
        word + word,
    ]
    edges += [word[:-1] + chr(ord(word[-1]) ^ 1), f"{word},{word}", *random.sample(GENERIC, 3)]
    if ignores:
        good += [text.swapcase() for text in good]
        # U+212A, the Kelvin sign, is a letter k only for those who fold case by Unicode's rules.
        edges += [word.replace("K", "\u212a"), (word + more).upper()]
    return message, good, edges


STRING_FORMS = ["exact", "prefix", "suffix", "contains", "regex"]
STRING_FORMS += [f"{form}_ignore_case" for form in STRING_FORMS[:4]]
LEGACY = {
    "exact": "exact_match",
    "prefix": "prefix_match",
    "suffix": "suffix_match",
    "contains": "contains_match",
    "regex": "safe_regex_match",
}


def header_value(form):
    """A header by its value; the answer may be turned round."""

    def make(random, name, inverted=False):
        message, good, edges = string_match(random, form)
        matcher = {"name": name, "string_match": message}
        if form in LEGACY and random.random() < 0.2:
            value = next(iter(message.values()))
            matcher = {"name": name, LEGACY[form]: value}
        lines = [[text] for text in edges]
        # Several lines are one value to Envoy, joined by a comma.
        lines += [[good[0], edges[0]], [edges[0], good[0]], [good[0], good[0]], ["", good[0]]]
        holds = [[text] for text in good]
        if inverted:
            matcher["invert_match"] = True
            holds, lines = [[edges[-1] + "!"], ["-"]], holds[:1] * 2 + holds + lines
        edits = [("headers", name, value) for value in lines]
        edits.insert(0 if not inverted else len(edits), ("headers", name, None))
        if not inverted:
            edits.insert(0, ("headers", name, ["-"]))
        return matcher, [("headers", name, value) for value in holds], edits

    return make


def header(form, inverted=False):
    def make(random, context):
        name = context.fresh("x-h")
        matcher, holds, edges = header_value(form)(random, name, inverted)
        return {"headers": [matcher]}, holds, edges

    return make


def header_range(inverted=False):
    def make(random, context):
        name = context.fresh("x-n")
        start, end = random.choice(
            [(10, 20), (-5, 5), (0, 1), (-(2**63), 0), (2**63 - 2, 2**63 - 1), (7, 7), (100, 99), (-20, -10)]
        )
        is_empty = start >= end
        if is_empty and (not inverted or random.random() < 0.8):
            start, end, is_empty = 3, 5, False
        values = [start, end - 1, start - 1, end, 0, 2**63 - 1, 2**63, -(2**63)]
        texts = [str(value) for value in values] + [f"+{start}", f"0{abs(start)}", f"{start}.0", f"{start}a", "1e1"]
        texts += ["", "-", "0x10", "-0", f"{start},{start}", "9" * 30]
        holds = [str(start), str(end - 1)]
        if inverted:
            holds = [str(end) if end < 2**63 - 1 else str(start - 1)]
            texts = [str(start), str(end - 1), *texts]
        else:
            texts = ["0x10", *texts]
        matcher = {"name": name, "range_match": {"start": start, "end": end}}
        if inverted:
            matcher["invert_match"] = True
        edges = [("headers", name, [text]) for text in texts]
        edges.insert(len(edges) if inverted else 0, ("headers", name, None))
        edges.append(("headers", name, [str(start), str(start)]))
        return {"headers": [matcher]}, [("headers", name, [text]) for text in holds], edges

    return make


def header_present(random, context):
    name = context.fresh("x-p")
    wanted, inverted = random.choice([(True, False), (False, False), (True, True), (False, True)])
    matcher = {"name": name, "present_match": wanted}
    if inverted:
        matcher["invert_match"] = True
    there = [("headers", name, [text]) for text in ("", "yes", "false", "0")]
    there.append(("headers", name, ["", ""]))
    absent = [("headers", name, None), ("headers", name + "x", ["1"])]
    if wanted != inverted:
        return {"headers": [matcher]}, there[:1], absent * 2 + there
    return {"headers": [matcher]}, absent[:1], there + absent


def header_missing_as_empty(random, context):
    """Matchers that an empty value meets, or does not, where the field is not there."""
    name = context.fresh("x-m")
    body, inverted, fails = random.choice(
        [
            ({"string_match": {"exact": "a"}}, True, "a"),
            ({"string_match": {"safe_regex": {"regex": "(a|b)?"}}}, False, "ab"),
            ({"string_match": {"safe_regex": {"regex": "c*"}}}, False, "a"),
            ({"string_match": {"prefix": "a"}}, True, "ab"),
            ({"range_match": {"start": 1, "end": 5}}, True, "1"),
        ]
    )
    matcher = {"name": name, **body, "treat_missing_header_as_empty": True}
    if inverted:
        matcher["invert_match"] = True
    edges = [("headers", name, [text]) for text in (fails, fails, "a", "b", "", "c", "1", "ab", "zz")]
    missing = ("headers", name, None)
    return {"headers": [matcher]}, [missing], [*edges, missing, ("headers", name, ["a", "b"]), ("headers", name, [""])]


def pseudo_method(random, context):
    methods = ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]
    wanted = random.choice(methods)
    form = random.choice(["exact", "safe_regex", "inverted"])
    matcher = {"name": ":method", "string_match": {"exact": wanted}}
    holds = [("method", None, wanted)]
    if form == "safe_regex":
        matcher["string_match"] = {"safe_regex": {"regex": f"{wanted}|TRACE"}}
    if form == "inverted":
        matcher["invert_match"] = True
        holds = [("method", None, method) for method in methods if method != wanted]
    edges = [("method", None, method) for method in methods]
    return {"headers": [matcher]}, holds, [edit for edit in edges if edit not in holds] * 2 + edges


def pseudo_path(random, context):
    """`:path` as a header is the whole target, its query too."""
    word = random.choice(["mark", "seen=1", "z%2F"])
    matcher = {"name": ":path", "string_match": {"contains": word}}
    edges = ["k=1", f"{word[:-1]}_", f"x{word}y", f"{word}&{word}"]
    return (
        {"headers": [matcher]},
        [("query", "path", word), ("query", "path", f"a={word}")],
        [("query", "path", None), *(("query", "path", text) for text in edges)],
    )


def query(form):
    def make(random, context):
        name = context.fresh("q")
        if form == "present":
            wanted = random.random() < 0.7
            there = [f"{name}=1", f"{name}=", name, f"{name}=a&{name}=b", f"{name}=a=b"]
            not_there = [None, f"{name}x=1", f"x{name}=1", name.upper() + "=1", f"%{ord(name[0]):x}{name[1:]}=1", "&"]
            holds = there if wanted else not_there[:2]
            texts = not_there + there if wanted else there + not_there
            matcher = {"name": name, "present_match": wanted}
        else:
            message, good, edges = string_match(random, form)
            # What would end the target, the pair, or be refused by the parser of requests.
            good = [text for text in good if not set(text) & set(" #&+\u212a\u00e9")]
            edges = [text for text in edges if not set(text) & set(" #&\u212a\u00e9")]
            holds = [f"{name}={text}" for text in good]
            texts = [None, f"{name}=-", *(f"{name}={text}" for text in edges), name, f"{name}="]
            texts += [f"{name}={good[0]}&{name}={edges[0]}", f"{name}={edges[0]}&{name}={good[0]}"]
            texts += [f"{name}=%{ord(good[0][0]):02X}{good[0][1:]}", f"{name.upper()}={good[0]}"]
            texts += [f"&{name}={good[0]}", f"{name}={good[0]}&", f"y;{name}={good[0]}", f"{name}={good[0]}=1"]
            matcher = {"name": name, "string_match": message}
        return (
            {"query_parameters": [matcher]},
            [("query", name, text) for text in holds],
            [("query", name, text) for text in texts],
        )

    return make


def cookie(form, inverted=False):
    def make(random, context):
        name = context.fresh("c")
        message, good, edges = string_match(random, form)
        good = [text for text in good if not set(text) & set(" ;\u212a\u00e9")]
        edges = [text for text in edges if not set(text) & set(" ;\u212a\u00e9")]

        def line(*pieces):
            return ("cookies", name, [(0, piece) for piece in pieces])

        holds = [line(f"{name}={text}") for text in good]
        others = [("cookies", name, None), line(f"{name}=-"), *(line(f"{name}={text}") for text in edges), line(name)]
        others += [line(f"{name}={good[0]}", f"{name}={edges[0]}"), line(f"{name}={edges[0]}", f"{name}={good[0]}")]
        others += [line(f'{name}="{good[0]}"'), line(f"{name.upper()}={good[0]}"), line(f" {name}={good[0]}")]
        others += [line(f"x{name}={good[0]}"), line(f"a=b;{name}={good[0]}"), line(f"{name} ={good[0]}")]
        others.append(("cookies", name, [(1, "first=1"), (2, f"{name}={good[0]}")]))
        matcher = {"name": name, "string_match": message}
        if inverted:
            matcher["invert_match"] = True
            holds, others = [line(f"{name}=-none-")], holds[:1] * 2 + holds + others
        return {"cookies": [matcher]}, holds, others

    return make


def grpc(random, context):
    types = ["application/grpc", "application/grpc+proto", "application/grpc;v=1"]
    others = ["application/grpcx", "application/grpc-web", "Application/gRPC", "application/json", "", "grpc"]
    others += ["application/grpc ;v=1", "application/grpc+", "application/grpc,x"]
    edges = [("headers", "content-type", [text]) for text in others + types] + [("headers", "content-type", None)]
    return {"grpc": {}}, [("headers", "content-type", [text]) for text in types], edges


def metadata(random, context):
    key, kind = random.choice([item for item in request.METADATA_KEYS.items()])
    if kind == "NUMBER":
        forms = [{"double_match": {"exact": 7}}, {"double_match": {"range": {"start": 1, "end": 8}}}]
        value = random.choice([*forms, {"present_match": True}])
        good, edges = [7], [None, 8, 0.5, 1, 7.5, -1]
        edges = [("metadata", key, number) for number in edges]
    else:
        message, good, texts = string_match(random, random.choice(STRING_FORMS[:4]))
        value = {"string_match": message}
        if random.random() < 0.2:
            value, good = {"present_match": True}, ["there"]
        # The filter that takes them from headers makes nothing of an empty value.
        edges = [("metadata", key, None), ("metadata", key, "-"), *(("metadata", key, text) for text in texts if text)]
    matcher = {"filter": request.METADATA_NAMESPACE, "path": [{"key": key}], "value": value}
    holds = [("metadata", key, text) for text in good]
    if random.random() < 0.25:
        matcher["invert"] = True
        holds, edges = [("metadata", key, None)], holds * 2 + edges
    return {"dynamic_metadata": [matcher]}, holds, edges


CONDITIONS = {f"header {form}": header(form) for form in STRING_FORMS}
CONDITIONS |= {f"header {form} inverted": header(form, inverted=True) for form in ("exact", "prefix", "regex")}
CONDITIONS |= {
    "header missing as empty": header_missing_as_empty,
    "header range": header_range(),
    "header range inverted": header_range(inverted=True),
    "header present": header_present,
    "header :method": pseudo_method,
    "header :path": pseudo_path,
}
CONDITIONS |= {f"query {form}": query(form) for form in [*STRING_FORMS, "present"]}
CONDITIONS |= {f"cookie {form}": cookie(form) for form in ("exact", "prefix", "regex", "contains_ignore_case")}
CONDITIONS |= {"cookie exact inverted": cookie("exact", inverted=True), "grpc": grpc, "dynamic metadata": metadata}


def condition(kind, random, context):
    """A condition of a kind, with values of its own."""
    match, holds, edges = CONDITIONS[kind](random, context)
    return Condition(kind, match, holds, edges)
