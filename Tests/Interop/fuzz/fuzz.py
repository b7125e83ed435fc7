#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Runs the seeded fuzzer of every decoder (Tests/MeshXDSTests/Fuzzing) in a process of its own, and watches it.

    fuzz.py PROGRAM [--seed N] [--seconds N] [--only TARGET,...]     looks for inputs that do what must not be
    fuzz.py PROGRAM --replay TARGET:HEX                              feeds one again; @FILE names a file with that

PROGRAM is the package's test program. It fails if the process crashes, says that an input did what must not be, needs
more memory than its bound, or is not done with an input in time; it prints the input then, and how to feed it again. An
input that ended the process belongs into FuzzRegressions.swift.
"""
import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import time

SUITE = "FuzzerTests/program"
# What the process may hold. With all targets it needs some 150 MiB; an input has 256 KiB at most.
RESIDENT_MIB = 700
# What it may reserve, so that one gigantic request fails at once. Swift's and the C library's arenas need some of it.
RESERVED_GIB = 8
# How long nothing may change in the journal. Each input has a bound of processor time besides, which the process
# checks.
PATIENCE = 90


def resident_mib(pid):
    try:
        with open(f"/proc/{pid}/status") as status:
            for line in status:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) // 1024
    except OSError:
        pass
    return 0


def last_input(path):
    """The target and the input that the process read last."""
    with open(path, "rb") as journal:
        head, _, rest = journal.read().partition(b"\n")
    if not head:
        return None
    target, length = head.decode().split()
    return f"{target}:{rest[:int(length)].hex()}"


def limits():
    resource.setrlimit(resource.RLIMIT_AS, (RESERVED_GIB << 30, RESERVED_GIB << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--only", default="")
    parser.add_argument("--replay")
    options = parser.parse_args()

    journal = tempfile.NamedTemporaryFile(prefix="fuzz-", suffix=".journal")
    environment = dict(os.environ, NO_COLOR="1", SWIFT_BACKTRACE="enable=no")
    environment.update(MESH_FUZZ_SEED=str(options.seed), MESH_FUZZ_SECONDS=str(options.seconds),
                       MESH_FUZZ_ONLY=options.only, MESH_FUZZ_JOURNAL=journal.name)
    # In a file: an input may be longer than a variable.
    replay = tempfile.NamedTemporaryFile(mode="w", prefix="fuzz-", suffix=".replay")
    if options.replay:
        text = options.replay
        if text.startswith("@"):
            with open(text[1:]) as file:
                text = file.read().strip()
        replay.write(text)
        replay.flush()
        environment["MESH_FUZZ_REPLAY"] = replay.name
    output = tempfile.TemporaryFile()
    process = subprocess.Popen([options.program, "--testing-library", "swift-testing", "--filter", SUITE],
                               env=environment, stdout=output, stderr=subprocess.STDOUT, preexec_fn=limits)
    verdict, peak, seen, since = None, 0, b"", time.monotonic()
    while process.poll() is None:
        time.sleep(0.1)
        resident = resident_mib(process.pid)
        peak = max(peak, resident)
        now = os.stat(journal.name).st_mtime_ns
        if now != seen:
            seen, since = now, time.monotonic()
        if resident > RESIDENT_MIB:
            verdict = f"the process holds {resident} MiB, more than {RESIDENT_MIB}"
        elif time.monotonic() - since > PATIENCE:
            verdict = f"nothing has happened for {PATIENCE} s"
        if verdict:
            process.kill()
            process.wait()
    output.seek(0)
    text = output.read().decode(errors="replace")
    told = ("fuzz ", "  replay ", "replayed ")
    print("\n".join(line[:4000] for line in text.splitlines() if line.startswith(told)))
    inputs = sum(int(count) for count in re.findall(r"^fuzz \S+: (\d+) inputs", text, re.MULTILINE))
    print(f"seed {options.seed}: {inputs} inputs in {options.seconds} s, at most {peak} MiB resident")
    if not verdict and process.returncode:
        verdict = f"the process ended with {process.returncode}"
    if not verdict and not options.replay and not inputs:
        verdict = "nothing was fed: is the program that of this package's tests?"
    if not verdict:
        return
    # What it said is told from its end on: a crash of Swift's own checks says so there.
    print("\n".join(line[:1000] for line in text.splitlines()[-20:]))
    culprit = last_input(journal.name)
    print(f"FAILED with seed {options.seed}: {verdict}")
    if culprit:
        # All of it: where this runs, nothing may be left but what it prints.
        print(f"  the input that was read last: --replay {culprit}")
    sys.exit(1)


if __name__ == "__main__":
    main()
