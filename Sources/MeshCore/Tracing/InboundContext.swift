// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What outbound calls inherit from the request that is being served, without the application touching a header.
///
/// Server adapters bind it around the handler. It is the one piece of task-local state in the mesh.
public struct InboundContext: Sendable {
    /// The server's span, the parent of outbound requests.
    public var trace: TraceContext
    /// When the caller stops waiting. Outbound calls never wait longer.
    public var deadline: Deadline
    /// The identity that the caller proved by its certificate (`spiffe://…`), if it proved one.
    public var peerIdentity: String?

    /// The names of the certificate that the caller proved to own; `nil` if it showed none, or nobody read it.
    public var peerCertificate: PeerCertificate?

    /// Creates an inbound context.
    public init(
        trace: TraceContext,
        deadline: Deadline = .never,
        peerIdentity: String? = nil,
        peerCertificate: PeerCertificate? = nil
    ) {
        self.peerCertificate = peerCertificate
        self.trace = trace
        self.deadline = deadline
        self.peerIdentity = peerIdentity
    }

    /// The context of the request that the current task serves, if it serves one.
    @TaskLocal public static var current: InboundContext?
}
