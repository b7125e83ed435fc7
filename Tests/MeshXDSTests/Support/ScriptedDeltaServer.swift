// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import GRPCNIOTransportHTTP2
import MeshConfig
import MeshCore
import SwiftProtobuf
import Synchronization

@testable import MeshXDS

/// A control plane that speaks the incremental form only, to one client at a time, as simply as the protocol allows.
final class ScriptedDeltaServer: Sendable {
    private typealias Request = Envoy_Service_Discovery_V3_DeltaDiscoveryRequest
    private typealias Response = Envoy_Service_Discovery_V3_DeltaDiscoveryResponse

    private struct State {
        var world: [ResourceKind: [String: PackedResource]]
        var version = 1
        /// The versions of the resources, by kind and name.
        var versions: [String: Int] = [:]
    }

    private let state: Mutex<State>
    /// Every request of every stream.
    let requests: AsyncStream<Envoy_Service_Discovery_V3_DeltaDiscoveryRequest>
    private let received: AsyncStream<Envoy_Service_Discovery_V3_DeltaDiscoveryRequest>.Continuation
    private let changes: AsyncStream<Void>
    private let change: AsyncStream<Void>.Continuation

    init(_ resources: MeshResources) {
        state = Mutex(State(world: ResourceEncoder(dialect: .own).encode(resources).resources))
        (requests, received) = AsyncStream.makeStream()
        (changes, change) = AsyncStream.makeStream()
    }

    /// Serves something else: what differs has a new version.
    func set(_ resources: MeshResources) {
        let world = ResourceEncoder(dialect: .own).encode(resources).resources
        state.withLock { state in
            state.version += 1
            for (kind, packed) in world {
                for (name, resource) in packed where state.world[kind]?[name] != resource {
                    state.versions["\(kind) \(name)"] = state.version
                }
            }
            state.world = world
        }
        change.yield()
    }

    /// Runs `body` beside the server.
    func serving(_ body: (EndpointAddress) async throws -> Void) async throws {
        let server = GRPCServer(
            transport: .http2NIOPosix(address: .ipv4(host: "127.0.0.1", port: 0), transportSecurity: .plaintext),
            services: [Service(server: self)]
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.serve() }
            let port = try await server.listeningAddress?.ipv4?.port ?? 0
            try await body(EndpointAddress(host: "127.0.0.1", port: UInt16(port)))
            server.beginGracefulShutdown()
            while let result = await group.nextResult() { _ = result }
        }
    }

    /// What a client that has these versions lacks of a kind, and what it has too much.
    private func answer(
        _ kind: ResourceKind,
        _ names: Set<String>?,
        _ known: inout [String: String]
    ) -> Response? {
        var response = Response()
        response.typeURL = kind.typeURL
        state.withLock { state in
            let packed = state.world[kind] ?? [:]
            for (name, resource) in packed where names?.contains(name) ?? true {
                let version = "\(state.versions["\(kind) \(name)"] ?? 1)"
                guard known[name] != version else { continue }
                known[name] = version
                response.resources.append(
                    .with {
                        $0.name = name
                        $0.version = version
                        $0.resource = Google_Protobuf_Any(typeName: resource.typeName, bytes: resource.bytes)
                    }
                )
            }
            response.removedResources = Set(known.keys).union(names ?? []).subtracting(packed.keys).sorted()
            for name in response.removedResources { known[name] = nil }
        }
        response.nonce = "\(kind) \(state.withLock { $0.version }) \(response.resources.count)"
        return response.resources.isEmpty && response.removedResources.isEmpty ? nil : response
    }

    private struct Service: Envoy_Service_Discovery_V3_AggregatedDiscoveryService.SimpleServiceProtocol {
        let server: ScriptedDeltaServer

        func streamAggregatedResources(
            request: RPCAsyncSequence<Envoy_Service_Discovery_V3_DiscoveryRequest, any Error>,
            response: RPCWriter<Envoy_Service_Discovery_V3_DiscoveryResponse>,
            context: ServerContext
        ) async throws {
            throw RPCError(code: .unimplemented, message: "only the incremental form is spoken here")
        }

        func deltaAggregatedResources(
            request: RPCAsyncSequence<Envoy_Service_Discovery_V3_DeltaDiscoveryRequest, any Error>,
            response: RPCWriter<Envoy_Service_Discovery_V3_DeltaDiscoveryResponse>,
            context: ServerContext
        ) async throws {
            // `nil` stands for a change of the world.
            let (events, happened) = AsyncStream.makeStream(of: Request?.self)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    defer { happened.finish() }
                    for try await message in request { happened.yield(message) }
                }
                group.addTask { for await _ in server.changes { happened.yield(nil) } }
                var names: [ResourceKind: Set<String>] = [:]
                var known: [ResourceKind: [String: String]] = [:]
                for await event in events {
                    if let event, let kind = ResourceKind(typeURL: event.typeURL) {
                        server.received.yield(event)
                        names[kind, default: []].formUnion(event.resourceNamesSubscribe)
                        names[kind, default: []].subtract(event.resourceNamesUnsubscribe)
                        known[kind, default: [:]].merge(event.initialResourceVersions) { $1 }
                    }
                    for kind in ADSSessionStateMachine.order {
                        guard let wanted = names[kind] else { continue }
                        let isWildcard = kind == .listener
                        let answer = server.answer(kind, isWildcard ? nil : wanted, &known[kind, default: [:]])
                        if let answer { try await response.write(answer) }
                    }
                }
                group.cancelAll()
            }
        }
    }
}
