#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""The differential test: a real Envoy and our router answer the same cases on the same tables.

differential.py --peer ROUTE_PEER [--cases N] [--seed S]     the test
differential.py [--cases N] [--seed S]                       Envoy against itself, which shows that it is stable
--mutants                                                    and whether planted faults are caught
--http N                                                     how many cases go through our HTTP client, too; 0 for none
--only TABLE:CASE                                            one table, and what became of one of its cases
--folder FOLDER                                              where the files are left; by default nowhere
"""

import argparse
import collections
import pathlib
import sys
import tempfile
import time

import compare
import distributions
import envoy_side
import generator
import http_side
import mutants
import on_purpose
import our_side
import worth

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from checks import check, verdict  # noqa: E402

# Failing cases that are told in full; the others are counted.
TOLD = 25
# Failing cases that may be a matter of time; more than that are not. Where one side alone says that a time ran out, as all
# do that are under way while a machine stands still, it may be this share of all cases.
AGAIN = 20
LATE = 0.01
# Tables that each mutant is tried on, so many at a time until it shows: a fault that does not show there is one that the
# test would hardly find.
MUTANT_TABLES = 40
MUTANT_TABLES_AT_ONCE = 8


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer", type=pathlib.Path)
    parser.add_argument("--cases", type=int, default=worth.CASES)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mutants", action="store_true")
    parser.add_argument("--http", type=int, default=2000)
    parser.add_argument("--only")
    parser.add_argument("--folder", type=pathlib.Path)
    return parser.parse_args()


def compared(cases, first, second):
    """(cases that differ with what differs, how often each difference on purpose was met)."""
    failed, excused = [], collections.Counter()
    for case in cases:
        mine, theirs = first[case["id"]], second.get(case["id"])
        if theirs is None:
            failed.append((case, [("outcome", "there", "missing")]))
            continue
        left = []
        for name, envoy, ours in compare.differences(mine, theirs):
            reason = on_purpose.reason(case, name, envoy, ours, mine, theirs)
            if reason:
                excused[reason] += 1
            else:
                left.append((name, envoy, ours))
        if left:
            failed.append((case, left))
    return failed, excused


def tell(failed):
    for case, found in failed[:TOLD]:
        print("\n".join(compare.told(case, found)))
    fields = collections.Counter(name for _, found in failed for name, _, _ in found)
    kinds = collections.Counter(case.get("action") or case["focus"][0] for case, _ in failed)
    if failed:
        print(f"       by field: {dict(fields.most_common(12))}")
        print(f"       by what the case is about: {dict(kinds.most_common(20))}")


def ran_out(outcome):
    """Whether a side gave a request up because its time had passed."""
    return "UT" in outcome.get("flags", "").split(",") or outcome.get("flag") == "UT"


def is_late(case, found, first, second):
    """Whether two outcomes differ because time passed on one side that did not on the other, as far as they tell."""
    mine, theirs = first[case["id"]], second.get(case["id"])
    if theirs is None:
        return False
    return ran_out(mine) != ran_out(theirs) or all(name.endswith("time left") for name, _, _ in found)


def asked_again(failed, cases, first, second, ask):
    """Those of the failed cases that fail once more when both sides are asked their tables again, and how many do not.

    Timeouts and delays are real ones: on a busy machine a few of thousands come out otherwise than they would. A router that
    decides otherwise does so again.
    """
    late = [case for case, found in failed if is_late(case, found, first, second)]
    if not failed or len(failed) - len(late) > AGAIN or len(late) > max(AGAIN, LATE * len(cases)):
        return failed, 0
    tables = {case["table"] for case, _ in failed}
    some = [case for case in cases if case["table"] in tables]
    once_more, _ = compared(some, *ask(some))
    ids = {case["id"] for case, _ in once_more}
    left = [(case, found) for case, found in failed if case["id"] in ids]
    for case, found in [each for each in failed if each[0]["id"] not in ids][:TOLD]:
        print("\n".join(["       differed once, and not again:", *compare.told(case, found)]))
    return left, len(failed) - len(left)


def other_side(chosen, folder, tables, cases, backends):
    """Our router's outcomes, or another run of Envoy's where there is no router of ours."""
    if chosen.peer:
        return our_side.run(chosen.peer, folder, tables, cases, backends.ports)
    return envoy_side.run(folder, tables, cases, backends)[0]


def test(chosen, folder):
    on_purpose.check_document()
    tables, cases = generator.generate(chosen.cases, chosen.seed)
    if chosen.only:
        table, _, only = chosen.only.partition(":")
        # The cases before it too: buckets of tokens remember them.
        cases = [case for case in cases if case["table"] == int(table) and case["id"] <= int(only)]
    backends = envoy_side.Backends(tables["clusters"])
    envoy, seconds = envoy_side.run(folder, tables, cases, backends)
    print(f"       Envoy took {seconds:.1f} s for {len(cases)} cases of {len(tables['tables'])} tables", flush=True)
    unanswered = [case["id"] for case in cases if envoy[case["id"]]["status"] == 0]
    check(not unanswered, f"Envoy answers every case: {unanswered[:10]}")
    if not chosen.only:
        for holds, statement in worth.figures(cases, envoy):
            check(holds, statement)
    ours = other_side(chosen, folder, tables, cases, backends)
    failed, excused = compared(cases, envoy, ours)
    failed, settled = asked_again(
        failed,
        cases,
        envoy,
        ours,
        lambda some: (
            envoy_side.run(folder, tables, some, backends)[0],
            other_side(chosen, folder, tables, some, backends),
        ),
    )
    if chosen.only:
        print(*(f"       Envoy  {envoy[cases[-1]['id']]}", f"       ours   {ours[cases[-1]['id']]}"), sep="\n")
    tell(failed)
    who = "our router" if chosen.peer else "another run of it"
    agreed = f"{len(cases) - len(failed)} of {len(cases)} cases, {settled} of them when asked again"
    check(not failed, f"Envoy and {who} agree in {agreed}")
    for name, count in sorted(excused.items()):
        print(f"       on purpose, {name}: {count}")
    if chosen.peer and chosen.http:
        send(chosen, folder, tables, cases, backends, {case["id"] for case, _ in failed})
    if not chosen.only:
        draw(chosen, folder, backends)
    if chosen.mutants:
        try_mutants(chosen, folder, tables, cases, envoy, backends)


def send(chosen, folder, tables, cases, backends, differing):
    """A sample once more, through the library's real HTTP client; Envoy is asked anew, because its buckets of tokens
    remember the cases that are not in it."""
    some, left_out = http_side.sample(cases, chosen.http, chosen.seed)
    envoy, _ = envoy_side.run(folder, tables, some, backends)
    start = time.monotonic()
    ours = http_side.run(chosen.peer, folder, tables, some, backends)
    print(f"       our HTTP client took {time.monotonic() - start:.1f} s for {len(some)} cases", flush=True)
    if chosen.only and some:
        last = some[-1]["id"]
        print(*(f"       Envoy  {envoy[last]}", f"       client {ours.get(last)}"), sep="\n")
    failed, excused = compared(some, envoy, ours)
    refused = {case["id"] for case, _ in failed if http_side.is_refused(envoy[case["id"]], ours.get(case["id"], {}))}
    failed = [(case, found) for case, found in failed if case["id"] not in refused]
    failed, settled = asked_again(
        failed,
        some,
        envoy,
        ours,
        lambda some: (
            envoy_side.run(folder, tables, some, backends)[0],
            http_side.run(chosen.peer, folder, tables, some, backends),
        ),
    )
    # Those that the router in memory has, too, were told above.
    tell([(case, found) for case, found in failed if case["id"] not in differing])
    told = sum(1 for case, _ in failed if case["id"] in differing)
    also = f"; {told} of the others differ in memory, too" if told else ""
    total = len(some) - len(refused)
    agreed = f"{total - len(failed)} of {total} cases, {settled} of them when asked again"
    check(not failed, f"Envoy and our HTTP client agree in {agreed}{also}")
    for name, count in sorted(excused.items()):
        print(f"       on purpose, {name}: {count}")
    share = left_out.total() / len(cases) + len(refused) / max(1, len(some))
    for name, count in [*sorted(left_out.items()), (f"of the sample, {http_side.REFUSED}", len(refused))]:
        print(f"       left out, {name}: {count}")
    check(share <= http_side.MOST_LEFT_OUT, f"{share:.1%} of the cases are not for an HTTP client, at most 15%")


def draw(chosen, folder, backends):
    tables, cases = distributions.generate(chosen.cases)
    drawn, _ = envoy_side.run(folder, tables, cases, backends)
    figures = distributions.figures("Envoy", cases, drawn)
    if chosen.peer:
        figures += distributions.figures("ours", cases, other_side(chosen, folder, tables, cases, backends))
    for holds, statement in figures:
        check(holds, statement)


def try_mutants(chosen, folder, tables, cases, envoy, backends):
    for name, (statement, _) in mutants.MUTANTS.items():
        caught = tried = 0
        for start in range(0, MUTANT_TABLES, MUTANT_TABLES_AT_ONCE):
            numbers = range(start, start + MUTANT_TABLES_AT_ONCE)
            changed, asked = mutants.applied(name, tables, cases, numbers)
            failed, _ = compared(asked, envoy, other_side(chosen, folder, changed, asked, backends))
            caught, tried = caught + len(failed), tried + len(asked)
            if caught:
                break
        check(caught, f"caught in {caught} of {tried} cases: {statement}")


if __name__ == "__main__":
    arguments = options()
    with tempfile.TemporaryDirectory() as scratch, verdict():
        place = arguments.folder or pathlib.Path(scratch)
        place.mkdir(parents=True, exist_ok=True)
        test(arguments, place)
