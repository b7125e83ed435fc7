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
    /// The cipher suites of TLS 1.2 and older, in OpenSSL's names and in the order of preference; `[A|B]` for those that
    /// are preferred alike.
    ///
    /// Default empty: the TLS library's. At most 64, of those that Envoy documents for its `cipher_suites`. Those of TLS
    /// 1.3 are not for configurations to choose.
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

    /// The first of the cipher suites that is none, if there is one: TLS libraries skip such names, and some end the
    /// process over a list of nothing else.
    public var unknownCipherSuite: String? {
        cipherSuites.first { entry in
            let isGroup = entry.hasPrefix("[") && entry.hasSuffix("]") && entry.utf8.count > 2
            let names = isGroup ? entry.dropFirst().dropLast() : entry[...]
            let parts = names.split(separator: "|", omittingEmptySubsequences: false)
            return !isGroup && parts.count > 1 || !parts.allSatisfy { Self.knownCipherSuites.contains(String($0)) }
        }
    }

    private static let knownCipherSuites: Set<String> = [
        "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
        "ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA", "ECDHE-RSA-AES256-SHA",
        "AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA", "AES256-SHA",
    ]
}
