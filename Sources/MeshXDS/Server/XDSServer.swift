// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import GRPCNIOTransportHTTP2
public import MeshCore

/// An xDS server, and Istio's certificate service beside it, on one address.
///
/// Any xDS v3 client may connect: it gets the resources in its own dialect, state of the world.
public final class XDSServer: Sendable {
    private let server: GRPCServer<HTTP2ServerTransport.Posix>

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
        let transport = HTTP2ServerTransport.Posix(
            address: .init(address),
            transportSecurity: .plaintext
        )
        var services: [any RegistrableRPCService] = [DiscoveryService(provider: provider)]
        if let signer { services.append(CertificateService(signer: signer)) }
        self.server = GRPCServer(transport: transport, services: services)
    }

    /// Serves until the task is cancelled.
    public func run() async throws {
        try await server.serve()
    }

    /// Where it listens, once it does.
    public var listeningAddress: EndpointAddress {
        get async throws {
            let address = try await server.transport.listeningAddress
            if let ipv4 = address.ipv4 { return EndpointAddress(host: ipv4.host, port: UInt16(clamping: ipv4.port)) }
            if let ipv6 = address.ipv6 { return EndpointAddress(host: ipv6.host, port: UInt16(clamping: ipv6.port)) }
            return EndpointAddress(unixSocketPath: address.unixDomainSocket?.path ?? "")
        }
    }
}

extension GRPCNIOTransportHTTP2.SocketAddress {
    /// An address as gRPC names it.
    init(_ address: EndpointAddress) {
        guard let port = address.port else {
            self = .unixDomainSocket(path: address.host)
            return
        }
        self =
            address.host.utf8.contains(UInt8(ascii: ":"))
            ? .ipv6(host: address.host, port: Int(port)) : .ipv4(host: address.host, port: Int(port))
    }
}
