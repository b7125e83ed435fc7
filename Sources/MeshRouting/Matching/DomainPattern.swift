// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The domain of a virtual host: a name, `*suffix`, `prefix*` or `*` (`envoy.config.route.v3.VirtualHost.domains`).
public enum DomainPattern: Hashable, Sendable {
    /// The whole authority equals, port included where the pattern has one.
    case exact(String)
    /// The authority ends with it (`*.example.com` holds `.example.com`) and is longer.
    case suffix(String)
    /// The authority starts with it (`www.*` holds `www.`) and is longer.
    case prefix(String)
    /// Every authority.
    case any

    /// Parses a pattern; ASCII letters are lower-cased, since host names have no case.
    /// - Returns: `nil` if it is empty or has a `*` anywhere but at one end.
    public init?(_ text: String) {
        let text = String(decoding: text.utf8.map { (65...90).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
        if text == "*" {
            self = .any
            return
        }
        guard !text.isEmpty else { return nil }
        if text.hasPrefix("*") {
            let rest = text.dropFirst()
            guard !rest.contains("*") else { return nil }
            self = .suffix(String(rest))
        } else if text.hasSuffix("*") {
            let rest = text.dropLast()
            guard !rest.contains("*") else { return nil }
            self = .prefix(String(rest))
        } else {
            guard !text.contains("*") else { return nil }
            self = .exact(text)
        }
    }

    /// The pattern as it is written in configuration.
    public var text: String {
        switch self {
        case .exact(let name): name
        case .suffix(let suffix): "*" + suffix
        case .prefix(let prefix): prefix + "*"
        case .any: "*"
        }
    }
}
