// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The forms of names that Kubernetes knows.
enum KubernetesName {
    /// A DNS label (RFC 1123): 1 to 63 lower-case letters, digits and dashes, no dash at an end.
    static func isLabel(_ text: some StringProtocol) -> Bool {
        let bytes = Array(text.utf8)
        return (1...63).contains(bytes.count) && bytes.allSatisfy { isLowerAlphanumeric($0) || $0 == dash }
            && bytes.first != dash && bytes.last != dash
    }

    /// A DNS subdomain (RFC 1123): labels with dots between them, 253 characters at most.
    static func isSubdomain(_ text: some StringProtocol) -> Bool {
        text.utf8.count <= 253
            && text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { isLabel($0) }
    }

    /// The value of a label: empty, or at most 63 letters, digits, dashes, dots and underscores.
    static func isLabelValue(_ text: some StringProtocol) -> Bool {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, let last = bytes.last else { return true }
        let isInner = { (byte: UInt8) in
            isAlphanumeric(byte) || byte == dash || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
        }
        return bytes.count <= 63 && isAlphanumeric(first) && isAlphanumeric(last) && bytes.allSatisfy(isInner)
    }

    private static let dash = UInt8(ascii: "-")

    private static func isLowerAlphanumeric(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        isLowerAlphanumeric(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }
}
