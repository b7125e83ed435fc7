// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import SwiftProtobuf

extension MetadataMatcher {
    private static let read = ReadFields(
        Envoy_Type_Matcher_V3_MetadataMatcher.self,
        "filter",
        "path",
        "value",
        "invert"
    )

    /// Decodes a matcher.
    /// - Returns: `nil`, with a problem, if it is bad or has a condition that is not known.
    init?(_ message: Envoy_Type_Matcher_V3_MetadataMatcher, at path: FieldPath, _ context: inout DecodingContext) {
        let others = Self.read.others(in: message)
        for name in others { context.reject(path[name], "is not supported") }
        guard others.isEmpty, context.require(name: message.filter, at: path["filter"]) else { return nil }
        var keys: [String] = []
        for (position, segment) in message.path.enumerated() {
            guard context.require(name: segment.key, at: path["path", position]["key"]) else { return nil }
            keys.append(segment.key)
        }
        guard !keys.isEmpty else {
            context.reject(path["path"], "is empty")
            return nil
        }
        guard let condition = Condition(message.value, at: path["value"], &context) else { return nil }
        self.init(filter: message.filter, path: keys, condition, isInverted: message.invert)
    }
}

extension MetadataMatcher.Condition {
    /// Decodes a condition.
    /// - Returns: `nil`, with a problem, if it is bad or not known.
    init?(
        _ message: Envoy_Type_Matcher_V3_ValueMatcher,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        switch message.matchPattern {
        case .nullMatch: self = .null
        case .doubleMatch(let number):
            switch number.matchPattern {
            case .exact(let value): self = .equals(value)
            case .range(let range): self = .range(start: range.start, end: range.end)
            case nil:
                context.reject(path["double_match"], "has no condition")
                return nil
            }
        case .stringMatch(let text):
            guard let matcher = StringMatcher(text, at: path["string_match"], &context) else { return nil }
            self = .text(matcher)
        case .boolMatch(let value): self = .boolean(value)
        case .presentMatch(let isPresent): self = .present(isPresent)
        case .listMatch(let list):
            guard case .oneOf(let element) = list.matchPattern else {
                context.reject(path["list_match"], "has no condition")
                return nil
            }
            guard let element = Self(element, at: path["list_match"]["one_of"], &context) else { return nil }
            self = .contains(element)
        case .orMatch(let alternatives):
            let path = path["or_match"]
            guard alternatives.valueMatchers.count > 1 else {
                context.reject(path["value_matchers"], "must have at least 2 elements")
                return nil
            }
            var conditions: [Self] = []
            for (position, value) in alternatives.valueMatchers.enumerated() {
                guard let condition = Self(value, at: path["value_matchers", position], &context) else { return nil }
                conditions.append(condition)
            }
            self = .any(conditions)
        case nil:
            context.reject(path, "has no condition that is supported")
            return nil
        }
    }
}

extension Envoy_Type_Matcher_V3_MetadataMatcher {
    /// Encodes a matcher.
    init(_ matcher: MetadataMatcher) {
        self.init()
        filter = matcher.filter
        path = matcher.path.map { key in
            var segment = PathSegment()
            segment.key = key
            return segment
        }
        value = Envoy_Type_Matcher_V3_ValueMatcher(matcher.condition)
        invert = matcher.isInverted
    }
}

extension Envoy_Type_Matcher_V3_ValueMatcher {
    fileprivate init(_ condition: MetadataMatcher.Condition) {
        self.init()
        switch condition {
        case .null: nullMatch = NullMatch()
        case .equals(let value): doubleMatch.exact = value
        case .range(let start, let end):
            doubleMatch.range.start = start
            doubleMatch.range.end = end
        case .text(let matcher): stringMatch = Envoy_Type_Matcher_V3_StringMatcher(matcher)
        case .boolean(let value): boolMatch = value
        case .present(let isPresent): presentMatch = isPresent
        case .contains(let element): listMatch.oneOf = Self(element)
        case .any(let conditions): orMatch.valueMatchers = conditions.map { Self($0) }
        }
    }
}
