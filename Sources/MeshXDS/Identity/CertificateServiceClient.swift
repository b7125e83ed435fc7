// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import GRPCNIOTransportHTTP2
public import MeshCore
import NIOCore
import NIOPosix
public import NIOSSL

/// Asks a certificate authority for certificates, over Istio's certificate service.
public struct CertificateServiceClient: Sendable {
    private let address: EndpointAddress
    private let timeout: Duration
    private let makeHandler: (@Sendable () throws -> NIOSSLClientHandler)?

    /// Creates a client. It opens a connection for each request: they are rare.
    /// - Parameters:
    ///   - address: Where the authority listens.
    ///   - timeout: How long a request may take. Default 10 s.
    ///   - makeHandler: Makes the TLS handler of a connection, which offers `h2` by ALPN: for an identity that has a
    ///     certificate, `{ try identity.makeClientHandler(acceptedIdentities: […], httpVersion: .http2) }`. The authority then
    ///     needs no token to give the same identity again. Default `nil`: in plaintext.
    public init(
        address: EndpointAddress,
        timeout: Duration = .seconds(10),
        makeHandler: (@Sendable () throws -> NIOSSLClientHandler)? = nil
    ) {
        self.address = address
        self.timeout = timeout
        self.makeHandler = makeHandler
    }

    /// Asks for a certificate with the token of a file, which is read each time: Kubernetes and others replace theirs.
    /// - Parameters:
    ///   - csrPEM: The certificate request.
    ///   - tokenFile: The path of the file. White space around the token does not count.
    ///   - validity: For how long it should be valid; zero leaves it to the authority.
    /// - Returns: The chain, leaf first and root last, in PEM.
    /// - Throws: `ConfigurationError` if the file cannot be read; `RPCError` with the authority's reason.
    public func create(csrPEM: String, tokenFile: String, validity: Nanoseconds) async throws -> [String] {
        let token = try BearerTokenFile(path: tokenFile).token()
        return try await create(csrPEM: csrPEM, token: token, validity: validity)
    }

    /// Asks for a certificate.
    /// - Parameters:
    ///   - csrPEM: The certificate request.
    ///   - token: What proves who asks; empty if the certificate of the connection does.
    ///   - validity: For how long it should be valid; zero leaves it to the authority.
    /// - Returns: The chain, leaf first and root last, in PEM.
    /// - Throws: `RPCError` with the authority's reason.
    public func create(csrPEM: String, token: String, validity: Nanoseconds) async throws -> [String] {
        var message = Istio_V1_Auth_IstioCertificateRequest()
        message.csr = csrPEM
        message.validityDuration = Int64(clamping: validity.rawValue / 1_000_000_000)
        var options = CallOptions.defaults
        options.timeout = timeout
        let request = message
        let callOptions = options
        let metadata: Metadata = token.isEmpty ? [:] : ["authorization": "Bearer \(token)"]
        if let makeHandler {
            return try await withGRPCClient(transport: protectedTransport(makeHandler)) { client in
                try await Istio_V1_Auth_IstioCertificateService.Client(wrapping: client)
                    .createCertificate(request, metadata: metadata, options: callOptions)
                    .certChain
            }
        }
        let transport = try HTTP2ClientTransport.Posix(
            target: address.resolvableTarget,
            transportSecurity: .plaintext
        )
        return try await withGRPCClient(transport: transport) { client in
            try await Istio_V1_Auth_IstioCertificateService.Client(wrapping: client)
                .createCertificate(request, metadata: metadata, options: callOptions)
                .certChain
        }
    }

    /// A connection with our TLS handler: gRPC's own would want the key.
    private func protectedTransport(
        _ makeHandler: @escaping @Sendable () throws -> NIOSSLClientHandler
    ) async throws -> HTTP2ClientTransport.WrappedChannel {
        let (host, port, limit) = (address.host, Int(address.port ?? 0), TimeAmount(timeout))
        return try await HTTP2ClientTransport.WrappedChannel.wrapping { configure in
            try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(limit)
                .connect(host: host, port: port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(makeHandler())
                    }
                    .flatMap { configure(channel) }
                }
        }
    }
}

extension EndpointAddress {
    /// The address as gRPC's resolvers take it.
    var resolvableTarget: any ResolvableTarget {
        guard let port else { return .unixDomainSocket(path: host) }
        return .dns(host: host, port: Int(port))
    }
}
