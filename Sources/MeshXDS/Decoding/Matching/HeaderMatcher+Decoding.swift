// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import SwiftProtobuf

extension HeaderMatcher {
    private static let read = ReadFields(
        Envoy_Config_Route_V3_HeaderMatcher.self,
        "name",
        "exact_match",
        "safe_regex_match",
        "range_match",
        "present_match",
        "prefix_match",
        "suffix_match",
        "contains_match",
        "string_match",
        "invert_match",
        "treat_missing_header_as_empty"
    )

    /// Decodes a matcher, in its present form or one of the older ones.
    /// - Returns: `nil`, with a problem, if its name or pattern is bad, or if it has a condition that is not known.
    init?(_ message: Envoy_Config_Route_V3_HeaderMatcher, at path: FieldPath, _ context: inout DecodingContext) {
        // An unknown field may be the condition itself; without it the matcher would only ask for presence.
        let others = Self.read.others(in: message)
        for name in others { context.reject(path[name], "is not supported") }
        let name = HeaderName(message.name)
        guard name.isValid else {
            context.reject(path["name"], "\"\(message.name)\" is no header name")
            return nil
        }
        guard others.isEmpty, let condition = Self.condition(message, at: path, &context) else { return nil }
        self.init(
            name,
            condition,
            isInverted: message.invertMatch,
            treatsMissingAsEmpty: message.treatMissingHeaderAsEmpty
        )
    }

    private static func condition(
        _ message: Envoy_Config_Route_V3_HeaderMatcher,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Condition? {
        var matcher = Envoy_Type_Matcher_V3_StringMatcher()
        let field: String
        switch message.headerMatchSpecifier {
        case .presentMatch(let isPresent): return .present(isPresent)
        case .rangeMatch(let range): return .range(start: range.start, end: range.end)
        case nil: return .present(true)
        case .stringMatch(let stringMatch): (field, matcher) = ("string_match", stringMatch)
        case .exactMatch(let text): (field, matcher.exact) = ("exact_match", text)
        case .safeRegexMatch(let regex): (field, matcher.safeRegex) = ("safe_regex_match", regex)
        case .prefixMatch(let text): (field, matcher.prefix) = ("prefix_match", text)
        case .suffixMatch(let text): (field, matcher.suffix) = ("suffix_match", text)
        case .containsMatch(let text): (field, matcher.contains) = ("contains_match", text)
        }
        return StringMatcher(matcher, at: path[field], &context).map(Condition.value)
    }
}

extension Envoy_Config_Route_V3_HeaderMatcher {
    /// Encodes a matcher.
    init(_ matcher: HeaderMatcher) {
        self.init()
        name = matcher.name.lowercased
        switch matcher.condition {
        case .value(let value): stringMatch = Envoy_Type_Matcher_V3_StringMatcher(value)
        case .present(let isPresent): presentMatch = isPresent
        case .range(let start, let end):
            rangeMatch.start = start
            rangeMatch.end = end
        }
        invertMatch = matcher.isInverted
        treatMissingHeaderAsEmpty = matcher.treatsMissingAsEmpty
    }
}
