// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import GRPCNIOTransportHTTP2
import MeshXDS

/// Incremental clients that ask for clusters and their endpoints and take whatever they get, as cheaply as gRPC allows:
/// what is measured is the server.
struct SubscribedClients {
    private typealias Request = Envoy_Service_Discovery_V3_DeltaDiscoveryRequest
    private typealias Service = Envoy_Service_Discovery_V3_AggregatedDiscoveryService

    private let port: UInt16
    private let count: Int
    private let connections: Int
    private let names: [String]

    init(_ options: PushBenchmark, port: UInt16) {
        self.port = port
        self.count = options.clients
        self.connections = options.connections
        self.names = (0..<options.clusters).map { "c\($0)" }
    }

    /// Has the clients connected for as long as `body` takes.
    func follow<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for connection in 0..<connections {
                let streams = stride(from: connection, to: count, by: connections).map(\.self)
                group.addTask {
                    do {
                        try await run(streams)
                    } catch  where !Task.isCancelled {
                        print("a connection's clients ended: \(error)")
                    }
                }
            }
            let value = try await body()
            group.cancelAll()
            // They end because they were cancelled, each with an error of its own for it.
            while let ended = await group.nextResult() { _ = ended }
            return value
        }
    }

    private func run(_ streams: [Int]) async throws {
        let transport = try HTTP2ClientTransport.Posix(
            target: .ipv4(address: "127.0.0.1", port: Int(port)),
            transportSecurity: .plaintext
        )
        try await withGRPCClient(transport: transport) { client in
            let service = Service.Client(wrapping: client)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for stream in streams { group.addTask { try await follow(stream, service) } }
                try await group.waitForAll()
            }
        }
    }

    private func follow(_ number: Int, _ service: Service.Client<HTTP2ClientTransport.Posix>) async throws {
        let (requests, sink) = AsyncStream.makeStream(of: Request.self, bufferingPolicy: .bufferingOldest(16))
        var clusters = Request()
        clusters.node.id = "client-\(number)"
        clusters.node.userAgentName = "swift-service-mesh"
        clusters.typeURL = ResourceKind.cluster.typeURL
        clusters.resourceNamesSubscribe = ["*"]
        var endpoints = Request()
        endpoints.typeURL = ResourceKind.endpointAssignment.typeURL
        endpoints.resourceNamesSubscribe = names
        sink.yield(clusters)
        sink.yield(endpoints)
        let call = StreamingClientRequest<Request> { writer in
            for await request in requests { try await writer.write(request) }
        }
        try await service.deltaAggregatedResources(request: call) { response in
            for try await message in response.messages {
                var answer = Request()
                answer.typeURL = message.typeURL
                answer.responseNonce = message.nonce
                sink.yield(answer)
            }
            sink.finish()
        }
    }
}
