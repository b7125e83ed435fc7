// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What must be true of the caller's certificate (`envoy.config.route.v3.RouteMatch.TlsContextMatchOptions`).
public struct CertificateCondition: Hashable, Sendable {
    /// Whether the caller has shown one; `nil` if that does not matter.
    public var isPresented: Bool?
    /// Whether it was verified; `nil` if that does not matter.
    public var isValidated: Bool?

    /// Creates a condition.
    public init(isPresented: Bool? = nil, isValidated: Bool? = nil) {
        self.isPresented = isPresented
        self.isValidated = isValidated
    }

    /// Whether the caller's certificate is as it must be. What came without TLS has shown none.
    public func isMet(by facts: RoutingFacts) -> Bool {
        (isPresented.map { $0 == facts.isCertificatePresented } ?? true)
            && (isValidated.map { $0 == facts.isCertificateValidated } ?? true)
    }
}
