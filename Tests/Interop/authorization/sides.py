# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Envoy and our server on the same listeners, and what each of them says of each request."""

import collections
import http.client
import json
import pathlib
import re
import sys
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "http"))
import policies  # noqa: E402
from checks import Process, unused_port, wait_for  # noqa: E402
from real_servers import Server, program  # noqa: E402

MANAGER = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
# Requests go to several loopback addresses, which policies tell apart.
EVERYWHERE = "0.0.0.0"
# How the three listeners believe `x-forwarded-for`.
FORWARDED = [{}, {"use_remote_address": True}, {"use_remote_address": True, "xff_num_trusted_hops": 2}]
# What the listener's own filters say, where a route says nothing: the first lets all through, the second almost all.
ANY = [{"any": True}]
OWN = {
    "first": {},
    "second": {
        "rules": {
            "action": "DENY",
            "policies": {
                "own": {
                    "permissions": [{"header": {"name": "x-c", "string_match": {"exact": "no"}}}],
                    "principals": ANY,
                }
            },
        },
        "rules_stat_prefix": "second_",
    },
}


def log(path):
    shadow = "%DYNAMIC_METADATA(envoy.filters.http.rbac:{}_shadow_{})%"
    return {
        "name": "file",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": str(path),
            "log_format": {
                "json_format": {
                    "path": "%REQ(:PATH)%",
                    "details": "%RESPONSE_CODE_DETAILS%",
                    "hint": "%DYNAMIC_METADATA(envoy.common:access_log_hint)%",
                    **{
                        f"{name}_{key}": shadow.format(name, key)
                        for name in ("first", "second")
                        for key in ("engine_result", "effective_policy_id")
                    },
                }
            },
        },
    }


def bootstrap(seed, sets, ports, access=None, change=lambda number, said: said):
    """The configuration of one side; `change` plants faults in what routes say."""
    listeners = []
    for position, port in enumerate(ports):
        routes = [
            {
                "name": f"set-{number}",
                "match": {"prefix": "/", "headers": [{"name": "x-set", "string_match": {"exact": str(number)}}]},
                "direct_response": {"status": 200, "body": {"inline_string": "served"}},
                "typed_per_filter_config": change(number, policies.overrides(f"{seed} {number}", port)),
            }
            for number in sets
            if number % len(ports) == position
        ]
        filters = [
            {"name": name, "typed_config": {"@type": policies.RBAC + "RBAC", **own}} for name, own in OWN.items()
        ]
        router = {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}
        manager = {
            "@type": MANAGER,
            "stat_prefix": "in",
            "codec_type": "HTTP1",
            "generate_request_id": False,
            "route_config": {"name": "in", "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
            "http_filters": filters + [{"name": "router", "typed_config": router}],
            **({"access_log": [log(access)]} if access else {}),
            **FORWARDED[position],
        }
        listeners.append(
            {
                "name": f"in-{position}",
                "address": {"socket_address": {"address": EVERYWHERE, "port_value": port}},
                "traffic_direction": "INBOUND",
                "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
            }
        )
    return {"static_resources": {"listeners": listeners}}


def send(requests, ports):
    """(status, body, gRPC's status) of each request, by its number."""
    connections, answers = {}, {}
    for number, asked in requests.items():
        place = (asked["source"], asked["destination"], ports[asked["listener"]])
        connection = connections.get(place)
        if connection is None:
            source, destination, port = place
            connection = http.client.HTTPConnection(destination, port, timeout=30, source_address=(source, 0))
            connections[place] = connection
        connection.putrequest(asked["method"], asked["path"], skip_host=True, skip_accept_encoding=True)
        connection.putheader("host", asked["host"])
        connection.putheader("x-set", str(asked["set"]))
        for name, value in asked["headers"]:
            connection.putheader(name, value)
        if asked["method"] in ("POST", "PUT"):
            connection.putheader("content-length", "0")
        connection.endheaders()
        answer = connection.getresponse()
        body = answer.read().decode()
        answers[number] = (answer.status, body, answer.getheader("grpc-status"))
    for connection in connections.values():
        connection.close()
    return answers


def outcome(answer, is_grpc):
    status, body, grpc_status = answer
    if is_grpc and grpc_status == "7":
        return {"denied": True, "status": status, "body": None}
    return {"denied": status == 403, "status": None if is_grpc else status, "body": body if status == 403 else None}


def is_grpc(asked):
    return ("content-type", "application/grpc") in asked["headers"]


def number_of(path):
    return int(path.rsplit("case=", 1)[1])


class Envoy(Server):
    """Envoy on a configuration of its own ports."""

    def __init__(self, folder, seed, sets):
        self.ports = [unused_port(EVERYWHERE) for _ in FORWARDED]
        folder = pathlib.Path(folder)
        self.access, admin = folder / "access.jsonl", folder / "admin.txt"
        for path in (self.access, admin):
            path.unlink(missing_ok=True)
        config = bootstrap(seed, sets, self.ports, self.access)
        config["admin"] = {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}}
        (folder / "envoy.json").write_text(json.dumps(config))
        super().__init__(
            "envoy", folder, program("envoy"), "-c", folder / "envoy.json", "--concurrency", 1,
            "--use-dynamic-base-id", "-l", "error", "--admin-address-path", admin, "--file-flush-interval-msec", 100,
        )  # fmt: skip
        wait_for(lambda: self._is_up() and admin.exists() and admin.read_text(), "Envoy has its admin port")
        self.admin = admin.read_text()
        wait_for(self._is_ready, "Envoy is ready")

    def _is_up(self):
        if self.process.poll() is not None:
            raise EOFError(f"Envoy ended with {self.process.returncode}: {self.said()}")
        return True

    def _is_ready(self):
        try:
            with urllib.request.urlopen(f"http://{self.admin}/ready") as answer:
                return self._is_up() and answer.read().decode().strip() == "LIVE"
        except OSError:
            return False

    def outcomes(self, requests):
        answers = send(requests, self.ports)
        time.sleep(0.5)
        logged = {}
        for line in self.access.read_text(errors="replace").splitlines():
            entry = json.loads(line)
            logged[number_of(entry["path"])] = entry
        found = {}
        for number, asked in requests.items():
            entry = logged[number]
            denied = re.fullmatch(r"rbac_access_denied_matched_policy\[(.*)\]", entry.get("details") or "")
            found[number] = {
                **outcome(answers[number], is_grpc(asked)),
                "policy": denied.group(1) if denied else None,
                "hint": {"true": True, "false": False, True: True, False: False}.get(entry.get("hint")),
                **{
                    f"{name}_{key}": entry.get(f"{name}_{field}") or None
                    for name in ("first", "second")
                    for key, field in (("shadow", "engine_result"), ("shadow_policy", "effective_policy_id"))
                },
            }
        return found


