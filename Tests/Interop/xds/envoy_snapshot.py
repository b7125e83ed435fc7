#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Envoy under a server of ours that serves what stands in a file, listeners with addresses among it, in both forms.

    envoy_snapshot.py BOOKINFO HTTP_PEER        the built executables; `bookinfo snapshot` is what is tested

What Envoy says of its configuration is compared with what an independent client is sent, and what was sent with what
had to be: a change of one endpoint is one resource.
"""

import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "http"))
from ads_client import Follower  # noqa: E402
from checks import check, verdict, wait_for  # noqa: E402
from envoy_dump import check_dump  # noqa: E402
from envoy_process import Envoy, node  # noqa: E402
from our_peer import PeerServer  # noqa: E402
from snapshot import Snapshot, cluster, endpoints, layer, listener, routes  # noqa: E402

BOOKINFO, HTTP_PEER = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
COUNT = 20


def scenario(folder, form, ports):
    name = f"envoy-{form}"
    snapshot = Snapshot(BOOKINFO, folder, name)
    snapshot.set("listeners", listener("bound", "table"))
    # For clients without a proxy. Envoy has nothing to bind for it.
    api = {"api_listener": {"api_listener": listener("", "table")["filter_chains"][0]["filters"][0]["typed_config"]}}
    snapshot.set("listeners", {"name": "shop:80", **api})
    snapshot.set("routes", routes("table", "/", "c0"))
    for each in ("fleet", "canary"):
        snapshot.set("runtime", layer(each))
    for number in range(COUNT):
        service = f"service-{number}" if number % 2 else None
        snapshot.set("clusters", cluster(f"c{number}", service))
        snapshot.set("endpoints", endpoints(service or f"c{number}", ports[0]))
    snapshot.publish()
    is_delta = form == "delta"
    envoy = Envoy(folder, name, snapshot.xds, "table", is_delta, layers=["fleet", "canary"])
    follower = Follower(snapshot.xds, {**node(f"beside-{name}"), "user_agent_name": "envoy"}, {"table"}, is_delta)
    bound = wait_for(lambda: envoy.place("bound"), "Envoy listens where the server says")
    wait_for(lambda: envoy.ask(10, bound)[0] == 200, "Envoy answers there")
    check(True, f"{form}: Envoy listens where it is told, at {bound}, and serves by routes, clusters and endpoints")
    wait_for(lambda: len(follower.sent("eds")) == COUNT and follower.sent("rds"), "the other client has all of it")
    check_dump(envoy, follower, f"{form}, at first")
    check(set(follower.sent("lds")) == {"bound"}, f"{form}: it is sent what it can bind: {list(follower.sent('lds'))}")
    dropped = [line for line in envoy.log_file.read_text().splitlines() if "ApiListener" in line]
    check(not dropped, f"{form}: Envoy drops no listener: {dropped[:1]}")

    before, updates = len(follower.responses), envoy.updates()
    snapshot.set("endpoints", endpoints("service-3", ports[1]))
    snapshot.publish()
    wait_for(lambda: envoy.endpoints("c3") == {f"127.0.0.1:{ports[1]}"}, "the other endpoint applies")
    wait_for(lambda: len(follower.responses) > before, "the other client has it, too")
    check_dump(envoy, follower, f"{form}, after an endpoint changed")
    came = follower.responses[before:]
    check(came == [("eds", ["service-3"], [])], f"{form}: one endpoint that changes is one resource: {came}")
    changed = {key for key, count in envoy.updates().items() if count != updates.get(key)}
    check(changed == {"cluster.c3"}, f"{form}: and one update in Envoy: {changed}")

    # A share as the number that Envoy takes for percent, below a level of its own, and overridden by the next layer.
    snapshot.set("runtime", layer("fleet", routing={"refused": 100}, other={"numerator": 5, "denominator": "MILLION"}))
    snapshot.publish()
    wait_for(lambda: envoy.runtime().get("routing.refused") == "100", "Envoy has the runtime's layer")
    check(envoy.ask(10, bound)[0] == 418, f"{form}: Envoy takes layers of the runtime: {sorted(envoy.runtime())}")
    snapshot.set("runtime", layer("canary", **{"routing.refused": 0}))
    snapshot.publish()
    wait_for(lambda: envoy.runtime().get("routing.refused") == "0", "Envoy has the later layer's value")
    check(envoy.ask(10, bound)[0] == 200, f"{form}: and lets the later one win")

    before = len(follower.responses)
    del snapshot.parts["clusters"]["c4"], snapshot.parts["endpoints"]["c4"]
    snapshot.set("clusters", cluster("new", "service-new"))
    snapshot.set("endpoints", endpoints("service-new", ports[1]))
    snapshot.set("routes", routes("table", "/", "new"))
    snapshot.set("listeners", listener("second", "table"))
    snapshot.publish()
    second = wait_for(lambda: envoy.place("second"), "Envoy listens at another place, too")
    wait_for(lambda: envoy.ask(10, second)[0] == 200, "and answers there")
    # It goes when the client has taken routes that do not need it.
    wait_for(lambda: "c4" not in follower.sent("cds"), "the other client is told of the cluster that is gone")
    check_dump(envoy, follower, f"{form}, after clusters came and went")
    if is_delta:
        came = [name for kind, names, _ in follower.responses[before:] if kind == "cds" for name in names]
        gone = [name for kind, _, names in follower.responses[before:] if kind == "cds" for name in names]
        check((came, gone) == (["new"], ["c4"]), f"{form}: clusters are sent that changed: {came}, gone {gone}")

    del snapshot.parts["listeners"]["second"]
    snapshot.publish()
    wait_for(lambda: envoy.place("second") is None, "a listener that is deleted is gone")
    wait_for(lambda: "second" not in follower.sent("lds"), "the other client is told, too")
    check_dump(envoy, follower, f"{form}, after a listener was deleted")
    check(envoy.ask(10, bound)[0] == 200, f"{form}: the other one serves on")
    check(follower.error is None and envoy.is_running(), f"{form}: both are still there: {follower.error}")
    envoy.stop()
    follower.stop()
    snapshot.process.kill()


with tempfile.TemporaryDirectory() as scratch, verdict():
    servers = [PeerServer(HTTP_PEER) for _ in range(2)]
    for form in ("sotw", "delta"):
        scenario(pathlib.Path(scratch), form, [server.port for server in servers])
    check(all(server.stop() for server in servers), "the endpoints end by themselves")
