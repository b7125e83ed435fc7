#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Policies in the words of xDS: what Envoy takes, our client takes, and what Envoy refuses, our client refuses.

    filter_policies.py BOOKINFO      the built executable; `bookinfo probe` prints what is applied, a line of JSON each

Each variant of a filter's, a retry's or a hedge's configuration goes to Envoy (`--mode validate`) and, from a control
plane that shares no code with ours, to our client. Where the two differ on purpose, the reason stands here.
"""

import base64
import concurrent.futures
import json
import pathlib
import subprocess
import sys
import tempfile
import urllib.request

from envoy.config.listener.v3 import listener_pb2

# Not named below, but what the messages carry as Any has to be known before it can be packed.
from envoy.extensions.filters.http.adaptive_concurrency.v3 import adaptive_concurrency_pb2  # noqa: F401
from envoy.extensions.filters.http.admission_control.v3 import admission_control_pb2  # noqa: F401
from envoy.extensions.filters.http.fault.v3 import fault_pb2  # noqa: F401
from envoy.extensions.filters.http.local_ratelimit.v3 import local_rate_limit_pb2  # noqa: F401
from envoy.extensions.filters.http.router.v3 import router_pb2  # noqa: F401
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2  # noqa: F401
from google.protobuf import json_format

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "http"))
from checks import Process, check, verdict, wait_for  # noqa: E402
from real_servers import program  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
BOOKINFO = pathlib.Path(sys.argv[1]).resolve()
TYPES = {
    "envoy.filters.http.admission_control": "admission_control.v3.AdmissionControl",
    "envoy.filters.http.adaptive_concurrency": "adaptive_concurrency.v3.AdaptiveConcurrency",
    "envoy.filters.http.local_ratelimit": "local_ratelimit.v3.LocalRateLimit",
    "envoy.filters.http.fault": "fault.v3.HTTPFault",
}
ADMISSION, ADAPTIVE, LIMIT, FAULT = TYPES
HTTP = "type.googleapis.com/envoy.extensions.filters.http."
OFF = {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": True}


def typed(name, message):
    return {"@type": HTTP + TYPES[name], **message}


def admission(**fields):
    return {"filters": [(ADMISSION, {"successCriteria": {}, **fields})]}


def adaptive(limits=None, idle=None, **fields):
    controller = {
        "concurrencyLimitParams": {"concurrencyUpdateInterval": "0.1s", **(limits or {})},
        "minRttCalcParams": {"interval": "60s", **(idle or {})},
    }
    for part in controller.values():
        for name in [name for name, value in part.items() if value is None]:
            del part[name]
    controller.update(fields.pop("controller", {}))
    return {"filters": [(ADAPTIVE, {"gradientControllerConfig": controller, **fields})]}


def limit(enabled=100, enforced=100, **bucket):
    def share(percent):
        return {"defaultValue": {"numerator": percent}}

    bucket = {"maxTokens": 5, "fillInterval": "1s", **bucket}
    # The name by which our own control plane's plain limits are known; others are compared with Envoy's in routing/.
    message = {"statPrefix": "rate_limit", "tokenBucket": bucket, "filterEnabled": share(enabled)}
    return {"filters": [(LIMIT, {**message, "filterEnforced": share(enforced)})]}


def fault(abort=None, **fields):
    if abort:
        fields["abort"] = {**abort, "percentage": {"numerator": 100}}
    return {"filters": [(FAULT, fields)]}


def route(**action):
    return {"route": action}


def percent(value):
    return {"defaultValue": {"value": value}}


def statuses(start, end):
    return {"successCriteria": {"httpCriteria": {"httpSuccessStatus": [{"start": start, "end": end}]}}}


RETRY = {"retryOn": "5xx", "numRetries": 2, "perTryTimeout": "0.1s"}
RESET = {"name": "x-ratelimit-reset", "format": "UNIX_TIMESTAMP"}

VARIANTS = {
    "admission control with its defaults": admission(),
    "admission control without criteria": {"filters": [(ADMISSION, {})]},
    "admission control that is off": admission(enabled={"defaultValue": False, "runtimeKey": "k"}),
    "admission control, threshold of 0.5%": admission(srThreshold={**percent(0.5), "runtimeKey": "k"}),
    "admission control, threshold of 1%": admission(srThreshold={**percent(1), "runtimeKey": "k"}),
    "admission control, threshold of 100%": admission(srThreshold={**percent(100), "runtimeKey": "k"}),
    "admission control, threshold of 101%": admission(srThreshold={**percent(101), "runtimeKey": "k"}),
    "admission control, at most 40% refused": admission(maxRejectionProbability={**percent(40), "runtimeKey": "k"}),
    "admission control, at most 150% refused": admission(maxRejectionProbability={**percent(150), "runtimeKey": "k"}),
    "admission control, less than linear": admission(aggression={"defaultValue": 0.5, "runtimeKey": "k"}),
    "admission control, least rate": admission(rpsThreshold={"defaultValue": 7, "runtimeKey": "k"}),
    "admission control, window of 10 s": admission(samplingWindow="10s"),
    "admission control, window of 0.5 s": admission(samplingWindow="0.5s"),
    "admission control, window of 2 h": admission(samplingWindow="7200s"),
    "admission control, much steeper": admission(aggression={"defaultValue": 5000, "runtimeKey": "k"}),
    "admission control, statuses 200..300": admission(**statuses(200, 300)),
    "admission control, statuses 300..200": admission(**statuses(300, 200)),
    "admission control, statuses 99..200": admission(**statuses(99, 200)),
    "admission control, statuses 500..600": admission(**statuses(500, 600)),
    "admission control, statuses 500..601": admission(**statuses(500, 601)),
    "admission control, no statuses": admission(successCriteria={"httpCriteria": {}}),
    "admission control, gRPC 0 and 5": admission(successCriteria={"grpcCriteria": {"grpcSuccessStatus": [0, 5]}}),
    "admission control, gRPC 17": admission(successCriteria={"grpcCriteria": {"grpcSuccessStatus": [17]}}),
    "admission control, no gRPC statuses": admission(successCriteria={"grpcCriteria": {}}),
    "admission control off on a route": {**admission(), "overrides": {ADMISSION: OFF}},
    "admission control of a route's own": {
        **admission(),
        "overrides": {ADMISSION: typed(ADMISSION, {"successCriteria": {}})},
    },
    "adaptive concurrency with its defaults": adaptive(),
    "adaptive concurrency without a controller": {"filters": [(ADAPTIVE, {})]},
    "adaptive concurrency that is off": adaptive(enabled={"defaultValue": False, "runtimeKey": "k"}),
    "adaptive concurrency without an update interval": adaptive({"concurrencyUpdateInterval": None}),
    "adaptive concurrency, update interval of 0": adaptive({"concurrencyUpdateInterval": "0s"}),
    "adaptive concurrency without an idle latency": adaptive(idle={"interval": None}),
    "adaptive concurrency, fixed idle latency": adaptive(idle={"interval": None, "fixedValue": "0.005s"}),
    "adaptive concurrency, idle latency of 0": adaptive(idle={"interval": None, "fixedValue": "0s"}),
    "adaptive concurrency, interval of 0.1 ms": adaptive(idle={"interval": "0.0001s"}),
    "adaptive concurrency, 25 requests": adaptive(idle={"requestCount": 25}),
    "adaptive concurrency, 0 requests": adaptive(idle={"requestCount": 0}),
    "adaptive concurrency, jitter of 101%": adaptive(idle={"jitter": {"value": 101}}),
    "adaptive concurrency, buffer of 50%": adaptive(idle={"buffer": {"value": 50}}),
    "adaptive concurrency, at least 0": adaptive(idle={"minConcurrency": 0}),
    "adaptive concurrency, at most 0": adaptive({"maxConcurrencyLimit": 0}),
    "adaptive concurrency, at most 50": adaptive({"maxConcurrencyLimit": 50}),
    "adaptive concurrency, at most 2": adaptive({"maxConcurrencyLimit": 2}),
    "adaptive concurrency, at most 20000000": adaptive({"maxConcurrencyLimit": 20000000}),
    "adaptive concurrency, buffer of 150%": adaptive(idle={"buffer": {"value": 150}}),
    "adaptive concurrency refuses with 418": adaptive(concurrencyLimitExceededStatus={"code": 418}),
    "adaptive concurrency, p90": adaptive(controller={"sampleAggregatePercentile": {"value": 90}}),
    "adaptive concurrency refuses with 429": adaptive(concurrencyLimitExceededStatus={"code": 429}),
    "adaptive concurrency refuses with 200": adaptive(concurrencyLimitExceededStatus={"code": 200}),
    "adaptive concurrency off on a route": {**adaptive(), "overrides": {ADAPTIVE: OFF}},
    "a limit": limit(),
    "a limit that only observes": limit(enforced=0),
    "a limit that is off": limit(enabled=0),
    "a limit of nothing": limit(maxTokens=0),
    "a limit that is filled every 10 ms": limit(fillInterval="0.01s"),
    "a limit off on a route": {**limit(), "overrides": {LIMIT: OFF}},
    "an abort with gRPC status 14": fault({"grpcStatus": 14}),
    "an abort with gRPC status 17": fault({"grpcStatus": 17}),
    "an abort with status 599": fault({"httpStatus": 599}),
    "an abort with status 600": fault({"httpStatus": 600}),
    "an abort with status 199": fault({"httpStatus": 199}),
    "three faults at once": fault({"httpStatus": 503}, maxActiveFaults=3),
    "no fault at once": fault({"httpStatus": 503}, maxActiveFaults=0),
    "a delay of 0": fault(delay={"fixedDelay": "0s", "percentage": {"numerator": 100}}),
    "waits that the peer asks for": route(
        retryPolicy={**RETRY, "rateLimitedRetryBackOff": {"resetHeaders": [RESET], "maxInterval": "7s"}}
    ),
    "waits that nobody asks for": route(retryPolicy={**RETRY, "rateLimitedRetryBackOff": {}}),
    "waits of at most 0": route(
        retryPolicy={**RETRY, "rateLimitedRetryBackOff": {"resetHeaders": [RESET], "maxInterval": "0s"}}
    ),
    "waits in a field without a name": route(
        retryPolicy={**RETRY, "rateLimitedRetryBackOff": {"resetHeaders": [{"name": ""}]}}
    ),
    "hedges": route(retryPolicy=RETRY, hedgePolicy={"hedgeOnPerTryTimeout": True}),
    "hedges without retries": route(hedgePolicy={"hedgeOnPerTryTimeout": True}),
    "two requests from the start": route(retryPolicy=RETRY, hedgePolicy={"initialRequests": 2}),
}

# Where we differ from Envoy: what we say, and why.
DIFFERENCES = {
    "a limit of nothing": (False, "it would refuse every request, which nobody means"),
    "a limit that is filled every 10 ms": (True, "Envoy's timer is coarser than ours"),
}

# What our client makes of a variant: a piece of what the probe prints.
APPLIED = {
    "admission control, threshold of 1%": "threshold 0.01",
    "admission control that is off": "admission control [disabled]",
    "admission control, at most 40% refused": "maximumRefusal 0.4",
    "admission control off on a route": "admission control [disabled]",
    "adaptive concurrency, at most 2": "algorithm.measureLimit 2",
    "adaptive concurrency, p90": "algorithm.percentile 0.9",
    "adaptive concurrency refuses with 429": "status 429",
    "adaptive concurrency refuses with 200": "status 503",
    "adaptive concurrency off on a route": "adaptive limit [disabled]",
    "a limit that only observes": "rate limit [observe]",
    "a limit off on a route": "rate limit [disabled]",
    "an abort with gRPC status 14": "abort.grpcStatus 14",
    "three faults at once": "maximumActive 3",
    "waits that the peer asks for": "x-ratelimit-reset",
    "hedges": "hedge: maximumAttempts 3",
}


def manager(number, variant):
    filters = [
        {"name": name, "typedConfig": typed(name, message)} for name, message in variant.get("filters", [])
    ] + [{"name": "envoy.filters.http.router", "typedConfig": {"@type": HTTP + "router.v3.Router"}}]
    one = {"match": {"prefix": "/"}, "route": {"cluster": "c", **variant.get("route", {})}}
    if "overrides" in variant:
        one["typedPerFilterConfig"] = variant["overrides"]
    return {
        "@type": HTTP.replace("filters.http.", "filters.network.")
        + "http_connection_manager.v3.HttpConnectionManager",
        # Each variant is another resource, so that each one is sent.
        "statPrefix": f"variant-{number}",
        "routeConfig": {"name": "r", "virtualHosts": [{"name": "h", "domains": ["*"], "routes": [one]}]},
        "httpFilters": filters,
    }


def envoy_takes(folder, number, variant):
    """Whether Envoy takes a variant, and what it says if not."""
    listener = {
        "name": "l",
        "address": {"socketAddress": {"address": "127.0.0.1", "portValue": 0}},
        "filterChains": [{"filters": [{"name": "http", "typedConfig": manager(number, variant)}]}],
    }
    cluster = {"name": "c", "type": "STATIC", "connectTimeout": "1s", "loadAssignment": {"clusterName": "c"}}
    path = folder / f"envoy-{number}.json"
    path.write_text(json.dumps({"staticResources": {"listeners": [listener], "clusters": [cluster]}}))
    run = subprocess.run(
        [program("envoy"), "--mode", "validate", "-c", path, "-l", "error", "--base-id", str(1000 + number)],
        capture_output=True,
        text=True,
    )
    return run.returncode == 0, (run.stderr + run.stdout).strip().replace("\n", " ")[-200:]


def api_listener(number, variant):
    message = json_format.ParseDict(
        {"name": "l", "apiListener": {"apiListener": manager(number, variant)}}, listener_pb2.Listener()
    )
    return base64.b64encode(message.SerializeToString(deterministic=True)).decode()


with tempfile.TemporaryDirectory() as scratch, verdict():
    scratch = pathlib.Path(scratch)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        envoys = pool.map(lambda entry: envoy_takes(scratch, *entry), enumerate(VARIANTS.values()))
        envoys = dict(zip(VARIANTS, envoys))

    config = scratch / "config.yaml"
    config.write_text("{}")
    control_plane = Process(sys.executable, HERE / "control_plane.py", "--config", config)
    ports = control_plane.next_line()

    def answers():
        with urllib.request.urlopen(f"http://127.0.0.1:{ports['admin']}/events") as answer:
            events = [json.loads(line) for line in answer.read().decode().splitlines()]
        return [event for event in events if event["event"] in ("ack", "nack") and event["type"] == "lds"]

    bootstrap = scratch / "bootstrap.json"
    server = {"server_uri": f"127.0.0.1:{ports['xds']}", "channel_creds": [{"type": "insecure"}]}
    node = {"id": "interop-probe", "cluster": "interop"}
    bootstrap.write_text(json.dumps({"xds_servers": [{**server, "server_features": ["xds_v3"]}], "node": node}))
    probe = Process(BOOKINFO, "probe", "--bootstrap", bootstrap)
    wait_for(lambda: answers(), "the client is there")

    for number, (name, variant) in enumerate(VARIANTS.items()):
        probe.lines_until_now()
        count = len(answers())
        served = {
            # Nothing is applied before the route's cluster is known.
            "clusters": [{"name": "c"}],
            "endpoints": [{"cluster": "c", "addresses": ["127.0.0.1:1"]}],
            "verbatim": [{"type": "lds", "base64": api_listener(number, variant)}],
        }
        config.write_text(json.dumps(served))
        answer = wait_for(lambda: answers()[count:], f"an answer to {name}")[-1]
        taken, reason = answer["event"] == "ack", answer.get("error", "")
        envoy, complaint = envoys[name]
        if name in DIFFERENCES:
            ours, why = DIFFERENCES[name]
            check(taken == ours and envoy != ours, f"{name}: unlike Envoy {'taken' if taken else 'refused'}: {why}")
        else:
            said = f"{reason} / {complaint}" if taken != envoy or not envoy else ""
            check(taken == envoy, f"{name}: {'taken' if envoy else 'refused'} by both {said}")
        if taken and name in APPLIED:
            said = APPLIED[name]
            wait_for(lambda: any(said in json.dumps(line) for line in probe.lines_until_now()), f"{name}: {said}")
            check(True, f"{name}: applied with {said}")
