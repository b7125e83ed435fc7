// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import SwiftProtobuf

extension RouteMatch {
    private static let read = ReadFields(
        Envoy_Config_Route_V3_RouteMatch.self,
        "prefix",
        "path",
        "safe_regex",
        "path_separated_prefix",
        "path_match_policy",
        "connect_matcher",
        "case_sensitive",
        "headers",
        "query_parameters",
        "cookies",
        "grpc",
        "runtime_fraction",
        "tls_context",
        "dynamic_metadata"
    )

    /// Decodes the conditions of a route.
    /// - Returns: `nil`, with a report, if a condition is not supported; `nil`, with a problem, if one is bad.
    init?(_ message: Envoy_Config_Route_V3_RouteMatch, at path: FieldPath, _ context: inout DecodingContext) {
        let others = Self.read.others(in: message)
        guard message.pathSpecifier != nil || !others.isEmpty else {
            context.reject(path, "has no path specifier")
            return nil
        }
        // Bad parts are errors even where the route is skipped: they would be as soon as it is supported.
        guard
            let headers = context.list(message.headers, at: path, "headers", HeaderMatcher.init),
            let parameters = context.list(
                message.queryParameters,
                at: path,
                "query_parameters",
                QueryParameterMatcher.init
            ),
            let cookies = context.list(message.cookies, at: path, "cookies", CookieMatcher.init),
            let metadata = context.list(message.dynamicMetadata, at: path, "dynamic_metadata", MetadataMatcher.init)
        else { return nil }
        var fraction: RuntimeFraction?
        if message.hasRuntimeFraction {
            fraction = RuntimeFraction(message.runtimeFraction, at: path["runtime_fraction"], &context)
            guard fraction != nil else { return nil }
        }
        guard others.isEmpty else {
            for name in others { context.ignore(path[name], "is not supported; the route is left out") }
            return nil
        }
        guard let pathMatcher = PathMatcher(message, at: path, &context) else { return nil }
        self.init(
            path: pathMatcher,
            headers: headers,
            queryParameters: parameters,
            cookies: cookies,
            isGRPCOnly: message.hasGrpc,
            fraction: fraction,
            certificate: message.hasTlsContext ? CertificateCondition(message.tlsContext) : nil,
            metadata: metadata
        )
    }
}

extension DecodingContext {
    /// Decodes the elements of a repeated field.
    /// - Returns: `nil` if one of them is bad; the others are looked at all the same.
    mutating func list<Element, Value>(
        _ elements: [Element],
        at path: FieldPath,
        _ field: String,
        _ decode: (Element, FieldPath, inout DecodingContext) -> Value?
    ) -> [Value]? {
        var values: [Value] = []
        values.reserveCapacity(elements.count)
        for (position, element) in elements.enumerated() {
            if let value = decode(element, path[field, position], &self) { values.append(value) }
        }
        return values.count == elements.count ? values : nil
    }
}

extension CertificateCondition {
    fileprivate init(_ message: Envoy_Config_Route_V3_RouteMatch.TlsContextMatchOptions) {
        self.init(
            isPresented: message.hasPresented ? message.presented.value : nil,
            isValidated: message.hasValidated ? message.validated.value : nil
        )
    }
}

extension PathMatcher {
    /// Decodes the condition on the path.
    fileprivate init?(
        _ message: Envoy_Config_Route_V3_RouteMatch,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        let ignoresCase = message.hasCaseSensitive && !message.caseSensitive.value
        switch message.pathSpecifier {
        case .prefix(let prefix): self.init(.prefix(prefix), ignoresCase: ignoresCase)
        case .path(let text): self.init(.exact(text), ignoresCase: ignoresCase)
        case .safeRegex(let regex):
            // `case_sensitive` has no effect on expressions, as the API says.
            guard let expression = RegularExpression(regex, at: path["safe_regex"], &context) else { return nil }
            self.init(.regularExpression(expression))
        case .pathSeparatedPrefix(let prefix):
            // Envoy's rule for the field: a path of two characters or more, without a slash at its end.
            guard prefix.utf8.count > 1, prefix.hasPrefix("/"), !prefix.hasSuffix("/"), !prefix.contains("?"),
                !prefix.contains("#")
            else {
                context.reject(path["path_separated_prefix"], "\"\(prefix)\" must begin and not end with a slash")
                return nil
            }
            self.init(.separatedPrefix(prefix), ignoresCase: ignoresCase)
        case .pathMatchPolicy(let policy):
            guard let template = PathTemplate(policy, at: path["path_match_policy"], &context) else { return nil }
            self.init(.template(template))
        case .connectMatcher: self.init(.connect)
        case nil:
            context.reject(path, "has no path specifier")
            return nil
        }
    }
}

extension Envoy_Config_Route_V3_RouteMatch {
    /// Encodes the conditions of a route.
    init(_ match: RouteMatch) throws {
        self.init()
        var takesCase = true
        switch match.path.pattern {
        case .prefix(let prefix): self.prefix = prefix
        case .exact(let path): self.path = path
        case .separatedPrefix(let prefix): pathSeparatedPrefix = prefix
        case .regularExpression(let expression):
            // `case_sensitive` has no effect on expressions.
            var expression = Envoy_Type_Matcher_V3_RegexMatcher(expression)
            if match.path.ignoresCase { expression.regex = "(?i)" + expression.regex }
            safeRegex = expression
            takesCase = false
        case .template(let template):
            pathMatchPolicy = try Envoy_Config_Core_V3_TypedExtensionConfig(template)
            takesCase = false
        case .connect:
            connectMatcher = ConnectMatcher()
            takesCase = false
        }
        if match.path.ignoresCase, takesCase { caseSensitive = false }
        headers = match.headers.map { Envoy_Config_Route_V3_HeaderMatcher($0) }
        queryParameters = match.queryParameters.map { Envoy_Config_Route_V3_QueryParameterMatcher($0) }
        cookies = match.cookies.map { Envoy_Config_Route_V3_CookieMatcher($0) }
        dynamicMetadata = match.metadata.map { Envoy_Type_Matcher_V3_MetadataMatcher($0) }
        if match.isGRPCOnly { grpc = GrpcRouteMatchOptions() }
        if let fraction = match.fraction {
            runtimeFraction = Envoy_Config_Core_V3_RuntimeFractionalPercent(fraction)
        }
        if let certificate = match.certificate {
            tlsContext = TlsContextMatchOptions()
            if let isPresented = certificate.isPresented {
                tlsContext.presented = Google_Protobuf_BoolValue(isPresented)
            }
            if let isValidated = certificate.isValidated {
                tlsContext.validated = Google_Protobuf_BoolValue(isValidated)
            }
        }
    }
}
