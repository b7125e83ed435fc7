// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import SwiftProtobuf

extension QueryParameterMatcher {
    private static let read = ReadFields(
        Envoy_Config_Route_V3_QueryParameterMatcher.self,
        "name",
        "string_match",
        "present_match"
    )

    /// Decodes a matcher; without a condition the parameter must be there.
    /// - Returns: `nil`, with a problem, if it is bad or has a condition that is not known.
    init?(
        _ message: Envoy_Config_Route_V3_QueryParameterMatcher,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        let others = Self.read.others(in: message)
        for name in others { context.reject(path[name], "is not supported") }
        guard others.isEmpty, context.require(name: message.name, atMost: 1024, at: path["name"]) else { return nil }
        switch message.queryParameterMatchSpecifier {
        case .stringMatch(let matcher):
            guard let matcher = StringMatcher(matcher, at: path["string_match"], &context) else { return nil }
            self.init(message.name, .value(matcher))
        case .presentMatch(let isPresent): self.init(message.name, .present(isPresent))
        case nil: self.init(message.name)
        }
    }
}

extension CookieMatcher {
    private static let read = ReadFields(
        Envoy_Config_Route_V3_CookieMatcher.self,
        "name",
        "string_match",
        "invert_match"
    )

    /// Decodes a matcher.
    /// - Returns: `nil`, with a problem, if it is bad or has a condition that is not known.
    init?(_ message: Envoy_Config_Route_V3_CookieMatcher, at path: FieldPath, _ context: inout DecodingContext) {
        let others = Self.read.others(in: message)
        for name in others { context.reject(path[name], "is not supported") }
        guard others.isEmpty, context.require(name: message.name, atMost: 1024, at: path["name"]),
            let value = StringMatcher(message.stringMatch, at: path["string_match"], &context)
        else { return nil }
        self.init(message.name, value, isInverted: message.invertMatch)
    }
}

extension DecodingContext {
    /// Notes a problem if a text is empty or longer than a bound in bytes.
    /// - Returns: Whether it is not.
    mutating func require(name: String, atMost bound: Int = .max, at path: FieldPath) -> Bool {
        if name.isEmpty {
            reject(path, "is empty")
        } else if name.utf8.count > bound {
            reject(path, "must be at most \(bound) bytes, has \(name.utf8.count)")
        } else {
            return true
        }
        return false
    }

    /// A header's name.
    /// - Returns: `nil`, with a problem, if it is none.
    mutating func headerName(_ text: String, at path: FieldPath) -> HeaderName? {
        let name = HeaderName(text)
        guard name.isValid else {
            reject(path, "\"\(text)\" is no header name")
            return nil
        }
        return name
    }
}

extension Envoy_Config_Route_V3_QueryParameterMatcher {
    /// Encodes a matcher.
    init(_ matcher: QueryParameterMatcher) {
        self.init()
        name = matcher.name
        switch matcher.condition {
        case .value(let value): stringMatch = Envoy_Type_Matcher_V3_StringMatcher(value)
        case .present(let isPresent): presentMatch = isPresent
        }
    }
}

extension Envoy_Config_Route_V3_CookieMatcher {
    /// Encodes a matcher.
    init(_ matcher: CookieMatcher) {
        self.init()
        name = matcher.name
        stringMatch = Envoy_Type_Matcher_V3_StringMatcher(matcher.value)
        invertMatch = matcher.isInverted
    }
}
