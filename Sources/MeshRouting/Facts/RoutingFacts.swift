// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// What routing may know of a request besides its head.
///
/// Everything has a value for "nobody knows", which is what an outbound request of this process has.
public struct RoutingFacts: Sendable {
    /// One random number for the whole request: runtime fractions and weighted clusters are decided by it, so that all
    /// who ask get the same answer.
    public var random: UInt64
    /// Whether the request came, or goes, by TLS.
    public var isSecure: Bool
    /// Whether the caller has shown a certificate.
    public var isCertificatePresented: Bool
    /// Whether the caller's certificate was verified.
    public var isCertificateValidated: Bool
    /// The caller's IP address, without a port; `nil` if it has none or nobody knows.
    public var sourceAddress: String?
    /// What filters noted, by their namespace.
    public var metadata: [String: MetadataValue]
    /// Values that stand in place of the configuration's own, by their runtime keys
    /// (`RuntimeFractionalPercent.runtime_key`).
    public var runtime: [String: RuntimeValue]

    /// Creates the facts.
    public init(
        random: UInt64,
        isSecure: Bool = false,
        isCertificatePresented: Bool = false,
        isCertificateValidated: Bool = false,
        sourceAddress: String? = nil,
        metadata: [String: MetadataValue] = [:],
        runtime: [String: RuntimeValue] = [:]
    ) {
        self.random = random
        self.isSecure = isSecure
        self.isCertificatePresented = isCertificatePresented
        self.isCertificateValidated = isCertificateValidated
        self.sourceAddress = sourceAddress
        self.metadata = metadata
        self.runtime = runtime
    }
}
