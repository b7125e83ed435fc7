// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore

/// The secret discovery service over gRPC: the same streams as the aggregated service's, under names of their own.
struct SecretDiscovery: Envoy_Service_Secret_V3_SecretDiscoveryService.SimpleServiceProtocol {
    let discovery: DiscoveryService

    func streamSecrets(
        request: RPCAsyncSequence<Envoy_Service_Discovery_V3_DiscoveryRequest, any Error>,
        response: RPCWriter<Envoy_Service_Discovery_V3_DiscoveryResponse>,
        context: ServerContext
    ) async throws {
        try await discovery.streamAggregatedResources(request: request, response: response, context: context)
    }

    func deltaSecrets(
        request: RPCAsyncSequence<Envoy_Service_Discovery_V3_DeltaDiscoveryRequest, any Error>,
        response: RPCWriter<Envoy_Service_Discovery_V3_DeltaDiscoveryResponse>,
        context: ServerContext
    ) async throws {
        try await discovery.deltaAggregatedResources(request: request, response: response, context: context)
    }

    func fetchSecrets(
        request: Envoy_Service_Discovery_V3_DiscoveryRequest,
        context: ServerContext
    ) async throws -> Envoy_Service_Discovery_V3_DiscoveryResponse {
        // As SPIRE's agent and Istio's: whoever wants a secret wants the next one, too.
        throw RPCError(code: .unimplemented, message: "secrets are streamed")
    }
}
