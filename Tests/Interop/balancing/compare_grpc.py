#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Which endpoints get the calls: grpcio and our stack follow one control plane, and are counted.

    compare_grpc.py ROUTE_PEER [--calls N]     N calls of a scene whose endpoints are drawn, 2 000 unless told otherwise

What is drawn agrees within five standard deviations of the difference: of a million honest comparisons less than one is
refused. Everything else agrees exactly.
"""

import argparse
import math
import os
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
# Whoever is stopped by a scene is not worth a line.
os.environ["GRPC_VERBOSITY"] = "ERROR"
import grpc_scenes as scenes  # noqa: E402
from checks import check, verdict, wait_for  # noqa: E402
from distribution import BOUND, agree, shares  # noqa: E402
from grpc_changes import BROKEN, CHANGING, GONE, TOLD, compare_broken, compare_gone, compare_told  # noqa: E402
from grpc_ejections import EJECTING, compare_ejections, ports_of  # noqa: E402
from grpc_sides import Backends, ControlPlane, GRPCSide, OurSide, counts, one_header, two_headers  # noqa: E402

KEYS = 200
KEYED = [one_header(number) for number in range(KEYS)]
KEYED_BY_TWO = [two_headers(number) for number in range(KEYS)]
# A multiple of every number of endpoints that are in turn.
TURNS = 120


def settled_turns(side, scene, ports):
    """How often each endpoint is met by calls in turns, once everybody who is met at all is connected to."""

    def turns():
        found = counts(side.ports(scene, TURNS), ports)
        if not any(isinstance(place, int) for place in found):
            # Each says in words of its own that there is nobody.
            return {"nobody": TURNS}
        return dict(sorted(found.items())) if len(set(found.values())) == 1 else None

    return wait_for(turns, f"{side.name} takes turns in {scene}")


def compare_exact(theirs, ours, ports):
    for scene in scenes.EXACT:
        first, second = (settled_turns(side, scene, ports) for side in (theirs, ours))
        check(first == second, f"{scene}: {first}{'' if first == second else f' by grpcio, but by us {second}'}")


def compare_shared(theirs, ours, ports, calls):
    drawn = []
    for scene in [*scenes.SHARED, *scenes.SPLIT]:
        # Connections first: while one is made, its locality is left out.
        theirs.ports(scene, 50)
        first, second = (counts(side.ports(scene, calls), ports, nowhere=-1) for side in (theirs, ours))
        holds = check(agree(first, second, calls), f"{scene}: as grpcio, {shares(second, calls)}")
        if not holds:
            print(f"       grpcio  {shares(first, calls)}")
        drawn.append(second)
    # What is no test if it holds.
    check(not agree(drawn[0], drawn[2], calls), "one split is told from another")


def keys_alike(one, other):
    return sum(first == second for first, second in zip(one, other))


def compare_hashed(theirs, ours):
    found = {}
    for scene in scenes.HASHED_AT_ALL:
        headers = KEYED_BY_TWO if scene in scenes.TWO_KEYS else KEYED
        found[scene] = [side.ports_by_key(scene, headers) for side in (theirs, ours)]
        if scene in scenes.HASHED:
            same = keys_alike(*found[scene])
            met = len(set(found[scene][0]))
            check(same == KEYS, f"{scene}: {same} of {KEYS} keys go where grpcio sends them, to {met} endpoints")
    # What is no test if it holds.
    one, other = found["ring hash by two headers"][0], found["ring hash by the first of two headers"][1]
    check(keys_alike(one, other) < KEYS, "one hash is told from another")
    return found


def compare_differences(theirs, ours, by_envoy, ports, calls, by_key):
    """Where we differ, and are meant to: both halves of each sentence are checked."""
    turns = settled_turns(theirs, scenes.WEIGHTED, ports)
    weighted = [dict(sorted(counts(side.ports(scenes.WEIGHTED, 800), ports).items())) for side in (ours, by_envoy)]
    check(
        turns == dict.fromkeys(range(3), TURNS // 3) and weighted == [{0: 100, 1: 200, 2: 500}] * 2,
        f"grpcio's round robin knows no weights, ours does by all rules: {turns}, {weighted[0]}",
    )
    found = counts(by_envoy.ports(scenes.HALF, calls), ports)
    stays = (found[0] + found[1]) / calls
    is_near = abs(stays - 0.7) < BOUND * math.sqrt(0.7 * 0.3 / calls)
    check(is_near, f"by Envoy's rules half of a priority keeps 70%: {stays:.1%}")
    found = counts(by_envoy.ports(scenes.NOBODY, 30), ports)
    panics = found == dict.fromkeys(range(3), 10)
    check(panics, f"by Envoy's rules there is panic where nobody is healthy: {dict(found)}")
    first, second = by_key[scenes.LARGE_RING]
    check(keys_alike(first, second) < KEYS, f"grpcio's rings end at 4096 places: {keys_alike(first, second)} of {KEYS}")
    uncut = GRPCSide(ring_size_cap=1 << 20).ports_by_key(scenes.LARGE_RING, KEYED)
    same = keys_alike(uncut, second)
    check(same == KEYS, f"a grpcio whose rings may be larger sends {same} of {KEYS} keys where we do")
    first, second = (each.count(ports[0]) / KEYS for each in by_key[scenes.UNEVEN_ZONES])
    check(
        first < 0.3 < second,
        "of two equal localities, one of a single endpoint and one of six, grpcio gives the former an endpoint's share "
        f"of the ring, Envoy and we half of it: {first:.0%}, {second:.0%}",
    )


def compare(peer, folder, calls):
    backends, control_plane = Backends(), ControlPlane(folder)
    ports = backends.add(scenes.most_endpoints())
    changing = {name: backends.add(len(found["endpoints"])) for name, found in CHANGING.items()}
    ejecting = ports_of(backends.add(3), ports)

    def serve(changes):
        """Serves everything, some clusters in another form than at first."""
        others = [(name, changes.get(name, found), changing[name]) for name, found in CHANGING.items()]
        others += [(name, found["cluster"], ejecting[name]) for name, found in EJECTING.items()]
        control_plane.serve(scenes.configuration(ports, others))

    serve({})
    os.environ["GRPC_XDS_BOOTSTRAP"] = str(control_plane.bootstrap)
    theirs, ours = GRPCSide(), OurSide(peer, control_plane.bootstrap, backends, "grpc")
    by_envoy = OurSide(peer, control_plane.bootstrap, backends, "envoy")
    sides = [theirs, ours, by_envoy]
    for side in sides:
        wait_for(lambda: side.ports("round robin", 1)[0] in ports, f"{side.name} has a configuration")  # noqa: B023
    compare_exact(theirs, ours, ports)
    compare_shared(theirs, ours, ports, calls)
    compare_differences(*sides, ports, calls, compare_hashed(theirs, ours))
    compare_ejections(sides, ejecting, backends)
    compare_told(sides, changing[TOLD], serve)
    compare_gone(sides, changing[GONE], backends)
    compare_broken(sides, changing[BROKEN], backends)
    ours.stop()
    by_envoy.stop()
    theirs.channel.close()
    backends.close()
    control_plane.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("peer", type=pathlib.Path)
    parser.add_argument("--calls", type=int, default=2_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, verdict():
        compare(arguments.peer.resolve(), scratch, arguments.calls)
