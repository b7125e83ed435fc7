# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Counts of what was drawn, compared."""

import math

# Standard deviations of the difference: of a million comparisons of one distribution with itself less than one fails.
BOUND = 5.0


def agree(first, second, requests):
    """Whether two counts are of one distribution."""
    for key in {*first, *second}:
        share = (first[key] + second[key]) / (2 * requests)
        if abs(first[key] - second[key]) > BOUND * math.sqrt(2 * requests * share * (1 - share)) + 2:
            return False
    return first.total() == second.total() == requests


def shares(counts, requests):
    """The counts as percentages, by the endpoints' places; behind them what got to none."""
    places = [key for key in counts if isinstance(key, int) and key >= 0]
    told = [f"{counts[place] / requests:.2%}" for place in range(max(places, default=-1) + 1)]
    return " ".join(told + [f"{'nowhere' if key == -1 else key}: {counts[key]}" for key in counts if key not in places])
