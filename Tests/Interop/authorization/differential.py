#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""The differential test of authorization: a real Envoy and our server judge the same requests by the same rules.

differential.py --peer HTTP_PEER [--sets N] [--requests N] [--seed S]   the test
differential.py [--sets N]                                              Envoy against itself
--mutants                                                              and whether planted faults are caught
--only CASE                                                            the rules and the request of one case
"""

import argparse
import collections
import json
import pathlib
import sys
import tempfile

import mutants
import policies
import sides

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from checks import check, verdict  # noqa: E402

TOLD = 20
# Sets of rules that each mutant is tried on.
MUTANT_SETS = 300


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer", type=pathlib.Path)
    parser.add_argument("--sets", type=int, default=2000)
    parser.add_argument("--requests", type=int, default=5, help="requests for each set")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mutants", action="store_true")
    parser.add_argument("--only", type=int)
    return parser.parse_args()


def cases(asked):
    found = {}
    for number in range(asked.sets * asked.requests):
        chosen = number // asked.requests
        found[number] = {
            "set": chosen,
            "listener": chosen % len(sides.FORWARDED),
            **policies.request(f"{asked.seed} {number}", number),
        }
    return found


def differing(envoy, ours):
    """The cases that differ, with the fields that do."""
    return {
        number: {key: (mine[key], ours[number][key]) for key in mine if mine[key] != ours[number][key]}
        for number, mine in envoy.items()
        if mine != ours[number]
    }


def tell(found, requests, asked):
    for number in list(found)[:TOLD]:
        print(f"case {number}: {found[number]} (Envoy, ours)")
        print(f"  {json.dumps(requests[number])}")
        said = policies.overrides(f"{asked.seed} {requests[number]['set']}", 0)
        print(f"  {json.dumps(said)}")


def worth(outcomes):
    """Whether the cases can tell a right engine from a wrong one: both verdicts are common, and so is each detail."""
    count = len(outcomes)
    shares = collections.Counter()
    for each in outcomes.values():
        shares["denied"] += each["denied"]
        shares["denied by a policy"] += each["policy"] not in (None, "none")
        shares["shadow denied"] += "denied" in (each["first_shadow"], each["second_shadow"])
        shares["shadow allowed"] += "allowed" in (each["first_shadow"], each["second_shadow"])
        shares["logged"] += each["hint"] is True
        shares["not logged"] += each["hint"] is False
    for name, number in sorted(shares.items()):
        least = 0.15 if name == "denied" else 0.01
        check(least <= number / count <= 0.85, f"{number} of {count} requests are {name}")


def main():
    asked = options()
    requests, sets = cases(asked), range(asked.sets)
    if asked.only is not None:
        tell({asked.only: {}}, requests, asked)
        return
    with verdict(), tempfile.TemporaryDirectory() as folder:
        envoy = sides.Envoy(folder, asked.seed, sets)
        theirs = envoy.outcomes(requests)
        worth(theirs)
        if not asked.peer:
            again = envoy.outcomes(requests)
            check(not differing(theirs, again), "Envoy says the same twice")
            envoy.stop()
            return
        envoy.stop()
        server = sides.Ours(asked.peer, folder, asked.seed, sets)
        check(not server.ignored, f"nothing of the configuration is left aside: {server.ignored[:3]}")
        ours = server.outcomes(requests)
        server.stop()
        found = differing(theirs, ours)
        tell(found, requests, asked)
        check(not found, f"{len(requests)} requests are judged alike; {len(found)} are not")
        if asked.mutants:
            few = {number: each for number, each in requests.items() if each["set"] < MUTANT_SETS}
            for name, change in mutants.MUTANTS.items():
                server = sides.Ours(asked.peer, folder, asked.seed, range(MUTANT_SETS), change)
                changed = server.outcomes(few)
                server.stop()
                caught = differing({number: theirs[number] for number in few}, changed)
                check(caught, f"a planted fault is found: {name} ({len(caught)} cases)")


if __name__ == "__main__":
    main()
