// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// A text of Istio's authorization: as it is, `prefix*`, `*suffix`, or `*` for any that is not empty.
enum WildcardText: Hashable, Sendable {
    case exact(String)
    case prefix(String)
    case suffix(String)
    case any

    /// - Returns: `nil` if a `*` stands anywhere but at one end.
    init?(_ text: String) {
        let stars = text.utf8.count { $0 == UInt8(ascii: "*") }
        switch (text, stars) {
        case ("*", _): self = .any
        case (_, 0): self = .exact(text)
        case (_, 1) where text.hasSuffix("*"): self = .prefix(String(text.dropLast()))
        case (_, 1) where text.hasPrefix("*"): self = .suffix(String(text.dropFirst()))
        default: return nil
        }
    }

    /// The pattern by which texts are matched; `nil` for any, as no client takes an empty prefix.
    var pattern: StringMatcher.Pattern? {
        switch self {
        case .exact(let text): .exact(text)
        case .prefix(let text): .prefix(text)
        case .suffix(let text): .suffix(text)
        case .any: nil
        }
    }

    /// What a text must be that is not empty, as Istio writes it for any.
    var matcher: StringMatcher { StringMatcher(pattern ?? Self.something) }

    /// A condition on a header.
    var headerCondition: HeaderMatcher.Condition {
        pattern.map { .value(StringMatcher($0)) } ?? .present(true)
    }

    /// How many bytes it has beside the `*`.
    var length: Int {
        switch self {
        case .exact(let text), .prefix(let text), .suffix(let text): text.utf8.count
        case .any: 0
        }
    }

    /// Any text but the empty one. The expression is a good one; were it none, nothing would be meant.
    private static let something: StringMatcher.Pattern =
        (try? RegularExpression(".+")).map { .regularExpression($0) } ?? .exact("")
}
