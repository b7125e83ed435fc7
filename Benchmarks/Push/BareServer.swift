// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import GRPCNIOTransportHTTP2
import MeshXDS
import Synchronization

/// The floor: grpc-swift's server and streams, a message that is ready, and nothing else.
final class BareServer: Sendable {
    private struct State {
        var streams: [UInt64: AsyncStream<Void>.Continuation] = [:]
        var lastStream: UInt64 = 0
        /// What somebody waits for: as many answers, or as many streams.
        var left = 0
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let clients: Int
    private let state: Mutex<State>

    init(clients: Int) {
        self.clients = clients
        self.state = Mutex(State(left: clients))
    }

    /// Serves as long as `body` takes.
    func serve<Value: Sendable>(_ body: (UInt16) async throws -> Value) async throws -> Value {
        let transport = HTTP2ServerTransport.Posix(
            address: .ipv4(host: "127.0.0.1", port: 0),
            transportSecurity: .plaintext
        )
        let server = GRPCServer(transport: transport, services: [BareService(owner: self)])
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.serve() }
            let address = try await transport.listeningAddress
            let value = try await body(UInt16(clamping: address.ipv4?.port ?? 0))
            server.beginGracefulShutdown()
            try await group.waitForAll()
            return value
        }
    }

    /// Waits until every client has come and asked.
    func untilAllCame() async { await untilNothingIsLeft() }

    /// Sends every client a message and waits for every client's answer.
    func push() async {
        let streams = state.withLock { state in
            state.left = clients
            return Array(state.streams.values)
        }
        for stream in streams { stream.yield() }
        await untilNothingIsLeft()
    }

    fileprivate func opened(_ continuation: AsyncStream<Void>.Continuation) -> UInt64 {
        state.withLock { state in
            state.lastStream += 1
            state.streams[state.lastStream] = continuation
            return state.lastStream
        }
    }

    fileprivate func closed(_ number: UInt64) {
        state.withLock { $0.streams[number] = nil }
    }

    /// A client has come, or has answered.
    fileprivate func heard() {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.left -= 1
            return state.left == 0 ? state.waiter.take() : nil
        }
        waiter?.resume()
    }

    private func untilNothingIsLeft() async {
        await withCheckedContinuation { continuation in
            let isDone = state.withLock { state in
                if state.left > 0 { state.waiter = continuation }
                return state.left <= 0
            }
            if isDone { continuation.resume() }
        }
    }
}

/// Sends the same message at each tick.
private struct BareService: Envoy_Service_Discovery_V3_AggregatedDiscoveryService.SimpleServiceProtocol {
    let owner: BareServer

    func streamAggregatedResources(
        request: RPCAsyncSequence<Envoy_Service_Discovery_V3_DiscoveryRequest, any Error>,
        response: RPCWriter<Envoy_Service_Discovery_V3_DiscoveryResponse>,
        context: ServerContext
    ) async throws {
        throw RPCError(code: .unimplemented, message: "the floor is measured by the incremental protocol")
    }

    func deltaAggregatedResources(
        request: RPCAsyncSequence<Envoy_Service_Discovery_V3_DeltaDiscoveryRequest, any Error>,
        response: RPCWriter<Envoy_Service_Discovery_V3_DeltaDiscoveryResponse>,
        context: ServerContext
    ) async throws {
        let (ticks, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let number = owner.opened(continuation)
        defer { owner.closed(number) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                var requests = 0
                for try await _ in request {
                    requests += 1
                    // The first two ask for clusters and endpoints; they count as one.
                    if requests != 1 { owner.heard() }
                }
                continuation.finish()
            }
            group.addTask {
                let message = Self.message
                for await _ in ticks { try await response.write(message) }
            }
            try await group.waitForAll()
        }
    }

    /// As large as an assignment of ten endpoints in a response.
    private static var message: Envoy_Service_Discovery_V3_DeltaDiscoveryResponse {
        var message = Envoy_Service_Discovery_V3_DeltaDiscoveryResponse()
        message.typeURL = ResourceKind.endpointAssignment.typeURL
        message.nonce = String(repeating: "n", count: 400)
        return message
    }
}
