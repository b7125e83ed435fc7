// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import MeshCore
import Synchronization

/// The aggregated discovery service over gRPC: one task a stream, which asks the provider and drives the machine.
struct DiscoveryService: Envoy_Service_Discovery_V3_AggregatedDiscoveryService.SimpleServiceProtocol {
    private let provider: any XDSResourceProvider
    private let clock: any MeshClock
    private let streams: StreamCounter
    /// What the streams share.
    let groups = EncodedGroups()

    /// How many requests of a stream may wait. A client has four kinds to acknowledge and seldom more under way.
    private static let maximumWaitingRequests = 256

    init(provider: any XDSResourceProvider, maximumStreams: Int, clock: any MeshClock) {
        self.provider = provider
        self.clock = clock
        self.streams = StreamCounter(maximum: maximumStreams)
    }

    func streamAggregatedResources(
        request: RPCAsyncSequence<Envoy_Service_Discovery_V3_DiscoveryRequest, any Error>,
        response: RPCWriter<Envoy_Service_Discovery_V3_DiscoveryResponse>,
        context: ServerContext
    ) async throws {
        try await serve(.stateOfTheWorld, request) { stream, message, now in
            try await stream.requestReceived(message, at: now)
        } write: {
            try await response.write(Envoy_Service_Discovery_V3_DiscoveryResponse($0))
        }
    }

    func deltaAggregatedResources(
        request: RPCAsyncSequence<Envoy_Service_Discovery_V3_DeltaDiscoveryRequest, any Error>,
        response: RPCWriter<Envoy_Service_Discovery_V3_DeltaDiscoveryResponse>,
        context: ServerContext
    ) async throws {
        try await serve(.incremental, request) { stream, message, now in
            try await stream.requestReceived(message, at: now)
        } write: {
            try await response.write(Envoy_Service_Discovery_V3_DeltaDiscoveryResponse($0))
        }
    }

    private func serve<Message: Sendable>(
        _ form: ADSServerStreamStateMachine.Form,
        _ messages: RPCAsyncSequence<Message, any Error>,
        read: (inout DiscoveryStream, Message, MeshInstant) async throws -> [ADSServerStreamStateMachine.Response],
        write: (ADSServerStreamStateMachine.Response) async throws -> Void
    ) async throws {
        guard let number = streams.open() else {
            throw RPCError(code: .resourceExhausted, message: "as many streams are open as may be")
        }
        defer { streams.close() }
        let (events, arrived) = AsyncThrowingStream.makeStream(
            of: DiscoveryEvent<Message>.self,
            bufferingPolicy: .bufferingOldest(Self.maximumWaitingRequests)
        )
        let changes = PendingChange()
        // Asked for before the first request is read, so that no change falls between the two.
        let ticks = provider.changes()
        defer { provider.noticed(.disconnected(stream: number)) }
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask {
                do {
                    for try await message in messages {
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
                    // One that the stream has not looked at yet is enough. If the queue is full, the stream finds the
                    // mark after the request that it works on.
                    if changes.mark() { arrived.yield(.changed) }
                }
            }
            defer { group.cancelAll() }
            var stream = DiscoveryStream(number: number, form: form, provider: provider, groups: groups)
            var timer: MeshInstant?
            // A slow client holds up this loop and nobody else; changes that come meanwhile become one.
            for try await event in events {
                switch event {
                case .request(let message):
                    for answer in try await read(&stream, message, clock.now) { try await write(answer) }
                case .timePassed:
                    for answer in stream.timePassed(at: clock.now) { try await write(answer) }
                case .changed: break
                }
                if changes.take() {
                    for answer in await stream.resourcesChanged(at: clock.now) { try await write(answer) }
                }
                guard let deadline = stream.deadline, deadline != timer else { continue }
                timer = deadline
                group.addTask { [clock] in
                    // Cancelled with the stream, which has no use for it then.
                    guard (try? await clock.sleep(until: deadline)) != nil else { return }
                    arrived.yield(.timePassed)
                }
            }
        }
    }
}

/// What a stream waits for.
private enum DiscoveryEvent<Message: Sendable>: Sendable {
    case request(Message)
    case changed
    case timePassed
}

/// Whether something changed that a stream has not looked at.
private final class PendingChange: Sendable {
    private let isMarked = Atomic<Bool>(false)

    /// - Returns: Whether it was not marked before.
    func mark() -> Bool {
        !isMarked.exchange(true, ordering: .acquiringAndReleasing)
    }

    func take() -> Bool {
        isMarked.exchange(false, ordering: .acquiringAndReleasing)
    }
}

/// Numbers streams, for the operator to tell them apart, and bounds how many there are.
private final class StreamCounter: Sendable {
    private let last = Atomic<UInt64>(0)
    private let active = Atomic<Int>(0)
    private let maximum: Int

    init(maximum: Int) {
        self.maximum = maximum
    }

    /// - Returns: The stream's number; `nil` if there may be no more.
    func open() -> UInt64? {
        guard active.wrappingAdd(1, ordering: .relaxed).newValue <= maximum else {
            close()
            return nil
        }
        return last.wrappingAdd(1, ordering: .relaxed).newValue
    }

    func close() {
        active.wrappingSubtract(1, ordering: .relaxed)
    }
}
