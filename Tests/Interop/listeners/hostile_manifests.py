#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Malformed manifests of every kind in the folder of a running control plane: each is reported with its place, the last
good rules stay in force, and what is repaired applies. Links are swapped as Kubernetes swaps those of a ConfigMap.

    hostile_manifests.py BOOKINFO
"""

import json
import os
import pathlib
import secrets
import sys
import tempfile
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from checks import ROOT, Process, check, verdict, wait_for  # noqa: E402

BOOKINFO = pathlib.Path(sys.argv[1]).resolve()
EXAMPLES = ROOT / "Examples/Bookinfo/manifests"
SPLIT = (EXAMPLES / "split-virtualservice.yaml").read_text()

BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(20)
)
MALFORMED = {
    "an alias bomb": BOMB,
    "brackets 100 000 deep": "a: " + "[" * 100_000,
    "lists 5 000 deep": "- " * 5_000 + "x",
    "a file of 10 MB": "# " + "x" * 10_000_000,
    "a value of 10 MB": "a: " + "x" * 10_000_000,
    "10 MB of small documents": "---\na: 1\n" * 1_250_000,
    "half of a file": SPLIT[: SPLIT.index("weight: 25")] + "weight",
    "an open quotation": "apiVersion: \"networking.istio.io/v1\nkind: VirtualService\n",
    "a tab for indentation": "apiVersion: v1\nkind:\n\tVirtualService\n",
    "bytes that are no UTF-8": b"apiVersion: \xff\xfe\xfa\n",
    "a NUL": b"apiVersion: v1\0\n",
    "UTF-16": "apiVersion: v1\n".encode("utf-16"),
    "a key that stands twice": SPLIT.replace("spec:", "spec:\n  hosts: [a]", 1),
    "a list where a mapping belongs": "- apiVersion: v1\n",
    "text where a mapping belongs": "VirtualService",
    "a field that is misspelt": SPLIT.replace("weight:", "wait:", 1),
    "a weight that is text": SPLIT.replace("weight: 75", "weight: most"),
    "a weight beyond 32 bits": SPLIT.replace("weight: 75", "weight: 99999999999999999999"),
    "a weight below zero": SPLIT.replace("weight: 75", "weight: -1"),
    "a subset that nobody defines": SPLIT.replace("subset: v1", "subset: v9"),
    "an unknown tag": "!!python/object:os.system {a: b}\n",
}


with tempfile.TemporaryDirectory() as scratch, verdict():
    scratch = pathlib.Path(scratch)
    folder = scratch / "manifests"
    folder.mkdir()
    (folder / "base.yaml").write_bytes((EXAMPLES / "base.yaml").read_bytes())
    token = secrets.token_hex(16)
    tokens = scratch / "tokens.json"
    tokens.write_text(json.dumps([{"token": token, "namespace": "default", "serviceAccounts": []}]))
    control_plane = Process(
        BOOKINFO, "control-plane", "--manifests", folder, "--tokens", tokens, "--xds-port", 0, "--registry-port", 0,
    )  # fmt: skip
    registry = control_plane.next_line(lambda line: "registry" in line, "the control plane's addresses")["registry"]

    def ask(path):
        request = urllib.request.Request(f"http://{registry}{path}", headers={"authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def generation():
        return ask("/v1/status")["manifestGeneration"]

    def errors():
        return [each for each in ask("/v1/diagnostics")["diagnostics"] if each["severity"] == "error"]

    def is_current():
        return ask("/v1/diagnostics")["isCurrent"]

    def save(name, content):
        """As an editor does it: whole, by a rename."""
        temporary = folder / f".{name}.new"
        temporary.write_bytes(content if isinstance(content, bytes) else content.encode())
        temporary.rename(folder / name)

    wait_for(is_current, "the first manifests are in force")
    for name, content in MALFORMED.items():
        before = generation()
        save("bad.yaml", content)
        wait_for(lambda: not is_current(), f"{name} is noticed")
        found = errors()
        place = f"{found[0]['file']}:{found[0]['line']}:{found[0]['column']}: {found[0]['message']}" if found else "nothing"
        check(
            found and all(each["file"] == "bad.yaml" and each["line"] > 0 and each["column"] > 0 for each in found)
            and generation() == before,
            f"{name}: {place[:160]}",
        )  # fmt: skip
        (folder / "bad.yaml").unlink()
        wait_for(is_current, "the good manifests are in force again")

    # Other people's kinds may stand in the folder; a misspelt one is at least told.
    save("bad.yaml", SPLIT.replace("VirtualService", "VirtualServise"))
    told = wait_for(
        lambda: [each for each in ask("/v1/diagnostics")["diagnostics"] if "VirtualServise" in each["message"]],
        "the misspelt kind is noticed",
    )
    check(told[0]["line"] > 0, f"a kind that is misspelt: {told[0]['message']}")
    (folder / "bad.yaml").unlink()
    wait_for(lambda: not [each for each in ask("/v1/diagnostics")["diagnostics"] if each["file"] == "bad.yaml"], "gone")

    # Half-written files: an editor that writes in place, in two steps.
    before = generation()
    half = SPLIT[: SPLIT.index("weight: 25")] + "weight"
    with open(folder / "split.yaml", "w") as file:
        file.write(half)
        file.flush()
        wait_for(lambda: not is_current(), "the first half is noticed")
        check(generation() == before, "a file that is half written changes nothing")
        file.write(SPLIT[len(half) :])
    wait_for(lambda: is_current() and generation() > before, "the whole file applies")
    check(True, "and applies when it is whole")

    # A ConfigMap: the files are links into ..data, which is a link to the folder of one version, swapped by a rename.
    def publish(version, content):
        (folder / version).mkdir()
        (folder / version / "route.yaml").write_text(content)
        (folder / "..data_tmp").symlink_to(version)
        os.rename(folder / "..data_tmp", folder / "..data")

    (folder / "split.yaml").unlink()
    before = wait_for(lambda: is_current() and generation(), "the file is gone")
    publish("..2026_1", SPLIT)
    (folder / "route.yaml").symlink_to("..data/route.yaml")
    wait_for(lambda: is_current() and generation() > before, "the link's manifest applies")
    before = generation()
    publish("..2026_2", SPLIT.replace("weight: 75", "weight: most"))
    wait_for(lambda: not is_current(), "the broken version is noticed")
    check([each["file"] for each in errors()] == ["route.yaml"] and generation() == before,
          f"a swapped link brings a mistake, which is named: {errors()[0]['file']}:{errors()[0]['line']}")
    publish("..2026_3", SPLIT.replace("weight: 75", "weight: 60").replace("weight: 25", "weight: 40"))
    wait_for(lambda: is_current() and generation() > before, "the repaired version applies")
    check(True, "a swapped link applies")

    # Two files that define one host.
    (folder / "route2.yaml").write_text(SPLIT.replace("name: reviews", "name: reviews-again", 1))
    clash = wait_for(
        lambda: [each for each in ask("/v1/diagnostics")["diagnostics"]
                 if each["file"] in ("route.yaml", "route2.yaml") and each["code"] != "MM0301"],
        "the second definition is noticed",
    )[0]  # fmt: skip
    check("reviews" in clash["message"], f"two files that define one host: {clash['file']}:{clash['line']}: "
          f"{clash['severity']}: {clash['message']}")
    (folder / "route2.yaml").unlink()

    # The folder goes away and comes back.
    before = generation()
    folder.rename(scratch / "away")
    wait_for(lambda: ask("/v1/diagnostics").get("folder"), "the missing folder is noticed")
    check(generation() == before, "without its folder the last good rules stay")
    (scratch / "away").rename(folder)
    wait_for(is_current, "the folder is back")
    check(control_plane.is_running(), "the control plane is alive")
