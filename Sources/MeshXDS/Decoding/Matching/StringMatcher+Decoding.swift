// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import SwiftProtobuf

extension StringMatcher {
    private static let read = ReadFields(
        Envoy_Type_Matcher_V3_StringMatcher.self,
        "exact",
        "prefix",
        "suffix",
        "safe_regex",
        "contains",
        "ignore_case"
    )

    /// Decodes a matcher.
    /// - Returns: `nil`, with a problem, if its pattern is missing, empty, bad or a custom one.
    init?(_ message: Envoy_Type_Matcher_V3_StringMatcher, at path: FieldPath, _ context: inout DecodingContext) {
        context.ignoreOthers(in: message, at: path, read: Self.read)
        let pattern: Pattern
        switch message.matchPattern {
        case .exact(let text): pattern = .exact(text)
        case .prefix(let text): pattern = .prefix(text)
        case .suffix(let text): pattern = .suffix(text)
        case .contains(let text): pattern = .contains(text)
        case .safeRegex(let regex):
            guard let expression = RegularExpression(regex, at: path["safe_regex"], &context) else { return nil }
            // `ignore_case` has no effect on expressions, as the API says.
            self.init(.regularExpression(expression))
            return
        case .custom:
            context.reject(path["custom"], "is not supported")
            return nil
        case nil:
            context.reject(path, "has no pattern")
            return nil
        }
        if pattern.isEmptyPart {
            context.reject(path, "is empty; only exact may be")
            return nil
        }
        self.init(pattern, ignoresCase: message.ignoreCase)
    }
}

extension StringMatcher.Pattern {
    /// Whether it is a part of a text, and empty: Envoy and gRPC refuse that.
    fileprivate var isEmptyPart: Bool {
        switch self {
        case .prefix(let text), .suffix(let text), .contains(let text): text.isEmpty
        case .exact, .regularExpression: false
        }
    }
}

extension Envoy_Type_Matcher_V3_StringMatcher {
    /// Encodes a matcher.
    init(_ matcher: StringMatcher) {
        self.init()
        matchPattern =
            switch matcher.pattern {
            case .exact(let text): .exact(text)
            case .prefix(let text): .prefix(text)
            case .suffix(let text): .suffix(text)
            case .contains(let text): .contains(text)
            case .regularExpression(let expression): .safeRegex(Envoy_Type_Matcher_V3_RegexMatcher(expression))
            }
        ignoreCase = matcher.ignoresCase
    }
}
