// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

internal import GRPCCore
internal import GRPCNIOTransportHTTP2
public import MeshCore
public import MeshSecurity
internal import SwiftProtobuf

/// Asks a service who may pass over Envoy's protocol (`envoy.service.auth.v3`), on one connection that is kept.
///
/// It is reached while `run()` is running; whoever creates it runs it.
public struct ExternalAuthorizationClient: ExternalAuthorizer {
    private let client: GRPCClient<HTTP2ClientTransport.Posix>
    private let clock: any MeshClock

    /// Creates a client. It connects when it runs.
    /// - Parameters:
    ///   - address: Where the service listens.
    ///   - clock: What deadlines are measured by.
    /// - Throws: An error if the address cannot be resolved by gRPC.
    public init(address: EndpointAddress, clock: any MeshClock = SystemClock()) throws {
        self.client = GRPCClient(
            transport: try HTTP2ClientTransport.Posix(target: address.resolvableTarget, transportSecurity: .plaintext)
        )
        self.clock = clock
    }

    /// Keeps the connection until the task is cancelled or `beginGracefulShutdown` was called and all is answered.
    public func run() async throws {
        try await client.runConnections()
    }

    /// Asks nothing further; `run()` ends once what was asked is answered.
    public func beginGracefulShutdown() {
        client.beginGracefulShutdown()
    }

    /// Asks whether a request may pass.
    /// - Throws: `RPCError` if the service does not answer in time or at all.
    public func check(_ question: AuthorizationQuestion, deadline: Deadline) async throws -> ExternalVerdict {
        let message = Envoy_Service_Auth_V3_CheckRequest(question)
        var options = CallOptions.defaults
        // A service that cannot be reached is none: the request must not wait for a connection.
        options.waitForReady = false
        if !deadline.isNever { options.timeout = deadline.remaining(at: clock.now).duration }
        let callOptions = options
        let response = try await Envoy_Service_Auth_V3_Authorization.Client(wrapping: client)
            .check(message, options: callOptions)
        return try ExternalVerdict(response)
    }
}
