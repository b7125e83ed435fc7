# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Virtual hosts whose routes a tree of conditions chooses (`xds.type.matcher.v3`)."""

ROUTE = "type.googleapis.com/envoy.config.route.v3.Route"
ROUTES = "type.googleapis.com/envoy.config.route.v3.RouteList"
INPUTS = "type.googleapis.com/envoy.type.matcher.v3."
FORMS = ["tree exact map", "tree prefix map", "tree list", "tree and", "tree or", "tree not"]
FORMS += ["tree list", "tree not"] + ["tree nested"] * 3


class Tree:
    """A tree over a few inputs, and the groups of requests that look for its edges."""

    def __init__(self, form, random, context, make_route):
        self.form, self.random, self.context = form, random, context
        self.make_route = make_route
        self.names = []
        # (kind, route, edits): for each leaf, the requests that lie around its condition.
        self.groups = []
        self.message = getattr(self, form.replace(" ", "_"))()
        if random.random() < 0.7:
            self.message["on_no_match"] = self.leaf("otherwise")

    def leaf(self, label):
        """A route as what follows; now and then in a list behind one that does not match."""
        route = self.make_route(label)
        self.names.append(route["name"])
        if self.random.random() < 0.25:
            other = {"name": route["name"] + "-passed", "match": {"path": "/never-asked"}, "route": {"cluster": "c0"}}
            action = {"@type": ROUTES, "routes": [other, route]}
        else:
            action = {"@type": ROUTE, **route}
        return {"action": {"name": "route", "typed_config": action}}

    def input(self):
        """What the tree looks at: (input, edit by value). Envoy lets a tree of routes ask for headers alone."""
        name = self.context.fresh("x-t")
        config = {"@type": INPUTS + "HttpRequestHeaderMatchInput", "header_name": name}
        return (
            {"name": "header", "typed_config": config},
            lambda value: ("headers", name, None if value is None else [value]),
        )

    def group(self, outcome, edit, values, index=-1):
        self.groups.append((self.form, self.names[index], [[edit(value)] for value in values]))
        return outcome

    def tree_exact_map(self):
        source, edit = self.input()
        keys = ["blue", "Blue", "bluest", "b"]
        branches = {}
        for key in keys:
            outcome = self.leaf(key)
            branches[key] = self.group(outcome, edit, [key, key, key + "x", key.upper(), "", None, key[:-1] + "!"])
        return {"matcher_tree": {"input": source, "exact_match_map": {"map": branches}}}

    def tree_prefix_map(self):
        source, edit = self.input()
        branches = {}
        for key in ["a", "ab", "abc", "A", "zed"]:
            outcome = self.leaf(key)
            values = [key, key + "x", key + "bc", key[:-1], key.swapcase(), "x" + key, None]
            branches[key] = self.group(outcome, edit, values)
        return {"matcher_tree": {"input": source, "prefix_match_map": {"map": branches}}}

    def single(self, source, match):
        return {"single_predicate": {"input": source, "value_match": match}}

    def predicate(self):
        source, edit = self.input()
        form = self.random.choice(["exact", "prefix", "suffix", "contains", "safe_regex"])
        match = {form: "mid"} if form != "safe_regex" else {form: {"regex": "mid|m.d", "google_re2": {}}}
        if form != "safe_regex" and self.random.random() < 0.3:
            match["ignore_case"] = True
        return self.single(source, match), edit

    def listed(self, make):
        """A list of three predicates, each of which `make` gives with the edits that meet it."""
        matchers = []
        for number in range(3):
            predicate, met, edits = make()
            outcome = self.leaf(f"b{number}")
            for edit in edits:
                values = ["mid", "MID", "midx", "xmid", "xmidx", "m-d", "", None]
                self.groups.append((self.form, self.names[-1], [[*met, edit(value)] for value in values]))
            matchers.append({"predicate": predicate, "on_match": outcome})
        return {"matcher_list": {"matchers": matchers}}

    def tree_list(self):
        def make():
            predicate, edit = self.predicate()
            return predicate, [], [edit]

        return self.listed(make)

    def tree_and(self):
        def make():
            (one, first), (two, second) = self.predicate(), self.predicate()
            predicate = {"and_matcher": {"predicate": [one, two]}}
            return predicate, [first("mid"), second("mid")], [first, second]

        return self.listed(make)

    def tree_or(self):
        def make():
            (one, first), (two, second) = self.predicate(), self.predicate()
            return {"or_matcher": {"predicate": [one, two]}}, [], [first, second]

        return self.listed(make)

    def tree_not(self):
        def make():
            predicate, edit = self.predicate()
            guard, guarded = self.predicate()
            both = {"and_matcher": {"predicate": [guard, {"not_matcher": predicate}]}}
            return both, [guarded("mid")], [edit]

        return self.listed(make)

    def tree_nested(self):
        """A tree in a tree: where the inner one finds nothing, the outer one goes on."""
        source, edit = self.input()
        inner, inner_edit = self.input()
        inner_leaf = self.leaf("inner")
        values = ["in", "in", "out", "", None]
        self.groups.append((self.form, self.names[-1], [[edit("go"), inner_edit(value)] for value in values]))
        tree = {"matcher_tree": {"input": inner, "exact_match_map": {"map": {"in": inner_leaf}}}}
        if self.random.random() < 0.4:
            tree["on_no_match"] = self.leaf("inner-otherwise")
        first = {"predicate": self.single(source, {"prefix": "g"}), "on_match": {"matcher": tree}}
        second = {"predicate": self.single(source, {"exact": "go"}), "on_match": self.leaf("second")}
        values = ["go", "go", "gone", "o", None]
        self.groups.append((self.form, self.names[-1], [[edit(value), inner_edit("out")] for value in values]))
        return {"matcher_list": {"matchers": [first, second]}}
