# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Retry policies, and scripts by which attempts fail on both sides of each condition's edge."""

# A time after which an attempt is given up that nobody answers: long against what an answered attempt takes.
PER_TRY = 0.4

# Scripts that a condition retries, and scripts that it does not.
CONDITIONS = {
    "5xx": (["503", "500", "reset", "599,502"], ["404", "429", "499", "200"]),
    "gateway-error": (["502", "503,504", "reset"], ["500", "501", "505", "404"]),
    "reset": (["reset", "reset,reset"], ["503", "500"]),
    "reset-before-request": ([], ["reset", "503"]),
    "connect-failure": ([], ["reset", "503"]),
    "refused-stream": ([], ["reset", "503"]),
    "envoy-ratelimited": (["429+x-envoy-ratelimited=true", "503+x-envoy-ratelimited="], ["429", "503"]),
    "retriable-4xx": (["409", "409,409"], ["408", "400", "429", "410"]),
    "retriable-status-codes": (["418", "451,418"], ["419", "417", "503"]),
    "retriable-headers": (["200+x-again=yes", "404+x-again=yes-1"], ["200+x-again=no", "200+x-againx=yes", "503"]),
    "cancelled": (["200+grpc-status=1"], ["200+grpc-status=2", "200+grpc-status=0", "503"]),
    "deadline-exceeded": (["200+grpc-status=4"], ["200+grpc-status=14", "200+grpc-status=04"]),
    "internal": (["200+grpc-status=13"], ["200+grpc-status=12", "200+grpc-status=x"]),
    "resource-exhausted": (["200+grpc-status=8"], ["200+grpc-status=9", "503"]),
    "unavailable": (["200+grpc-status=14,503+grpc-status=14"], ["200+grpc-status=15", "200+grpc-status="]),
}
GRPC = ["cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable"]
AGAIN = {"name": "x-again", "string_match": {"prefix": "yes"}}


def policy(random, trusts):
    """A retry policy, and edits of requests that provoke it: (message, [(condition, retried, edits)])."""
    chosen = random.sample(sorted(CONDITIONS), random.choice([1, 1, 1, 2, 3]))
    message = {"retry_on": ",".join(chosen)}
    if random.random() < 0.6:
        message["num_retries"] = random.choice([0, 1, 1, 2, 3, 5])
    if random.random() < 0.5:
        message["retry_back_off"] = {"base_interval": "0.002s", "max_interval": random.choice(["0.002s", "0.010s"])}
    if "retriable-status-codes" in chosen or random.random() < 0.1:
        message["retriable_status_codes"] = [418, 451]
    if "retriable-headers" in chosen or random.random() < 0.1:
        message["retriable_headers"] = [AGAIN]
    variants = []
    for condition in chosen:
        met, unmet = CONDITIONS[condition]
        variants += [(condition, True, [("script", None, text)]) for text in met]
        unmet = random.sample(unmet, min(2, len(unmet)))
        variants += [(condition, False, [("script", None, text)]) for text in unmet]
    # More failures than retries, and one that heals at the last moment.
    first = next((text for text in CONDITIONS[chosen[0]][0]), "503").split(",")[0]
    for count in (1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 4, 7):
        variants.append((chosen[0], True, [("script", None, ",".join([first] * count))]))
    if random.random() < 0.2:
        message["per_try_timeout"] = f"{PER_TRY}s"
        variants.append(("per try", True, [("script", None, "hang")]))
    if random.random() < 0.25:
        message["retriable_request_headers"] = [{"name": "x-may-retry", "present_match": True}]
        may = ("headers", "x-may-retry", ["1"])
        variants += [(condition, retried, [*edits, may]) for condition, retried, edits in variants]
    if random.random() < 0.1:
        message["rate_limited_retry_back_off"] = {"reset_headers": [{"name": "retry-after", "format": "SECONDS"}]}
        variants.append(("reset header", True, [("script", None, f"{first}+retry-after=1")]))
    variants += by_headers(random, trusts)
    return message, variants


def by_headers(random, trusts):
    """Policies that the caller asks for in headers, which count only where it is trusted."""
    found = []
    for condition in random.sample(sorted(CONDITIONS), 2):
        met, unmet = CONDITIONS[condition]
        name = "x-envoy-retry-grpc-on" if condition in GRPC else "x-envoy-retry-on"
        for script in met[:1] + unmet[:1]:
            edits = [("headers", name, [condition]), ("script", None, script)]
            if condition == "retriable-status-codes":
                edits.append(("headers", "x-envoy-retriable-status-codes", ["418, 451"]))
            if condition == "retriable-headers":
                edits.append(("headers", "x-envoy-retriable-header-names", ["x-again"]))
            if random.random() < 0.4:
                edits.append(("headers", "x-envoy-max-retries", [random.choice(["0", "2", "4", "x"])]))
            found.append((f"header {condition}", trusts and script in met, edits))
    return found
