// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
public import MeshCore
import NIOCore
import ServiceMesh

/// Asks a control plane what its authority has everybody trust, and which certificates it took back.
public struct AuthorityClient: Sendable {
    /// The longest answer, in bytes: lists of 100 000 certificates.
    static let maximumBodySize = 8 << 20

    private let endpoint: Endpoint
    private let token: String
    private let transport: HTTPTransport
    private let timeout: Nanoseconds

    /// Creates a client.
    /// - Parameters:
    ///   - controlPlane: Where the registry listens.
    ///   - token: What proves to the control plane that this process may ask.
    ///   - transport: What carries the requests.
    ///   - security: How connections are protected. Default: not at all; what is asked for is public, and signed.
    ///   - timeout: How long an answer may take. Default 10 s.
    public init(
        controlPlane: EndpointAddress,
        token: String,
        transport: HTTPTransport,
        security: Endpoint.Security = .plaintext,
        timeout: Nanoseconds = .seconds(10)
    ) {
        self.endpoint = Endpoint(address: controlPlane, security: security)
        self.token = token
        self.transport = transport
        self.timeout = timeout
    }

    /// The roots of the trust domain as PEM, the one in use first.
    /// - Throws: `MeshError` if there is no answer, or another one than 200.
    public func roots() async throws -> String { try await text("/v1/authority/roots") }

    /// The revocation lists of the trust domain as PEM, one for each of the authority's keys: what `RevocationRefresh` asks
    /// for.
    /// - Throws: `MeshError` if there is no answer, or another one than 200.
    public func revocationLists() async throws -> String { try await text("/v1/authority/crl") }

    private func text(_ path: String) async throws -> String {
        let head = HTTPRequest(
            method: .get,
            scheme: "http",
            authority: endpoint.address.description,
            path: path,
            headerFields: [.authorization: "Bearer \(token)"]
        )
        let now = transport.configuration.clock.now
        var context = CallContext(now: now, deadline: Deadline(timeout, after: now))
        context.endpoint = endpoint
        return try await transport.withResponse(to: OutboundRequest(head, body: .none), context: &context) { response in
            guard response.head.status == .ok else {
                throw MeshError(
                    response.head.status == .unauthorized ? .unauthorized : .connectionFailed,
                    origin: .upstream,
                    requestState: .answered,
                    message:
                        "the control plane at \(endpoint.address) answers \(path) with \(response.head.status.code)"
                )
            }
            return String(buffer: try await response.body.collect(upTo: Self.maximumBodySize))
        }
    }
}
