# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Our control plane over a folder of manifests, and its registration API as an instance uses it."""

import json
import secrets
import urllib.request

from checks import Process

NAMESPACE = "default"


class ControlPlane:
    """A running `bookinfo control-plane`, whose leases last longer than the script."""

    def __init__(self, bookinfo, folder, manifests, service="reviews"):
        self.manifests = folder / "manifests"
        self.manifests.mkdir()
        for name, text in manifests.items():
            self.write(name, text)
        self.service = service
        self.token = secrets.token_hex(16)
        entry = {"token": self.token, "namespace": NAMESPACE, "serviceAccounts": [service]}
        (folder / "tokens.json").write_text(json.dumps([entry]))
        self.process = Process(
            bookinfo, "control-plane", "--manifests", self.manifests, "--tokens", folder / "tokens.json",
            "--xds-port", 0, "--registry-port", 0, "--lease", 3600,
        )  # fmt: skip
        addresses = self.process.next_line(lambda line: "xds" in line, "the control plane's addresses")
        self.xds, self.registry = addresses["xds"], addresses["registry"]

    def write(self, name, text):
        (self.manifests / name).write_text(text)

    def request(self, method, path, body=None):
        request = urllib.request.Request(
            f"http://{self.registry}/v1/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"authorization": f"Bearer {self.token}", "content-type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            text = answer.read().decode()
            return json.loads(text) if text else None

    def register(self, version, port, protocol="http"):
        self.request(
            "POST",
            "instances",
            {
                "id": f"{self.service}-{port}", "service": self.service, "namespace": NAMESPACE,
                "address": "127.0.0.1", "port": port, "servicePort": 9080,
                "labels": {"app": self.service, "version": version}, "serviceAccount": self.service,
                "protocol": protocol,
            },
        )  # fmt: skip

    def remove(self, port):
        self.request("DELETE", f"instances/{self.service}-{port}")

    def clients(self, node):
        """What the control plane says of the clients with a node's id."""
        return [client for client in self.request("GET", "status")["clients"] if client["node"] == node]

    def is_running(self):
        return self.process.is_running()
