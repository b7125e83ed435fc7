// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import GRPCNIOTransportHTTP2
import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshXDS

/// Messages as they are.
struct RawCoder: MessageSerializer, MessageDeserializer {
    func serialize<Bytes: GRPCContiguousBytes>(_ message: [UInt8]) throws -> Bytes { Bytes(message) }

    func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> [UInt8] {
        bytes.withUnsafeBytes { Array($0) }
    }
}

/// What all clients call: grpc-swift's own server, and a control plane that knows it as `orders`.
struct CallStage {
    /// Where the two listen.
    struct Ports: Codable {
        var server: UInt16
        var controlPlane: UInt16
    }

    static let method = MethodDescriptor(fullyQualifiedService: "bench.Orders", method: "Get")
    /// The service's name, as clients call it.
    static let service = "orders"
    static let message = [UInt8](repeating: UInt8(ascii: "a"), count: ResponseSize.small.byteCount)

    private struct Orders: RegistrableRPCService {
        func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
            router.registerHandler(
                forMethod: CallStage.method,
                deserializer: RawCoder(),
                serializer: RawCoder(),
                handler: { request, _ in
                    for try await _ in request.messages {}
                    return StreamingServerResponse { writer in
                        try await writer.write(CallStage.message)
                        return [:]
                    }
                }
            )
        }
    }

    /// Serves until the task is cancelled.
    /// - Parameter ready: Is told where, once.
    static func serve(_ ready: @escaping @Sendable (Ports) throws -> Void) async throws {
        let transport = HTTP2ServerTransport.Posix(
            address: .ipv4(host: "127.0.0.1", port: 0),
            transportSecurity: .plaintext
        )
        let server = GRPCServer(transport: transport, services: [Orders()])
        let cache = SnapshotCache { _ in service }
        let controlPlane = XDSServer(address: EndpointAddress(host: "127.0.0.1", port: 0), provider: cache)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.serve() }
            group.addTask { try await controlPlane.run() }
            guard let port = try await transport.listeningAddress.ipv4.flatMap({ UInt16(exactly: $0.port) }) else {
                throw HarnessError("the server does not listen")
            }
            try cache.publish(resources(port), to: service)
            guard let xds = try await controlPlane.listeningAddress.port else {
                throw HarnessError("the control plane does not listen")
            }
            try ready(Ports(server: port, controlPlane: xds))
            try await group.next()
        }
    }

    private static func resources(_ port: UInt16) -> MeshResources {
        let retry = RetryPolicy.grpc(
            maximumAttempts: 3,
            initialBackoff: .milliseconds(25),
            maximumBackoff: .milliseconds(250),
            backoffMultiplier: 2,
            conditions: [.grpcUnavailable]
        )
        // No timeout, as the calls of the other clients have none either.
        let route = Route(
            match: RouteMatch(path: PathMatcher(.prefix("/bench.Orders/"))),
            action: .forward(.init(clusters: WeightedClusters(single: service), retry: retry))
        )
        let host = VirtualHost(name: service, domains: [.any], routes: [route])
        let ejection = OutlierDetection(
            mode: .grpc,
            successRate: nil,
            failurePercentage: .init(threshold: 85, minimumEndpoints: 5, requestVolume: 50, enforcing: 100)
        )
        return MeshResources(
            listeners: [Listener(name: service, routes: .named(service))],
            routeConfigurations: [RouteConfiguration(name: service, virtualHosts: [host])],
            clusters: [Cluster(name: service, outlierDetection: ejection)],
            endpointAssignments: [
                EndpointAssignment(name: service, addresses: [EndpointAddress(host: "127.0.0.1", port: port)])
            ]
        )
    }
}
