# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Priorities that go and come back, by word or because nobody listens, and a ring that loses an endpoint."""

from checks import check, wait_for
from grpc_scenes import RING, ROUND_ROBIN, group
from grpc_sides import one_header
from scenes import UNHEALTHY, level

KEYS = [one_header(number) for number in range(200)]
CALLS = 40
# grpcio leaves a priority when it cannot connect; we when its endpoints are ejected, so that they have to be.
EJECTS = {
    "outlier_detection": {
        "interval": "0.5s",
        "base_ejection_time": "2s",
        "max_ejection_time": "2s",
        "max_ejection_percent": 100,
        "enforcing_success_rate": 0,
        "enforcing_failure_percentage": 100,
        "failure_percentage_threshold": 50,
        "failure_percentage_minimum_hosts": 1,
        "failure_percentage_request_volume": 1,
    }
}
TOLD = "a priority that is told to be unhealthy"
GONE = "a priority where nobody listens"
BROKEN = "a ring one of whose endpoints does not listen"
CHANGING = {
    TOLD: group(ROUND_ROBIN, level(0, 2) + level(1, 3)),
    GONE: group({**ROUND_ROBIN, **EJECTS}, level(0, 2) + level(1, 3)),
    BROKEN: group({**RING, **EJECTS}, level(0, 10)),
}


def goes_to(side, scene, ports, lost):
    """Waits until all calls of a side go to some ports, and notes those that failed meanwhile."""

    def is_there():
        found = side.ports(scene, CALLS)
        lost[side.name] = lost.get(side.name, 0) + sum(not isinstance(port, int) for port in found)
        return set(found) == set(ports)

    wait_for(is_there, f"{side.name} sends all calls of {scene} to {sorted(ports)}")


def compare_told(sides, ports, serve):
    scene = CHANGING[TOLD]
    healthy = scene["endpoints"]
    ill = [{**each, "health": UNHEALTHY} if each["priority"] == 0 else each for each in healthy]
    for endpoints, own, statement in [
        (healthy, ports[:2], "the first priority is healthy: all calls go there"),
        (ill, ports[2:], "the first priority is told to be unhealthy: all calls go to the second"),
        (healthy, ports[:2], "the first priority is told to be healthy again: all calls go there"),
    ]:
        serve({TOLD: {**scene, "endpoints": endpoints}})
        lost = {}
        for side in sides:
            goes_to(side, TOLD, own, lost)
        check(not any(lost.values()), f"{statement}, and none fails")


def compare_gone(sides, ports, backends):
    first, second = ports[:2], ports[2:]
    for side in sides:
        goes_to(side, GONE, first, {})
    backends.stop(first)
    lost = {}
    for side in sides:
        goes_to(side, GONE, second, lost)
    told = ", ".join(f"{name} {count}" for name, count in lost.items())
    statement = "nobody listens at the first priority: all calls go to the second"
    check(lost["grpcio"] == 0, f"{statement}; failed until then: {told}")
    backends.mend()
    for side in sides:
        goes_to(side, GONE, first, {})
    check(True, "somebody listens at the first priority again: all calls go there")


def compare_broken(sides, ports, backends):
    before = {side.name: side.ports_by_key(BROKEN, KEYS) for side in sides}
    dead = before["grpcio"][0]
    same = all(found == before["grpcio"] for found in before.values())
    check(same, f"a ring of {len(ports)} endpoints is the same for all")
    backends.stop([dead])
    after = {}
    for side in sides:

        def has_left():
            found = side.ports_by_key(BROKEN, KEYS)
            return found if set(found) <= set(ports) - {dead} else None

        after[side.name] = wait_for(has_left, f"{side.name} leaves the endpoint that does not listen")
    moved = {
        name: sum(old not in (dead, new) for old, new in zip(before[name], found)) for name, found in after.items()
    }
    orphans = [number for number, port in enumerate(before["grpcio"]) if port == dead]
    alike = [sum(after["grpcio"][number] == after[side.name][number] for number in orphans) for side in sides[1:]]
    # Nine endpoints have more places each than ten: grpcio keeps the old ring, Envoy and we make a new one.
    check(
        moved["grpcio"] == 0 and all(count < len(KEYS) // 4 for count in moved.values()),
        f"an endpoint does not listen: none of its {len(orphans)} keys go there; keys of others that moved: {moved}; "
        f"keys of its own that go where grpcio sends them: {alike}",
    )
    backends.mend()
    for side in sides:
        wait_for(lambda: side.ports_by_key(BROKEN, KEYS) == before["grpcio"], f"{side.name} has its ring back")
    check(True, "it listens again: every key is back where it was")
