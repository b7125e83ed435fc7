// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Which TLS is spoken with delivered secrets (`envoy.extensions.transport_sockets.tls.v3.TlsParameters`).
public struct TLSParameters: Hashable, Sendable {
    /// The versions of TLS.
    public enum Version: Int, Hashable, Sendable, Comparable, CaseIterable {
        /// TLS 1.0.
        case tls10
        /// TLS 1.1.
        case tls11
        /// TLS 1.2.
        case tls12
        /// TLS 1.3.
        case tls13

        /// Whether one is older than the other.
        public static func < (lhs: Version, rhs: Version) -> Bool { lhs.rawValue < rhs.rawValue }
    }

    /// The oldest version that is taken. Default `nil`: TLS 1.2, which is Envoy's for both ends.
    public var minimumVersion: Version?
    /// The newest version that is taken. Default `nil`: TLS 1.3; Envoy's clients stop at 1.2 unless they are told otherwise.
    public var maximumVersion: Version?
    /// The cipher suites of TLS 1.2 and older, in OpenSSL's names and in the order of preference.
    ///
    /// Default empty: the TLS library's. At most 64. Those of TLS 1.3 are not for configurations to choose.
    public var cipherSuites: [String]

    /// Creates parameters.
    public init(
        minimumVersion: Version? = nil,
        maximumVersion: Version? = nil,
        cipherSuites: [String] = []
    ) {
        self.minimumVersion = minimumVersion
        self.maximumVersion = maximumVersion
        self.cipherSuites = cipherSuites
    }
}
