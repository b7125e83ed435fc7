// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import SwiftProtobuf

extension MatcherPredicate {
    /// Decodes a condition of a tree.
    /// - Returns: `nil`, with a problem, if a part of it is bad or not supported.
    init?(
        _ message: Xds_Type_Matcher_V3_Matcher.MatcherList.Predicate,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        switch message.matchType {
        case .singlePredicate(let single):
            let path = path["single_predicate"]
            guard let input = MatcherInput(single.input, at: path["input"], &context) else { return nil }
            guard case .valueMatch(let value) = single.matcher else {
                context.reject(path, "custom_match is not supported; value_match is needed")
                return nil
            }
            guard let matcher = StringMatcher(value, at: path["value_match"], &context) else { return nil }
            self = .value(input, matcher)
        case .orMatcher(let list):
            guard let predicates = Self.list(list, at: path["or_matcher"], &context) else { return nil }
            self = .any(predicates)
        case .andMatcher(let list):
            guard let predicates = Self.list(list, at: path["and_matcher"], &context) else { return nil }
            self = .all(predicates)
        case .notMatcher(let predicate):
            guard let predicate = Self(predicate, at: path["not_matcher"], &context) else { return nil }
            self = .not(predicate)
        case nil:
            context.reject(path, "has no condition that is supported")
            return nil
        }
    }

    private static func list(
        _ message: Xds_Type_Matcher_V3_Matcher.MatcherList.Predicate.PredicateList,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> [MatcherPredicate]? {
        guard message.predicate.count > 1 else {
            context.reject(path["predicate"], "must have at least 2 elements")
            return nil
        }
        var predicates: [MatcherPredicate] = []
        for (position, predicate) in message.predicate.enumerated() {
            guard let predicate = Self(predicate, at: path["predicate", position], &context) else { return nil }
            predicates.append(predicate)
        }
        return predicates
    }
}

extension MatcherInput {
    /// Decodes what a condition looks at.
    /// - Returns: `nil`, with a problem that names the type, if it is not supported.
    init?(_ message: Xds_Core_V3_TypedExtensionConfig, at path: FieldPath, _ context: inout DecodingContext) {
        let config = message.typedConfig
        let path = path["typed_config"]
        switch typeName(ofTypeURL: config.typeURL) {
        case Envoy_Type_Matcher_V3_HttpRequestHeaderMatchInput.protoMessageName:
            guard
                let input = context.unpack(
                    config,
                    as: Envoy_Type_Matcher_V3_HttpRequestHeaderMatchInput.self,
                    at: path
                ),
                let name = context.headerName(input.headerName, at: path["header_name"])
            else { return nil }
            self = .header(name)
        case Envoy_Type_Matcher_V3_HttpRequestQueryParamMatchInput.protoMessageName:
            guard
                let input = context.unpack(
                    config,
                    as: Envoy_Type_Matcher_V3_HttpRequestQueryParamMatchInput.self,
                    at: path
                ),
                context.require(name: input.queryParam, at: path["query_param"])
            else { return nil }
            self = .queryParameter(input.queryParam)
        case Envoy_Extensions_Matching_CommonInputs_Network_V3_SourceIPInput.protoMessageName:
            self = .sourceAddress
        case let type:
            context.reject(path, type.isEmpty ? "is missing" : "the input \(type) is not supported")
            return nil
        }
    }
}

extension StringMatcher {
    /// Decodes a matcher in the words that trees have for it.
    fileprivate init?(
        _ message: Xds_Type_Matcher_V3_StringMatcher,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        var same = Envoy_Type_Matcher_V3_StringMatcher()
        same.ignoreCase = message.ignoreCase
        switch message.matchPattern {
        case .exact(let text): same.exact = text
        case .prefix(let text): same.prefix = text
        case .suffix(let text): same.suffix = text
        case .contains(let text): same.contains = text
        case .safeRegex(let regex): same.safeRegex.regex = regex.regex
        case .custom:
            context.reject(path["custom"], "is not supported")
            return nil
        case nil: break
        }
        self.init(same, at: path, &context)
    }
}

extension Xds_Type_Matcher_V3_Matcher.MatcherList.Predicate {
    /// Encodes a condition.
    init(_ predicate: MatcherPredicate) throws {
        self.init()
        switch predicate {
        case .value(let input, let matcher):
            singlePredicate.input = try Xds_Core_V3_TypedExtensionConfig(input)
            singlePredicate.valueMatch = Xds_Type_Matcher_V3_StringMatcher(matcher)
        case .any(let predicates): orMatcher.predicate = try predicates.map { try Self($0) }
        case .all(let predicates): andMatcher.predicate = try predicates.map { try Self($0) }
        case .not(let predicate): notMatcher = try Self(predicate)
        }
    }
}

extension Xds_Core_V3_TypedExtensionConfig {
    /// Encodes what a condition looks at.
    init(_ input: MatcherInput) throws {
        self.init()
        switch input {
        case .header(let header):
            var message = Envoy_Type_Matcher_V3_HttpRequestHeaderMatchInput()
            message.headerName = header.lowercased
            name = "header"
            typedConfig = try Google_Protobuf_Any(packing: message)
        case .queryParameter(let parameter):
            var message = Envoy_Type_Matcher_V3_HttpRequestQueryParamMatchInput()
            message.queryParam = parameter
            name = "query_parameter"
            typedConfig = try Google_Protobuf_Any(packing: message)
        case .sourceAddress:
            name = "source_address"
            typedConfig = try Google_Protobuf_Any(
                packing: Envoy_Extensions_Matching_CommonInputs_Network_V3_SourceIPInput()
            )
        }
    }
}

extension Xds_Type_Matcher_V3_StringMatcher {
    fileprivate init(_ matcher: StringMatcher) {
        self.init()
        switch matcher.pattern {
        case .exact(let text): exact = text
        case .prefix(let text): prefix = text
        case .suffix(let text): suffix = text
        case .contains(let text): contains = text
        case .regularExpression(let expression):
            safeRegex.regex = expression.portablePattern
            // The only engine has to be named here.
            safeRegex.googleRe2 = .init()
        }
        ignoreCase = matcher.ignoresCase
    }
}
