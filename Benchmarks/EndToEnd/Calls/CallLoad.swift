// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import GRPCNIOTransportHTTP2
import MeshCore
import MeshGRPC
import MeshHTTP
import MeshXDS
import NIOPosix

/// grpc-swift's client over a transport: one unary call after the other from each task.
struct CallLoad<Transport: ClientTransport>: LoadClient, LoadWorker {
    let client: GRPCClient<Transport>

    func exchange() async throws -> Int {
        try await client.unary(
            request: ClientRequest(message: CallStage.message),
            descriptor: CallStage.method,
            serializer: RawCoder(),
            deserializer: RawCoder(),
            options: .defaults
        ) { try $0.message.count }
    }
}

extension CallVariant {
    /// Loads a client of this process.
    /// - Parameters:
    ///   - plan: Its port is that of the server, or of the Envoy before it.
    ///   - controlPlane: The control plane's port.
    func run(_ plan: LoadPlan, controlPlane: UInt16) async throws -> LoadReport {
        switch self {
        case .core: return try await Self.load(AnsweringTransport(), plan)
        case .bare, .envoy:
            return try await Self.load(Self.bare(plan.port, MultiThreadedEventLoopGroup(numberOfThreads: 1)), plan)
        case .meshPlugged:
            let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
            let connections = EndpointTransports { try Self.bare($0.address.port ?? 0, group) }
            let target = "static:///127.0.0.1:\(plan.port)"
            let report = try await Self.load(try MeshClientTransport.mesh(target: target, transport: connections), plan)
            await connections.shutdown()
            return report
        case .meshDirect:
            let transport = TransportLoad.makeTransport()
            let target = "static:///127.0.0.1:\(plan.port)"
            let report = try await Self.load(try MeshClientTransport.mesh(target: target, transport: transport), plan)
            await transport.shutdown()
            return report
        case .meshXDS:
            let transport = TransportLoad.makeTransport()
            let bootstrap = Bootstrap(
                server: EndpointAddress(host: "127.0.0.1", port: controlPlane),
                node: .init(id: "benchmark", cluster: CallStage.service)
            )
            let source = XDSConfigSource(
                bootstrap: bootstrap,
                targets: [XDSTarget(CallStage.service)],
                asksForAllListeners: false,
                rules: .grpc
            )
            let target = "xds:///\(CallStage.service)"
            let report = try await Self.load(
                try MeshClientTransport.mesh(target: target, sources: [source], transport: transport),
                plan
            )
            await transport.shutdown()
            return report
        case .grpcio, .grpcioXDS: throw LoadError("\(rawValue) is another program")
        }
    }

    private static func bare(
        _ port: UInt16,
        _ group: MultiThreadedEventLoopGroup
    ) throws -> HTTP2ClientTransport.Posix {
        try HTTP2ClientTransport.Posix(
            target: .ipv4(address: "127.0.0.1", port: Int(port)),
            transportSecurity: .plaintext,
            eventLoopGroup: group
        )
    }

    private static func load(_ transport: some ClientTransport, _ plan: LoadPlan) async throws -> LoadReport {
        try await withGRPCClient(transport: transport) { client in
            try await ClosedLoop(plan: plan).run(CallLoad(client: client))
        }
    }
}
