// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import GRPCNIOTransportHTTP2
public import MeshCore

/// Asks a certificate authority for certificates, over Istio's certificate service.
public struct CertificateServiceClient: Sendable {
    private let address: EndpointAddress
    private let timeout: Duration

    /// Creates a client. It opens a connection for each request: they are rare.
    /// - Parameters:
    ///   - address: Where the authority listens.
    ///   - timeout: How long a request may take. Default 10 s.
    public init(address: EndpointAddress, timeout: Duration = .seconds(10)) {
        self.address = address
        self.timeout = timeout
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
    ///   - token: What proves who asks.
    ///   - validity: For how long it should be valid; zero leaves it to the authority.
    /// - Returns: The chain, leaf first and root last, in PEM.
    /// - Throws: `RPCError` with the authority's reason.
    public func create(csrPEM: String, token: String, validity: Nanoseconds) async throws -> [String] {
        let transport = try HTTP2ClientTransport.Posix(
            target: address.resolvableTarget,
            transportSecurity: .plaintext
        )
        var message = Istio_V1_Auth_IstioCertificateRequest()
        message.csr = csrPEM
        message.validityDuration = Int64(clamping: validity.rawValue / 1_000_000_000)
        var options = CallOptions.defaults
        options.timeout = timeout
        let request = message
        let callOptions = options
        return try await withGRPCClient(transport: transport) { client in
            try await Istio_V1_Auth_IstioCertificateService.Client(wrapping: client)
                .createCertificate(request, metadata: ["authorization": "Bearer \(token)"], options: callOptions)
                .certChain
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
