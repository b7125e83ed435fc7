// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting

/// What a request and its client must be.
struct RequestCondition: Sendable {
    var name: String?
    var uri: TextCondition?
    var ignoresCaseOfURI = false
    var method: TextCondition?
    var authority: TextCondition?
    var scheme: TextCondition?
    var headers: [HeaderName: TextCondition] = [:]
    /// What headers must not be.
    var withoutHeaders: [HeaderName: TextCondition] = [:]
    var queryParameters: [String: TextCondition] = [:]
    var source = SourceCondition()
    /// The port that the client calls.
    var port: UInt16?
    /// The gateways, `mesh` for the traffic between services; empty for what the manifest says.
    var gateways: [String] = []

    /// Whether it is about traffic between services.
    var appliesToMesh: Bool { gateways.isEmpty || gateways.contains("mesh") }

    private var preparedMatch: RouteMatch?

    /// What a route's requests must be; the client is not part of it.
    var routeMatch: RouteMatch { preparedMatch ?? compiledMatch }

    /// Compiles what requests must be once for all clients; nothing may be changed any more.
    mutating func prepare() {
        preparedMatch = compiledMatch
    }

    private var compiledMatch: RouteMatch {
        let pseudoHeaders = [(":method", method), (":authority", authority), (":scheme", scheme)]
        var matchers = pseudoHeaders.compactMap { name, condition in
            condition.map { HeaderMatcher(HeaderName(name), $0.headerCondition) }
        }
        matchers += headers.sorted { $0.key.lowercased < $1.key.lowercased }.map { name, condition in
            HeaderMatcher(name, condition.headerCondition)
        }
        matchers += withoutHeaders.sorted { $0.key.lowercased < $1.key.lowercased }.map { name, condition in
            let asked = condition.headerCondition
            var matcher = HeaderMatcher(name, asked, isInverted: true)
            // A header that is absent is not the one that must not be there (Istio sets the same).
            if case .value = asked { matcher.treatsMissingAsEmpty = true }
            return matcher
        }
        let parameters = queryParameters.sorted { $0.key < $1.key }.map { name, condition in
            QueryParameterMatcher(name, condition.queryCondition)
        }
        return RouteMatch(path: path, headers: matchers, queryParameters: parameters)
    }

    private var path: PathMatcher {
        switch uri {
        case .exact(let path): PathMatcher(.exact(path), ignoresCase: ignoresCaseOfURI)
        case .prefix(let path): PathMatcher(.prefix(path), ignoresCase: ignoresCaseOfURI)
        // Istio's ignoreUriCase leaves regular expressions alone.
        case .expression(let expression): PathMatcher(.regularExpression(expression))
        case .present, nil: .any
        }
    }
}

/// What a client must be; an empty condition always holds.
struct SourceCondition: Hashable, Sendable {
    /// A service that the client is an instance of.
    var service: HostPattern?
    var namespace: String?
    var labels: [String: String] = [:]

    var isEmpty: Bool { service == nil && namespace == nil && labels.isEmpty }
}

extension [String: String] {
    /// Whether all of `selector`'s labels are among these.
    func satisfies(_ selector: [String: String]) -> Bool {
        selector.allSatisfy { self[$0.key] == $0.value }
    }
}

extension TextCondition {
    /// The condition on a header.
    fileprivate var headerCondition: HeaderMatcher.Condition {
        valueMatcher.map { .value($0) } ?? .present(true)
    }

    /// The condition on a query parameter.
    fileprivate var queryCondition: QueryParameterMatcher.Condition {
        valueMatcher.map { .value($0) } ?? .present(true)
    }

    /// What the value must be; `nil` if it only has to be there.
    private var valueMatcher: StringMatcher? {
        switch self {
        case .exact(let text): StringMatcher(.exact(text))
        // Every text has the empty prefix, which no client takes.
        case .prefix(""): nil
        case .prefix(let text): StringMatcher(.prefix(text))
        // Where everything matches only presence counts: a header that is absent must not pass for an empty one.
        case .expression(let expression) where expression.pattern == ".*": nil
        case .expression(let expression): StringMatcher(.regularExpression(expression))
        case .present: nil
        }
    }
}
