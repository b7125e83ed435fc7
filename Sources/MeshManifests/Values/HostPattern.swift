// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A host of a manifest: the full name of a service, or `*.suffix`, or `*`.
struct HostPattern: Hashable, Sendable {
    /// The pattern in lower case.
    let text: String

    /// The domain of Kubernetes services.
    static let serviceDomain = "svc.cluster.local"

    /// Parses a host.
    ///
    /// A short name belongs to the namespace of the manifest that has it, `NAME.NAMESPACE.svc` is completed, and
    /// everything else is taken as it stands, as Istio does.
    /// - Returns: `nil` if it is no host name.
    init?(_ name: String, namespace: String) {
        let name = name.lowercased()
        let rest = name.hasPrefix("*.") ? name.dropFirst(2) : name[...]
        guard name == "*" || Self.isHostName(rest) else { return nil }
        if name != "*", !name.contains(".") {
            text = "\(name).\(namespace).\(Self.serviceDomain)"
        } else if name.hasSuffix(".svc") {
            text = name + ".cluster.local"
        } else {
            text = name
        }
    }

    /// Whether it stands for more than one host.
    var isWildcard: Bool { text.hasPrefix("*") }

    /// Whether a host, in lower case, is meant.
    func matches(_ host: String) -> Bool {
        isWildcard ? host.utf8.count >= text.utf8.count && host.hasSuffix(text.dropFirst()) : host == text
    }

    /// How much of the host it says: the more the better it fits.
    var specificity: Int { isWildcard ? text.utf8.count : .max }

    private static func isHostName(_ name: some StringProtocol) -> Bool {
        guard !name.isEmpty, name.utf8.count <= 253 else { return false }
        return name.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            !label.isEmpty && label.utf8.count <= 63
                && label.utf8.allSatisfy { byte in
                    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                        || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
                }
        }
    }
}
