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
        "case_sensitive",
        "headers",
        "grpc",
        "runtime_fraction"
    )
    private static let specifiers = ["path_match_policy", "connect_matcher"]

    /// Decodes the conditions of a route.
    /// - Returns: `nil`, with a report, if a condition is not supported; `nil`, with a problem, if one is bad.
    init?(_ message: Envoy_Config_Route_V3_RouteMatch, at path: FieldPath, _ context: inout DecodingContext) {
        var others = Self.read.others(in: message)
        if message.hasRuntimeFraction {
            let path = path["runtime_fraction"]["default_value"]
            guard let share = FractionalPercent(message.runtimeFraction.defaultValue, at: path, &context) else {
                return nil
            }
            if !share.isAll { others.append("runtime_fraction") }
        }
        guard message.pathSpecifier != nil || !others.isEmpty else {
            context.reject(path, "has no path specifier")
            return nil
        }
        // Bad parts are errors even where the route is skipped: they would be as soon as it is supported.
        var headers: [HeaderMatcher] = []
        for (position, header) in message.headers.enumerated() {
            guard let matcher = HeaderMatcher(header, at: path["headers", position], &context) else { return nil }
            headers.append(matcher)
        }
        guard others.isEmpty else {
            for name in others { context.ignore(path[name], "is not supported; the route is left out") }
            return nil
        }
        guard let pathMatcher = PathMatcher(message, at: path, &context) else { return nil }
        if message.hasGrpc { headers.append(contentsOf: Self.isGRPC) }
        self.init(path: pathMatcher, headers: headers)
    }

    /// What makes a request one of gRPC (Envoy's `Grpc::Common::isGrpcRequestHeaders`).
    private static let isGRPC: [HeaderMatcher] = {
        // The pattern is a constant; a test matches with it.
        guard let type = try? RegularExpression(#"application/grpc(\+.*)?"#) else { return [] }
        return [HeaderMatcher("content-type", .value(StringMatcher(.regularExpression(type))))]
    }()
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
            // There is no matcher of its own for `/a`, `/a/b` but not `/ab`; the expression says the same.
            let pattern = "\(ignoresCase ? "(?i)" : "")\(RegularExpression.quoting(prefix))(/.*)?"
            guard let expression = RegularExpression(compiling: pattern, at: path["path_separated_prefix"], &context)
            else { return nil }
            self.init(.regularExpression(expression))
        case .pathMatchPolicy, .connectMatcher, nil:
            context.reject(path, "has no path specifier")
            return nil
        }
    }
}
