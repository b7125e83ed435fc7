// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension Cluster {
    /// Whether a text can be a server name indication: a DNS name in ASCII, which an address is not (RFC 6066 §3).
    ///
    /// The bound is that of Envoy's `UpstreamTlsContext.sni`. Underscores are taken, because Istio's gateways are asked
    /// for names such as `outbound_.80_._.reviews.default.svc.cluster.local`.
    package static func isServerName(_ text: String) -> Bool {
        guard (1...255).contains(text.utf8.count) else { return false }
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        guard labels.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(isNameByte) }) else { return false }
        // What ends in a number is an IPv4 address or a mistake; IPv6 addresses have colons.
        return labels.last.map { !$0.utf8.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains) } ?? false
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
