# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""What the generated cases are worth, told by Envoy's own answers.

A condition was decisive in a case if turning its answer round would have changed the outcome. Groups (generator.py)
make that visible without a second implementation. All requests of a group differ by what one condition looks at, so
where one of them is answered by that condition's route, the route's other conditions hold for all of them:

- a request that the route answers would have gone to another one without the condition;
- a request that a route behind it answers, or none, would have been the route's with it.

Requests that routes in front of it answer prove nothing, and are not counted.
"""

import collections

LEAST = 100
CASES = 50_000
MOST_WITHOUT_ROUTE = 0.20
LEAST_RETRIED = 0.05


def order_of(route):
    """Where a route of a list stands; those behind the list are last."""
    number = route.partition(".")[2].removesuffix("-twin")
    return (int(number) if number.isdigit() else 10_000, route.endswith("-twin"))


def sides(how, route, outcome):
    """Whether the condition held (True), did not hold where it mattered (False), or did not decide (None)."""
    answered = outcome["route"]
    if how == "prefix":
        if answered is None:
            return False if outcome["flags"] == "NR" else None
        return answered.startswith(route)
    if answered == route:
        return True
    if isinstance(how, list) and how[0] == "twin":
        return False if answered == how[1] else None
    if answered is None:
        return False
    if isinstance(how, list) and how[0] == "other":
        return False
    if isinstance(how, list):
        names = how[1]
        return False if answered in names and names.index(answered) > names.index(route) else None
    if answered.partition(".")[0] != route.partition(".")[0]:
        return None
    return False if order_of(answered) > order_of(route) else None


def count(cases, outcomes):
    """How often each kind decided, (for, against)."""
    groups = collections.defaultdict(list)
    for case in cases:
        if "focus" in case:
            kind, route, how, group = case["focus"]
            how = list(how) if isinstance(how, tuple) else how
            groups[group].append((kind, sides(how, route, outcomes[case["id"]]), how))
    found = collections.defaultdict(lambda: [0, 0])
    for group in groups.values():
        answers = [side for _, side, _ in group]
        kind, _, how = group[0]
        # Without one that the route answers nothing is known of the route's other conditions; a twin shows them itself.
        is_twin = isinstance(how, list) and how[0] == "twin"
        if not is_twin and (True not in answers or False not in answers):
            continue
        found[kind][0] += answers.count(True)
        found[kind][1] += answers.count(False)
    return dict(found)


def figures(cases, outcomes):
    """The figures as checks: (whether it holds, what it says)."""
    # Fewer cases prove less: half of their share is asked of them, because what is drawn seldom may be met less often.
    least = LEAST if len(cases) >= CASES else LEAST * len(cases) // CASES // 2
    found = []
    for kind, (held, failed) in sorted(count(cases, outcomes).items()):
        found.append((min(held, failed) >= least, f"{kind}: decisive in {held} cases by holding, in {failed} by not"))
    total = len(cases)
    without = sum(1 for outcome in outcomes.values() if outcome["route"] is None)
    retried = sum(1 for outcome in outcomes.values() if int(outcome["attempts"] or 0) > 1)
    found.append((without <= MOST_WITHOUT_ROUTE * total, f"{without} of {total} cases match no route, at most 20%"))
    found.append((retried >= LEAST_RETRIED * total, f"{retried} of {total} cases are retried, at least 5%"))
    return found
