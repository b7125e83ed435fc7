# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""The client status discovery service, asked with the stubs that grpcio-csds serves by."""

import grpc
from ads_client import KINDS
from envoy.service.status.v3 import csds_pb2, csds_pb2_grpc


def ask(place, token=None, **fields):
    """What a status service answers, by both of its methods."""
    metadata = [("authorization", f"Bearer {token}")] if token else None
    question = csds_pb2.ClientStatusRequest(**fields)
    with grpc.insecure_channel(place, options=[("grpc.max_receive_message_length", -1)]) as channel:
        stub = csds_pb2_grpc.ClientStatusDiscoveryServiceStub(channel)
        answer = stub.FetchClientStatus(question, metadata=metadata, timeout=30)
        streamed = list(stub.StreamClientStatus(iter([question]), metadata=metadata, timeout=30))
    if len(streamed) != 1:
        raise ValueError(f"one question has {len(streamed)} answers on a stream")
    return answer


def resources(answer):
    """Each resource of all clients in an answer, by kind and name."""
    configs = [each for client in answer.config for each in client.generic_xds_configs]
    return {(KINDS[each.type_url], each.name): each for each in configs}