class Ours:
    """Our server on a configuration of its own ports."""

    def __init__(self, peer, folder, seed, sets, change=lambda number, said: said, attempts=3):
        self.ports = [unused_port(EVERYWHERE) for _ in FORWARDED]
        path = pathlib.Path(folder) / "ours.json"
        path.write_text(json.dumps(bootstrap(seed, sets, self.ports, change=change)))
        self.process = Process(peer, "authorization", path)
        self.ignored, up = [], 0
        try:
            while up < len(self.ports):
                line = self.process.next_line()
                up += "address" in line
                self.ignored += line.get("ignored", [])
        except EOFError:
            # Somebody else has taken one of the ports meanwhile.
            if attempts == 1:
                raise
            self.__init__(peer, folder, seed, sets, change, attempts - 1)

    def outcomes(self, requests):
        answers = send(requests, self.ports)
        # The lines of a process come in order: those of its last request are the last.
        decisions = collections.defaultdict(list)
        time.sleep(0.5)
        while not self.process.lines.empty():
            line = self.process.next_line()
            if "outcome" in line:
                decisions[number_of(line["path"])].append(line)
        found = {}
        for number, asked in requests.items():
            result = {**outcome(answers[number], is_grpc(asked)), "policy": None, "hint": None}
            for name in ("first", "second"):
                result[f"{name}_shadow"] = result[f"{name}_shadow_policy"] = None
            for each in decisions[number]:
                name, kind, policy = each["prefix"].rstrip("_"), each["outcome"], each.get("policy")
                if kind.startswith("shadow_"):
                    result[f"{name}_shadow"] = kind.removeprefix("shadow_")
                    result[f"{name}_shadow_policy"] = policy
                elif kind == "denied":
                    result["policy"] = policy or "none"
                elif kind in ("logged", "not_logged"):
                    result["hint"] = kind == "logged"
            found[number] = result
        return found

    def stop(self):
        self.process.kill()
