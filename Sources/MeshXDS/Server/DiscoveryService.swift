// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import Synchronization

/// The aggregated discovery service over gRPC: one task a stream, which asks the provider and drives the machine.
struct DiscoveryService: Envoy_Service_Discovery_V3_AggregatedDiscoveryService.SimpleServiceProtocol {
    private let provider: any XDSResourceProvider
    private let nextStream = StreamCounter()
    private let cache = EncodingCache()

    /// How many requests of a stream may wait. A client has four kinds to acknowledge and seldom more under way.
    private static let maximumWaitingRequests = 256

    init(provider: any XDSResourceProvider) {
        self.provider = provider
    }

    func streamAggregatedResources(
        request: RPCAsyncSequence<Envoy_Service_Discovery_V3_DiscoveryRequest, any Error>,
        response: RPCWriter<Envoy_Service_Discovery_V3_DiscoveryResponse>,
        context: ServerContext
    ) async throws {
        let number = nextStream.next()
        let (requests, arrived) = AsyncThrowingStream.makeStream(
            of: DiscoveryEvent.self,
            bufferingPolicy: .bufferingOldest(Self.maximumWaitingRequests)
        )
        let changes = PendingChange()
        // Asked for before the first request is read, so that no change falls between the two.
        let ticks = provider.changes()
        defer { provider.noticed(.disconnected(stream: number)) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                do {
                    for try await message in request {
                        if case .dropped = arrived.yield(.request(message)) {
                            throw RPCError(code: .resourceExhausted, message: "too many requests are waiting")
                        }
                    }
                    arrived.finish()
                } catch {
                    arrived.finish(throwing: error)
                }
            }
            group.addTask {
                for await _ in ticks {
                    // If the queue is full, the stream finds the mark after the request that it works on.
                    changes.mark()
                    arrived.yield(.changed)
                }
            }
            defer { group.cancelAll() }
            var stream = DiscoveryStream(number: number, provider: provider, cache: cache)
            // A slow client holds up this loop and nobody else; changes that come meanwhile become one.
            for try await event in requests {
                if case .request(let message) = event {
                    for answer in try await stream.requestReceived(message) { try await response.write(answer) }
                }
                if changes.take() {
                    for answer in await stream.resourcesChanged() { try await response.write(answer) }
                }
            }
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

/// What a stream waits for.
private enum DiscoveryEvent: Sendable {
    case request(Envoy_Service_Discovery_V3_DiscoveryRequest)
    case changed
}

/// Whether something changed that a stream has not looked at.
private final class PendingChange: Sendable {
    private let isMarked = Atomic<Bool>(false)

    func mark() {
        isMarked.store(true, ordering: .releasing)
    }

    func take() -> Bool {
        isMarked.exchange(false, ordering: .acquiring)
    }
}

/// Numbers streams, for the operator to tell them apart.
private final class StreamCounter: Sendable {
    private let last = Atomic<UInt64>(0)

    func next() -> UInt64 {
        last.wrappingAdd(1, ordering: .relaxed).newValue
    }
}
