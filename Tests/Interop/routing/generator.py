#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Route tables that use every matcher and action, and requests that hit their edges; the seed says all of it.

    generator.py --cases N --seed S --into FOLDER       writes tables.json and cases.jsonl

A group is a set of requests that differ by what one condition of one route looks at, and by nothing else (see
conditions.py); `focus` of a case names its kind, its route, and the group. worth.py counts by it.
"""

import argparse
import json
import pathlib
import random

import actions
import conditions
import filters
import paths
from mutations import edits as mutation_edits
from mutations import mutations
from request import Request
from trees import FORMS, Tree

CASES_OF_TABLE = 250
WORDS = ["api", "shop/cart", "Items", "a", "static/v1", "user-data", "x.y", "deep/er/still"]


class Deck:
    """Deals each of its cards before any comes again."""

    def __init__(self, cards, dice):
        self.cards, self.dice, self.left = list(cards), dice, []

    def deal(self):
        if not self.left:
            self.left = self.dice.sample(self.cards, len(self.cards))
        return self.left.pop()


class Host:
    """A virtual host while it is made: its domains, a name that reaches it, names around its edges."""

    def __init__(self, number, table, dice):
        self.name = f"v{number}"
        stem = f"t{table}"
        self.form = dice.choice(["exact", "suffix", "suffix", "prefix", "prefix", "any"] if number else ["exact"])
        self.domains = {
            "exact": [f"{self.name}.{stem}.test", f"{self.name}.{stem}.test:8080", f"Alias-{self.name}.{stem}.test"],
            "suffix": [f"*.{self.name}.{stem}", f"*-x.{self.name}.{stem}"],
            "prefix": [f"{self.name}.{stem}.*", f"{self.name}-*"],
            "any": ["*"],
        }[self.form]
        self.base = {
            "exact": self.domains[0],
            "suffix": f"a.{self.name}.{stem}",
            "prefix": f"{self.name}.{stem}.com",
            "any": f"anything.{stem}",
        }[self.form]
        fixed = self.domains[0].replace("*", "")
        self.around = [self.base, self.base.upper(), self.base + ":80", self.base + ":8080", "x" + self.base]
        self.around += [self.base[:-1], self.base + ".", fixed or "x", "b" + fixed, fixed + "c", fixed + ":443"]
        if self.form in ("suffix", "prefix"):
            # Wider than the domains of other hosts, which win where both fit.
            self.wide = {"suffix": f"*.{stem}.test", "prefix": f"v0.{stem}.*"}[self.form]
        self.around += ["deep." + self.base, self.domains[-1].replace("*", "q"), "[::1]", "[::1]:8080", "-" + fixed]
        if self.form == "exact":
            self.domains = self.domains[: dice.randint(1, 3)]


class Table:
    """A route table, its listener's filters, and the cases that ask it."""

    def __init__(self, number, seed, deck, path_deck, tree_deck):
        self.number = number
        self.dice = random.Random(f"{seed}/{number}")
        self.deck, self.path_deck, self.tree_deck = deck, path_deck, tree_deck
        self.counter = 0
        self.trusts = self.dice.random() < 0.6
        self.runtime = {}
        # Groups of requests: (focus kind, focus route, how the answer proves it, requests).
        self.groups = []
        count = self.dice.randint(2, 4)
        self.hosts = [Host(position, number, self.dice) for position in range(count)]
        anys = [host for host in self.hosts if host.form == "any"]
        for host in anys[1:]:
            self.hosts.remove(host)
        for form in ("suffix", "prefix"):
            wide = next((host for host in self.hosts if host.form == form), None)
            if wide and self.dice.random() < 0.5:
                wide.domains.append(wide.wide)
        self.configuration = {"name": f"table-{number}", "validate_clusters": False}
        self.configuration["virtual_hosts"] = [self.virtual_host(host) for host in self.hosts]
        self.configuration |= mutations(self.dice, "table", 0.2)
        if self.dice.random() < 0.3:
            self.configuration["most_specific_header_mutations_wins"] = True
        if self.dice.random() < 0.3:
            self.configuration["ignore_port_in_host_matching"] = True
        if self.dice.random() < 0.2:
            self.configuration["ignore_path_parameters_in_path_matching"] = True
        if self.dice.random() < 0.2:
            self.configuration["internal_only_headers"] = ["x-rm", "x-in"]
        if self.dice.random() < 0.1:
            self.configuration["request_mirror_policies"] = actions.mirroring(self.dice)
        # Some of its hosts may have routes around which no filter must be disabled.
        self.configuration |= filters.overrides(self.dice, "table", 0.1, may_disable=False)[0]
        self.filters = filters.listener_filters(self.dice)

    # What conditions and actions ask of the table.

    def fresh(self, stem):
        """A name that no other condition of this table has."""
        self.counter += 1
        return f"{stem}{self.counter}"

    def host(self, port):
        return self.current.base + port

    def catch_all(self):
        return f"{self.current.name}.rest"

    def path_of_route(self):
        return self.base_path

    # The table's parts.

    def virtual_host(self, host):
        self.current = host
        message = {"name": f"{host.name}-host", "domains": host.domains, **mutations(self.dice, "host", 0.2)}
        more, variants = filters.overrides(self.dice, "host", 0.1)
        message |= more
        self.variants = variants
        self.host_disables = filters.disables(message)
        if self.dice.random() < 0.3:
            message["include_request_attempt_count"] = True
        if self.dice.random() < 0.3:
            message["include_attempt_count_in_response"] = True
        if self.dice.random() < 0.15:
            message["request_mirror_policies"] = actions.mirroring(self.dice)
        if self.dice.random() < 0.3:
            message["virtual_clusters"] = self.virtual_clusters()
        if self.dice.random() < 0.05:
            message["require_tls"] = self.dice.choice(["ALL", "EXTERNAL_ONLY"])
        if host is not self.hosts[0] and self.dice.random() < 0.45:
            message["matcher"] = self.tree(host)
        else:
            message["routes"] = [one for position in range(self.dice.randint(4, 7)) for one in self.route(position)]
            if host.form == "any" or self.dice.random() < 0.85:
                rest = {"name": self.catch_all(), "match": {"prefix": "/"}, "route": {"cluster": "c0"}}
                message["routes"].append(rest)
        requests = [Request(text).edited(("path", None, "/nothing-else")) for text in self.dice.sample(host.around, 9)]
        # No host turns round what `*` says of hosts.
        kind = None if host.form == "any" else f"domain {host.form}"
        self.groups.append((kind, host.name + "." if kind else "domain any", "prefix", requests))
        return message

    def virtual_clusters(self):
        matcher = {"name": ":path", "string_match": {"prefix": "/api"}}
        method = {"name": ":method", "string_match": {"exact": "POST"}}
        return [{"name": "posts", "headers": [matcher, method]}, {"name": "api", "headers": [matcher]}]

    def tree(self, host):
        def make(label):
            self.base_path = "/tree"
            condition = conditions.Condition("path prefix", {"prefix": "/"}, [("path", None, "/tree")], [])
            fields, _, variants = actions.action(self.dice, self, condition)
            self.add_variants([("path", None, "/tree")], variants)
            return {"name": f"{host.name}.tree-{label}", "match": {"prefix": "/"}, **fields}

        form = self.tree_deck.deal()
        tree = Tree(form, self.dice, self, make)
        base = Request(host.base).edited(("path", None, "/tree"))
        how = "other" if "map" in form else "later"
        for kind, route, edits in tree.groups * 2:
            requests = [base.edited(*self.extra(), *each) for each in edits]
            self.groups.append((kind, route, (how, tree.names), requests))
        return tree.message

    def route(self, position):
        """A route, and now and then a twin behind it that lacks one condition."""
        dice = self.dice
        stem = dice.choice(WORDS) if dice.random() < 0.25 else f"r{position}/{dice.choice(WORDS)}"
        self.base_path = "/" + stem
        found = [paths.path(self.path_deck.deal(), dice, self.base_path)]
        kinds = {found[0].kind}
        for _ in range(dice.choice([0, 1, 1, 2, 2, 3])):
            kind = self.deck.deal()
            if kind in kinds or (kind in ("grpc", "dynamic metadata") and found[0].kind == "path template"):
                continue
            if kind == "dynamic metadata" and self.host_disables:
                continue
            kinds.add(kind)
            found.append(conditions.condition(kind, dice, self))
        match = {}
        for condition in found:
            conditions.merge(match, condition)
        name = f"{self.current.name}.{position}"
        fields, needed, variants = actions.action(dice, self, found[0])
        more, filtered = filters.overrides(dice, "route", 0.12, may_disable="dynamic_metadata" not in match)
        route = {"name": name, "match": match, **fields, **more, **mutations(dice, "route", 0.3)}
        base = [dice.choice(condition.holds) for condition in found] + needed
        for condition in found:
            focal = dice.choices(condition.holds, k=3) + condition.edges[:2] * 2
            more = 2 if condition is found[0] else 5
            focal += dice.sample(condition.edges[2:], min(more, len(condition.edges) - 2))
            requests = [Request(self.current.base).edited(*self.extra(), *base, edit) for edit in focal]
            self.groups.append((condition.kind, name, "later", requests))
        variants = dice.sample(variants, min(18, len(variants)))
        self.add_variants(base, [*variants, *filtered, *(self.variants if position == 0 else [])])
        routes = [route]
        if dice.random() < 0.35:
            routes += self.twins(route, base)
        return routes

    def extra(self):
        return mutation_edits(self.dice) if self.dice.random() < 0.4 else []

    def add_variants(self, base, variants):
        for label, _, edits in variants:
            request = Request(self.current.base).edited(*self.extra(), *base, *edits)
            self.groups.append((None, label, None, [request]))

    def twins(self, route, base):
        """A condition that no request changes, and a route behind it that has all the others."""
        dice = self.dice
        kind = dice.choice(["runtime fraction", "tls context"])
        holds = dice.random() < 0.5
        if kind == "tls context":
            options = [{"presented": False}, {"validated": False}] if holds else [{"presented": True}]
            condition = {"tls_context": dice.choice(options)}
        else:
            share = conditions.fraction(dice, 100 if holds else 0)
            condition = {"runtime_fraction": {"default_value": share}}
            if dice.random() < 0.4:
                key = f"routes.t{self.number}.{self.fresh('k')}"
                condition["runtime_fraction"] = {"default_value": conditions.fraction(dice, 50), "runtime_key": key}
                self.runtime[key] = share if dice.random() < 0.5 else (100 if holds else 0)
        twin = {**route, "name": route["name"] + "-twin", "match": route["match"]}
        route["match"] = {**route["match"], **condition}
        requests = [Request(self.current.base).edited(*base) for _ in range(3)]
        self.groups.append((kind, route["name"], ("twin", twin["name"]), requests))
        return [twin]

    def cases(self, first, count):
        """So many cases, from this number on: whole groups in an order that the dice give, again while there is room."""
        found = []
        while len(found) < count:
            for position, (kind, route, how, requests) in enumerate(self.dice.sample(self.groups, len(self.groups))):
                for request in requests:
                    if len(found) == count:
                        return found
                    case = request.case(first + len(found), self.number)
                    if kind:
                        case["focus"] = [kind, route, how, f"{self.number}/{position}/{len(found) // count}"]
                    else:
                        case["action"] = route
                    found.append(case)
        return found


