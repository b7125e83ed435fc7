#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""grpcio as an xDS client that says what became of its resources, by its own CSDS (grpcio-csds).

    grpcio_probe.py --target NAME …         the bootstrap is in GRPC_XDS_BOOTSTRAP_CONFIG

It keeps a channel to `xds:///NAME` for each name, and prints one line of JSON with the port of its CSDS.
"""

import argparse
import concurrent.futures
import json
import signal

import grpc
import grpc_csds

parser = argparse.ArgumentParser()
parser.add_argument("--target", action="append", default=[])
options = parser.parse_args()
channels = [grpc.insecure_channel(f"xds:///{target}") for target in options.target]
for channel in channels:
    channel.subscribe(lambda state: None, try_to_connect=True)
server = grpc.server(concurrent.futures.ThreadPoolExecutor(2))
grpc_csds.add_csds_servicer(server)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(json.dumps({"csds": f"127.0.0.1:{port}"}), flush=True)
signal.sigwait([signal.SIGINT, signal.SIGTERM])
server.stop(0)
