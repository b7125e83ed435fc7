// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A workload's name in a trust domain: `spiffe://trust-domain/path` (the SPIFFE ID standard, §2).
public struct SPIFFEID: Hashable, Sendable, CustomStringConvertible {
    /// The trust domain: lower-case letters, digits, `.`, `-` and `_`; 255 characters at most.
    public let trustDomain: String
    /// The path with its leading slash; empty for the trust domain itself.
    public let path: String

    /// Parses an identity.
    /// - Throws: `ConfigurationError` if it breaks the standard: another scheme, user, port, query, fragment or percent
    ///   encoding, an empty or relative path segment, characters outside the allowed ones, or more than 2048 bytes.
    public init(_ text: String) throws(ConfigurationError) {
        guard text.utf8.count <= 2048 else {
            throw ConfigurationError(path: "", "a SPIFFE ID has at most 2048 bytes, this one \(text.utf8.count)")
        }
        let scheme = "spiffe://"
        guard text.utf8.starts(with: scheme.utf8) else {
            throw ConfigurationError(path: "", "a SPIFFE ID begins with spiffe://")
        }
        // By bytes: as a character, the last slash could carry combining marks, which would vanish with it.
        let rest = text[text.utf8.index(text.startIndex, offsetBy: scheme.utf8.count)...]
        let slash = rest.utf8.firstIndex(of: UInt8(ascii: "/")) ?? rest.endIndex
        let domain = rest[..<slash]
        let path = rest[slash...]
        guard !domain.isEmpty, domain.utf8.count <= 255, domain.utf8.allSatisfy(Self.isDomainByte) else {
            throw ConfigurationError(
                path: "",
                "a trust domain has 1 to 255 lower-case letters, digits, dots, dashes and underscores"
            )
        }
        for segment in path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropFirst() {
            guard !segment.elementsEqual(".".utf8), !segment.elementsEqual("..".utf8), !segment.isEmpty,
                segment.allSatisfy(Self.isPathByte)
            else {
                throw ConfigurationError(
                    path: "",
                    "a path segment is not empty, not . or .., and has letters, digits, dots, dashes and underscores"
                )
            }
        }
        self.trustDomain = String(domain)
        self.path = String(path)
    }

    /// The identity of a Kubernetes service account, as Istio names it.
    /// - Throws: `ConfigurationError` if a part has characters that a SPIFFE ID may not have.
    public init(trustDomain: String, namespace: String, serviceAccount: String) throws(ConfigurationError) {
        try self.init("spiffe://\(trustDomain)/ns/\(namespace)/sa/\(serviceAccount)")
    }

    /// The identity as it stands in a certificate.
    public var description: String { "spiffe://\(trustDomain)\(path)" }

    /// Namespace and service account, if the path has Istio's form `/ns/NAMESPACE/sa/ACCOUNT`.
    public var serviceAccount: (namespace: String, name: String)? {
        let parts = path.split(separator: "/")
        guard parts.count == 4, parts[0] == "ns", parts[2] == "sa" else { return nil }
        return (String(parts[1]), String(parts[3]))
    }

    private static func isDomainByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    private static func isPathByte(_ byte: UInt8) -> Bool {
        isDomainByte(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }
}
