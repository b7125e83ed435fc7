// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import Synchronization

/// The aggregated discovery service over gRPC: one task a stream, which asks the provider and drives the machine.
struct DiscoveryService: Envoy_Service_Discovery_V3_AggregatedDiscoveryService.SimpleServiceProtocol {
    private let provider: any XDSResourceProvider
    private let nextStream = StreamCounter()

    init(provider: any XDSResourceProvider) {
        self.provider = provider
    }

    /// What a stream waits for.
    private enum Event: Sendable {
        case request(Envoy_Service_Discovery_V3_DiscoveryRequest)
        case changed
        case ended
    }

    func streamAggregatedResources(
        request: RPCAsyncSequence<Envoy_Service_Discovery_V3_DiscoveryRequest, any Error>,
        response: RPCWriter<Envoy_Service_Discovery_V3_DiscoveryResponse>,
        context: ServerContext
    ) async throws {
        let number = nextStream.next()
        // A client has four kinds to acknowledge and seldom more under way; one that floods is cut off.
        let (events, continuation) = AsyncStream.makeStream(of: Event.self, bufferingPolicy: .bufferingOldest(256))
        defer { provider.noticed(.disconnected(stream: number)) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { continuation.yield(.ended) }
                for try await message in request {
                    if case .dropped = continuation.yield(.request(message)) {
                        throw RPCError(code: .resourceExhausted, message: "too many requests are waiting")
                    }
                }
            }
            group.addTask { [provider] in
                for await _ in provider.changes() {
                    // A change that finds the queue full is not lost: the stream reads the newest state anyway.
                    continuation.yield(.changed)
                }
            }
            group.addTask {
                var stream = DiscoveryStream(number: number, provider: provider)
                for await event in events {
                    switch event {
                    case .ended: return
                    case .changed: for message in await stream.resourcesChanged() { try await response.write(message) }
                    case .request(let message):
                        for message in try await stream.requestReceived(message) { try await response.write(message) }
                    }
                }
            }
            defer { group.cancelAll() }
            // The stream is over when the client has said so, or when either direction has failed.
            try await group.next()
        }
    }

    func deltaAggregatedResources(
        request: RPCAsyncSequence<Envoy_Service_Discovery_V3_DeltaDiscoveryRequest, any Error>,
        response: RPCWriter<Envoy_Service_Discovery_V3_DeltaDiscoveryResponse>,
        context: ServerContext
    ) async throws {
        throw RPCError(
            code: .unimplemented,
            message: "the incremental protocol is not served; use StreamAggregatedResources"
        )
    }
}

/// Numbers streams, for the operator to tell them apart.
private final class StreamCounter: Sendable {
    private let last = Atomic<UInt64>(0)

    func next() -> UInt64 {
        last.wrappingAdd(1, ordering: .relaxed).newValue
    }
}