def generate(cases, seed):
    """The tables' file and the cases."""
    dice = random.Random(seed)
    # Few routes that ask for gRPC are reached: a method or a header of another condition may not go with it.
    deck = Deck([*conditions.CONDITIONS, "grpc"], dice)
    path_deck, tree_deck = Deck(paths.PATHS, dice), Deck(FORMS, dice)
    count = max(1, min(200, -(-cases // CASES_OF_TABLE)))
    tables = [Table(number, seed, deck, path_deck, tree_deck) for number in range(count)]
    found = []
    for table in tables:
        share = (cases * (table.number + 1)) // count - len(found)
        found += table.cases(len(found), share)
    runtime = {}
    for table in tables:
        runtime |= table.runtime
    file = {
        "seed": seed,
        "clusters": actions.CLUSTERS,
        "runtime": runtime,
        "tables": [
            {"trusts": table.trusts, "filters": table.filters, "routes": table.configuration} for table in tables
        ],
    }
    return file, found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--into", type=pathlib.Path, required=True)
    options = parser.parse_args()
    file, cases = generate(options.cases, options.seed)
    options.into.mkdir(parents=True, exist_ok=True)
    (options.into / "tables.json").write_text(json.dumps(file, indent=1))
    with (options.into / "cases.jsonl").open("w") as output:
        output.writelines(json.dumps(case) + "\n" for case in cases)
    print(f"{len(file['tables'])} tables, {len(cases)} cases")


if __name__ == "__main__":
    main()
