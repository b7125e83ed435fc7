// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import GRPCNIOTransportHTTP2
import MeshCore
import SwiftProtobuf
import Synchronization

@testable import MeshXDS

/// A control plane that answers a sidecar as istiod does: all listeners and all clusters, whatever names are asked for, and
/// routes and endpoints by name. It serves one configuration, in both forms of the protocol.
struct IstiodStandIn: Sendable {
    private typealias Request = Envoy_Service_Discovery_V3_DiscoveryRequest
    private typealias DeltaRequest = Envoy_Service_Discovery_V3_DeltaDiscoveryRequest

    /// What it heard of its clients.
    final class Record: Sendable {
        private let state = Mutex<(nodes: [String], refusals: [String])>(([], []))

        var nodes: [String] { state.withLock { $0.nodes } }
        var refusals: [String] { state.withLock { $0.refusals } }

        fileprivate func heard(_ node: Envoy_Config_Core_V3_Node?, _ refusal: String?) {
            state.withLock { state in
                if let node { state.nodes.append(node.id) }
                if let refusal { state.refusals.append(refusal) }
            }
        }
    }

    let world: [ResourceKind: [String: PackedResource]]
    let record = Record()

    /// Runs `body` beside it.
    func serving(_ body: (EndpointAddress) async throws -> Void) async throws {
        let server = GRPCServer(
            transport: .http2NIOPosix(address: .ipv4(host: "127.0.0.1", port: 0), transportSecurity: .plaintext),
            services: [Service(world: world, record: record)]
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.serve() }
            let port = try await server.listeningAddress?.ipv4?.port ?? 0
            try await body(EndpointAddress(host: "127.0.0.1", port: UInt16(port)))
            server.beginGracefulShutdown()
            while let result = await group.nextResult() { _ = result }
        }
    }

    private struct Service: Envoy_Service_Discovery_V3_AggregatedDiscoveryService.SimpleServiceProtocol {
        let world: [ResourceKind: [String: PackedResource]]
        let record: Record

        private func resources(_ kind: ResourceKind, _ names: Set<String>) -> [(String, Google_Protobuf_Any)] {
            (world[kind] ?? [:]).filter { kind.isFullState || names.contains($0.key) }.sorted { $0.key < $1.key }.map {
                ($0.key, Google_Protobuf_Any(typeName: $0.value.typeName, bytes: $0.value.bytes))
            }
        }

        func streamAggregatedResources(
            request: RPCAsyncSequence<Envoy_Service_Discovery_V3_DiscoveryRequest, any Error>,
            response: RPCWriter<Envoy_Service_Discovery_V3_DiscoveryResponse>,
            context: ServerContext
        ) async throws {
            var told: [ResourceKind: [String]] = [:]
            for try await message in request {
                record.heard(
                    message.hasNode ? message.node : nil,
                    message.hasErrorDetail ? message.errorDetail.message : nil
                )
                guard let kind = ResourceKind(typeURL: message.typeURL), told[kind] != message.resourceNames else {
                    continue
                }
                told[kind] = message.resourceNames
                var answer = Envoy_Service_Discovery_V3_DiscoveryResponse()
                answer.typeURL = kind.typeURL
                answer.versionInfo = "2026-11-23T00:00:00Z/1"
                answer.nonce = "\(kind) \(message.resourceNames.count)"
                answer.resources = resources(kind, Set(message.resourceNames)).map(\.1)
                try await response.write(answer)
            }
        }

        func deltaAggregatedResources(
            request: RPCAsyncSequence<Envoy_Service_Discovery_V3_DeltaDiscoveryRequest, any Error>,
            response: RPCWriter<Envoy_Service_Discovery_V3_DeltaDiscoveryResponse>,
            context: ServerContext
        ) async throws {
            var told: [ResourceKind: Set<String>] = [:]
            for try await message in request {
                record.heard(
                    message.hasNode ? message.node : nil,
                    message.hasErrorDetail ? message.errorDetail.message : nil
                )
                guard let kind = ResourceKind(typeURL: message.typeURL) else { continue }
                let isFirst = told[kind] == nil
                let news = resources(kind, Set(message.resourceNamesSubscribe)).filter {
                    told[kind, default: []].insert($0.0).inserted
                }
                guard isFirst || !news.isEmpty else { continue }
                var answer = Envoy_Service_Discovery_V3_DeltaDiscoveryResponse()
                answer.typeURL = kind.typeURL
                answer.nonce = "\(kind) \(told[kind, default: []].count)"
                answer.resources = news.map { name, resource in
                    .with {
                        $0.name = name
                        $0.version = "1"
                        $0.resource = resource
                    }
                }
                told[kind, default: []].formUnion(news.map(\.0))
                try await response.write(answer)
            }
        }
    }
}
