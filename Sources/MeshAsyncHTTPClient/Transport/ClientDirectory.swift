// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import AsyncHTTPClient
import MeshCore
import NIOSSL
import Synchronization

/// Which of AsyncHTTPClient's clients reaches an endpoint, and by which URL.
///
/// One client does for all but this: the server name of TLS is the host that is dialled, unless the client's
/// configuration maps that name to another host. So each pair of a name and another host takes a client.
final class ClientDirectory: Sendable {
    /// What a request says of its endpoint.
    struct Target {
        /// Scheme and authority of the URL.
        var prefix: String
        /// The request's own TLS configuration.
        var tls: TLSConfiguration?
    }

    private struct Key: Hashable {
        var serverName: String
        var host: String
    }

    private enum State {
        case open([Key: HTTPClient])
        case shutDown
    }

    private let configuration: AsyncHTTPClientTransport.Configuration
    private let main: HTTPClient
    private let state = Mutex(State.open([:]))

    init(_ configuration: AsyncHTTPClientTransport.Configuration) {
        self.configuration = configuration
        self.main = HTTPClient(
            eventLoopGroup: configuration.eventLoopGroup,
            configuration: configuration.overruled
        )
    }

    /// The client for an endpoint.
    /// - Throws: `connectionFailed` for an endpoint that AsyncHTTPClient cannot reach as it must be reached.
    func client(for endpoint: Endpoint) throws(MeshError) -> (HTTPClient, Target) {
        guard endpoint.proxy == nil else { throw Self.refusal("AsyncHTTPClient takes no proxy for an endpoint") }
        // What comes from a control plane must not change which host the URL names.
        guard endpoint.address.port == nil || ClientRequest.isValid(authority: endpoint.address.description) else {
            throw Self.refusal("the endpoint's host cannot stand in a URL")
        }
        guard endpoint.secrets == nil else {
            throw Self.refusal("AsyncHTTPClient cannot use secrets of a control plane, which the endpoint wants")
        }
        switch endpoint.security {
        case .plaintext:
            guard endpoint.connection.httpVersion != .http2 else {
                throw Self.refusal("AsyncHTTPClient speaks HTTP/2 over TLS only")
            }
            return (main, Target(prefix: "http\(Self.location(endpoint.address))"))
        case .mutualTLS:
            guard let tls = configuration.mutualTLSWithoutIdentityCheck else {
                throw Self.refusal("AsyncHTTPClient cannot check the identity of a peer, which the endpoint wants")
            }
            return (main, Target(prefix: "https\(Self.location(endpoint.address))", tls: tls))
        case .tls(let serverName):
            guard serverName != endpoint.address.host, let port = endpoint.address.port else {
                return (main, Target(prefix: "https\(Self.location(endpoint.address))"))
            }
            let named = EndpointAddress(host: serverName, port: port)
            guard ClientRequest.isValid(authority: named.description) else {
                throw Self.refusal("the endpoint's server name cannot stand in a URL")
            }
            let client = try client(Key(serverName: serverName, host: endpoint.address.host))
            return (client, Target(prefix: "https://\(named)"))
        }
    }

    private func client(_ key: Key) throws(MeshError) -> HTTPClient {
        let found: HTTPClient? = state.withLock { state in
            guard case .open(var clients) = state else { return nil }
            if let client = clients[key] { return client }
            guard clients.count < configuration.maximumServerNames else { return nil }
            var overruled = configuration.overruled
            overruled.dnsOverride[key.serverName] = key.host
            let client = HTTPClient(eventLoopGroup: configuration.eventLoopGroup, configuration: overruled)
            clients[key] = client
            state = .open(clients)
            return client
        }
        guard let found else {
            throw Self.refusal("the transport has no client left for another server name, or is shut down")
        }
        return found
    }

    /// Shuts every client down.
    func shutDown() async throws {
        let clients: [HTTPClient] = state.withLock { state in
            guard case .open(let clients) = state else { return [] }
            state = .shutDown
            return Array(clients.values)
        }
        for client in clients { try await client.shutdown() }
        try await main.shutdown()
    }

    /// What follows the scheme in a URL: `://host:port`, `+unix://PATH` with every byte of the path escaped that has to
    /// be.
    private static func location(_ address: EndpointAddress) -> String {
        guard address.port == nil else { return "://\(address)" }
        var escaped = "+unix://"
        for byte in address.host.utf8 {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                escaped.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                escaped += byte < 16 ? "%0" : "%"
                escaped += String(byte, radix: 16, uppercase: true)
            }
        }
        return escaped
    }

    private static func refusal(_ message: String) -> MeshError {
        MeshError(.connectionFailed, origin: .local, message: message)
    }
}
