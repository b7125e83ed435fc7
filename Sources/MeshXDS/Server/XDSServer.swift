// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import GRPCNIOTransportHTTP2
public import MeshCore

/// An xDS server, and Istio's certificate service beside it, on one address.
///
/// Any xDS v3 client may connect: it gets the resources in its own dialect, state of the world.
public final class XDSServer: Sendable {
    private let listener: XDSListener
    private let server: GRPCServer<HTTP2ServerTransport.Custom<XDSListener>>

    /// Creates a server.
    /// - Parameters:
    ///   - address: Where it listens. Port 0 lets the system choose.
    ///   - provider: What it serves.
    ///   - signer: Who signs certificates; without one the service answers that it is not there.
    public init(
        address: EndpointAddress,
        provider: any XDSResourceProvider,
        signer: (any CertificateSigner)? = nil
    ) {
        let listener = XDSListener(address: address)
        let transport = HTTP2ServerTransport.Custom(listenerFactory: listener)
        var services: [any RegistrableRPCService] = [DiscoveryService(provider: provider)]
        if let signer { services.append(CertificateService(signer: signer)) }
        self.listener = listener
        self.server = GRPCServer(transport: transport, services: services)
    }

    /// Serves until the task is cancelled; then every stream ends and every connection is closed.
    public func run() async throws {
        // A stream that arrives while gRPC's tasks are cancelled is released unfinished, which traps in SwiftNIO. So they
        // are not: this function owns the task, awaits it, and ends it by closing what it serves.
        let serving = Task { [server] in try await server.serve() }
        try await withTaskCancellationHandler {
            try await serving.value
        } onCancel: {
            server.beginGracefulShutdown()
            listener.close()
        }
    }

    /// Where it listens, once it does.
    /// - Throws: `RPCError` if it does not listen, or no longer.
    public var listeningAddress: EndpointAddress {
        get async throws {
            guard let address = await server.transport.listeningAddress else {
                throw RPCError(code: .unavailable, message: "the xDS server does not listen")
            }
            if let ipv4 = address.ipv4 { return EndpointAddress(host: ipv4.host, port: UInt16(clamping: ipv4.port)) }
            if let ipv6 = address.ipv6 { return EndpointAddress(host: ipv6.host, port: UInt16(clamping: ipv6.port)) }
            return EndpointAddress(unixSocketPath: address.unixDomainSocket?.path ?? "")
        }
    }
}
