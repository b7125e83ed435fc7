# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Endpoints that fail, and who is ejected for it: by grpcio, by our stack with gRPC's rules, by our stack with Envoy's.

All scenes run at once, because each needs seconds: endpoints fail until everybody has ejected whom it should; then they
are mended, and everybody has to take them back. The first endpoints of a scene are those that fail.
"""

import collections
import time

from checks import PATIENCE, check, wait_for
from grpc_scenes import ROUND_ROBIN, group
from scenes import level

INTERVAL, EJECTION = 1.0, 4.0
# For how long nobody may be ejected where nobody is to be.
WATCHED = 4 * INTERVAL
CALLS = 25
# Turns of all endpoints without a call for one of them, after which it counts as ejected.
WINDOW = 3


def detection(**settings):
    """Outlier detection without a rule but those that the settings name."""
    rules = {
        "consecutive_5xx": 0,
        "enforcing_success_rate": 0,
        "success_rate_minimum_hosts": 3,
        "success_rate_request_volume": 2,
        "failure_percentage_minimum_hosts": 3,
        "failure_percentage_request_volume": 2,
        "failure_percentage_threshold": 50,
        "max_ejection_percent": 50,
        **settings,
    }
    times = {"interval": INTERVAL, "base_ejection_time": EJECTION, "max_ejection_time": EJECTION}
    spans = {name: f"{seconds:.0f}s" for name, seconds in times.items()}
    return {**ROUND_ROBIN, "outlier_detection": {**spans, **rules}}


EJECTING = {}


def scene(name, failing, count, ejected, lasting=((EJECTION,) * 3), **settings):
    """`ejected`: how many by grpcio, by us with gRPC's rules, with Envoy's; `lasting`: how long some of these are."""
    cluster = group(detection(**settings), level(0, count))
    found = {"cluster": cluster, "count": count, "failing": failing, "ejected": ejected, "lasting": lasting}
    EJECTING[name] = found


BY_FAILURES = {"enforcing_failure_percentage": 100}
BY_SUCCESSES = {"enforcing_success_rate": 100}
scene("one of five fails too often", 1, 5, (1, 1, 1), **BY_FAILURES)
scene("a threshold of 100%, above which gRPC ejects", 1, 5, (0, 0, 1), **BY_FAILURES, failure_percentage_threshold=100)
scene("two of five fail, and 10% may be ejected", 2, 5, (1, 1, 0), **BY_FAILURES, max_ejection_percent=10)
scene("three of seven fail, and 20% may be ejected", 3, 7, (2, 2, 1), **BY_FAILURES, max_ejection_percent=20)
scene("one of five fails, and none may be ejected", 1, 5, (1, 0, 0), **BY_FAILURES, max_ejection_percent=0)
scene("too few calls for failures", 1, 5, (0, 0, 0), **BY_FAILURES, failure_percentage_request_volume=1_000_000)
scene("too few endpoints for failures", 1, 5, (0, 0, 0), **BY_FAILURES, failure_percentage_minimum_hosts=6)
scene("one of five succeeds too rarely", 1, 5, (1, 1, 1), **BY_SUCCESSES)
scene("one of four, which is not rare enough", 1, 4, (0, 0, 0), **BY_SUCCESSES)
scene("one of four, and one deviation is enough", 1, 4, (1, 1, 1), **BY_SUCCESSES, success_rate_stdev_factor=1000)
# By Envoy's rules the interval between two ejections is forgiven first, so that the second is no longer than the first.
scene(
    "who fails on is gone for longer", 1, 5, (1, 1, 1), (2 * INTERVAL, 2 * INTERVAL, INTERVAL), **BY_FAILURES,
    base_ejection_time=f"{INTERVAL:.0f}s", max_ejection_time="300s",
)  # fmt: skip
scene("failures in a row, which gRPC does not count", 1, 5, (0, 0, 1), consecutive_5xx=2)


def ports_of(failing, mended):
    """The ports of each scene; they are shared, because a port that fails does so for all."""
    return {
        name: failing[: found["failing"]] + mended[: found["count"] - found["failing"]]
        for name, found in EJECTING.items()
    }


class Watch:
    """One side in one scene: whom it has ejected, and for how long."""

    def __init__(self, side, ejected, lasting, name, ports):
        self.side, self.wanted, self.lasting, self.name, self.ports = side, ejected, lasting, name, ports
        self.failing = set(ports[: EJECTING[name]["failing"]])
        self.last = collections.deque(maxlen=WINDOW * len(ports))
        self.ejected = set()
        # When calls were made, the last times; an ejection that is seen came after the last but one.
        self.looks = collections.deque(maxlen=2)
        self.since = {}
        self.lasted = []
        self.most = 0
        self.was_as_wanted = False

    def is_settled(self):
        return len(set(self.side.ports(self.name, self.last.maxlen))) == len(self.ports)

    def look(self):
        """Makes some calls, and looks who got none."""
        self.looks.append(time.monotonic())
        for port in self.side.ports(self.name, CALLS):
            self.last.append(port)
        if len(self.last) < self.last.maxlen:
            return
        now = time.monotonic()
        ejected = set(self.ports) - set(self.last)
        for port in ejected - self.ejected:
            self.since[port] = self.looks[0]
        for port in self.ejected - ejected:
            self.lasted.append(now - self.since[port])
        self.ejected = ejected
        self.most = max(self.most, len(ejected))
        self.was_as_wanted = self.was_as_wanted or len(ejected) == self.wanted

    def has_lasted(self):
        """Whether an ejection was as long as the longest is to be: measured from before it until after it."""
        return self.wanted == 0 or any(lasted >= self.lasting for lasted in self.lasted)

    def is_right(self):
        is_right = self.was_as_wanted and self.most <= self.wanted and set(self.since) <= self.failing
        return is_right and not self.ejected and self.has_lasted()

    def __str__(self):
        times = ", ".join(f"{lasted:.1f} s" for lasted in self.lasted)
        return f"{self.most}{f' for {times}' if times else ''}"


def compare_ejections(sides, ports, backends):
    """`sides`: grpcio, ours with gRPC's rules, ours with Envoy's; `ports`: by scene."""
    watches = {
        name: [Watch(*each, name, ports[name]) for each in zip(sides, found["ejected"], found["lasting"])]
        for name, found in EJECTING.items()
    }
    everybody = [watch for each in watches.values() for watch in each]
    for watch in everybody:
        wait_for(watch.is_settled, f"{watch.side.name} takes turns in {watch.name}")
    failing = set().union(*(watch.failing for watch in everybody))
    backends.fail(failing)
    start = time.monotonic()

    def all_have_ejected():
        for watch in everybody:
            watch.look()
        is_over = all(watch.was_as_wanted and watch.has_lasted() for watch in everybody)
        return is_over and time.monotonic() - start > WATCHED

    def all_are_back():
        for watch in everybody:
            watch.look()
        return not any(watch.ejected for watch in everybody)

    _try(all_have_ejected)
    backends.mend()
    _try(all_are_back)
    for name, each in watches.items():
        told = "; ".join(f"{watch.side.name} {watch}" for watch in each)
        check(all(watch.is_right() for watch in each), f"{name}: ejected by {told}")


def _try(condition):
    """Waits until a condition holds; who is to blame if it never does is told of each scene by itself."""
    end = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < end:
        pass
