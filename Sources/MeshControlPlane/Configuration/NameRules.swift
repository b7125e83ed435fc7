// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// What a name may look like.
struct NameRules: Sendable {
    let maximumLength: Int
    /// Bytes that may stand anywhere but at the ends.
    let inner: Set<UInt8>
    let allowsUpperCase: Bool
    let text: String

    /// A DNS label (RFC 1123 §2.1): services and namespaces.
    static let label = NameRules(
        maximumLength: 63,
        inner: [UInt8(ascii: "-")],
        allowsUpperCase: false,
        text: "lower-case letters, digits and inner dashes"
    )
    /// A DNS name (RFC 1123 §2.1): service accounts.
    static let subdomain = NameRules(
        maximumLength: 253,
        inner: [UInt8(ascii: "-"), UInt8(ascii: ".")],
        allowsUpperCase: false,
        text: "lower-case letters, digits and inner dashes and dots"
    )
    /// What fits into one segment of a URL without being escaped.
    static let identifier = NameRules(
        maximumLength: 128,
        inner: [UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: ":"), UInt8(ascii: "~")],
        allowsUpperCase: true,
        text: "letters, digits and inner -._:~"
    )
    /// The value of a Kubernetes label.
    static let labelValue = NameRules(
        maximumLength: 63,
        inner: [UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_")],
        allowsUpperCase: true,
        text: "letters, digits and inner -._"
    )
    /// The key of a Kubernetes label, its prefix included.
    static let labelKey = NameRules(
        maximumLength: 317,
        inner: [UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "/")],
        allowsUpperCase: true,
        text: "letters, digits and inner -._/"
    )

    /// Whether a name obeys.
    func accepts(_ name: String) -> Bool {
        let bytes = name.utf8
        guard let first = bytes.first, let last = bytes.last, bytes.count <= maximumLength else { return false }
        return isAlphanumeric(first) && isAlphanumeric(last)
            && bytes.allSatisfy { isAlphanumeric($0) || inner.contains($0) }
    }

    /// Notes a problem if a name does not obey.
    func check(_ name: String, _ path: String, _ problems: inout ProblemCollector) {
        problems.require(accepts(name), path, "must have 1 to \(maximumLength) characters: \(text)")
    }

    private func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): allowsUpperCase
        default: false
        }
    }
}
