// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// How a server behaves toward requests, apart from what the mesh's configuration says.
public struct InboundConfiguration: Sendable {
    /// The most requests that may be under way at once; the next one is refused with a 503 and `x-envoy-overloaded: true`.
    ///
    /// At least 1; default `nil` for no limit, as Envoy has none before its overload manager is set up.
    public var maximumConcurrentRequests: Int?
    /// The path that says whether the process lives, such as `/livez`. Default `nil`: nothing is answered.
    ///
    /// Both health paths are answered before authorization and before any limit, to whoever asks: they say nothing but
    /// a word. They leave no record.
    public var livenessPath: String?
    /// The path that says whether the service takes requests, such as `/readyz`. Default `nil`: nothing is answered.
    ///
    /// It is ready while the mesh has a configuration (or none is to come), `isReady` says so, and it does not drain.
    public var readinessPath: String?
    /// What else must hold for the service to be ready: that its identity is there, say. Called from any thread, for
    /// each question; it must not block. Default: nothing.
    public var isReady: @Sendable () -> Bool
    /// Whether a handler is cancelled, and its caller answered by a 504, when the caller's deadline passes.
    ///
    /// The deadline comes from `x-envoy-expected-rq-timeout-ms` and `grpc-timeout`. Default `true`.
    public var enforcesCallerDeadline: Bool
    /// Whether `x-forwarded-client-cert` is left as callers write it, for servers that only a proxy can reach.
    ///
    /// Nothing in the mesh believes it. Default `false`: it is removed, Envoy's `forward_client_cert_details: SANITIZE`.
    public var keepsForwardedCertificates: Bool

    /// Creates a configuration.
    /// - Precondition: `maximumConcurrentRequests` is at least 1.
    public init(
        maximumConcurrentRequests: Int? = nil,
        livenessPath: String? = nil,
        readinessPath: String? = nil,
        isReady: @escaping @Sendable () -> Bool = { true },
        enforcesCallerDeadline: Bool = true,
        keepsForwardedCertificates: Bool = false
    ) {
        self.keepsForwardedCertificates = keepsForwardedCertificates
        precondition(maximumConcurrentRequests.map { $0 >= 1 } ?? true, "a server takes at least one request")
        self.maximumConcurrentRequests = maximumConcurrentRequests
        self.livenessPath = livenessPath
        self.readinessPath = readinessPath
        self.isReady = isReady
        self.enforcesCallerDeadline = enforcesCallerDeadline
    }
}
