// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import MeshCore
import MeshRouting

extension RoutePreview: CustomStringConvertible {
    /// What there is to say, fact by fact, in the order in which the request meets it.
    public var facts: [Explanation.Fact] {
        var facts: [Explanation.Fact] = []
        func note(_ name: String, _ value: String) { facts.append(Explanation.Fact(name: name, value: value)) }
        note("route configuration", table.isEmpty ? "(unnamed)" : table)
        note("virtual host", virtualHost.map { "\($0) (domain \(domain ?? "?"))" } ?? "none serves the authority")
        for passed in passedOver { note("passed over", "\(passed.route): \(passed.reason)") }
        if virtualHost != nil { note("route", route?.description ?? "none matches") }
        if let virtualCluster { note("virtual cluster", virtualCluster) }
        switch outcome {
        case .noVirtualHost, .noRoute: note("outcome", "404, for want of a route")
        case .nonForwarding: note("outcome", "the server's own handler answers")
        case .redirect(let location, let status): note("outcome", "\(status), redirect to \(location)")
        case .directResponse(let status, let body): note("outcome", "\(status), answered by the mesh: \(body)")
        case .forward(let forwarding): facts += forwarding.facts
        }
        if route != nil {
            if forwarding != nil {
                note("request line", "\(request.method) \(request.path)")
                note("authority", request.authority ?? "(none)")
            }
            for field in request.headers.fields { note("request header", "\(field.name): \(field.value)") }
            for field in response.headers.fields { note("response header", "\(field.name): \(field.value)") }
        }
        return facts
    }

    /// The facts, one a line.
    public var description: String {
        Explanation.lines(of: facts)
    }
}

extension Explanation {
    /// Facts as text, one a line, their values below each other.
    static func lines(of facts: [Fact]) -> String {
        let width = facts.map(\.name.count).max() ?? 0
        return facts.map { fact in
            fact.name + String(repeating: " ", count: width - fact.name.count) + "  " + fact.value
        }.joined(separator: "\n")
    }
}

extension RoutePreview.Forwarding {
    fileprivate var facts: [Explanation.Fact] {
        var facts: [Explanation.Fact] = []
        func note(_ name: String, _ value: String) { facts.append(Explanation.Fact(name: name, value: value)) }
        let share = chance.map { " (chance \($0))" } ?? ""
        note("cluster", (cluster ?? "none: the header that names it is absent") + share)
        note("timeout", "\(timeout.value.map { $0.text } ?? "none") (\(timeout.origin))")
        if attempts.value > 1 {
            note("attempts", "at most \(attempts.value) (\(attempts.origin))")
            note("retry on", "\(retryConditions.value) (\(retryConditions.origin))")
            if let limit = perTryTimeout.value { note("per-try timeout", "\(limit.text) (\(perTryTimeout.origin))") }
        } else {
            note("attempts", "1 (\(attempts.origin))")
        }
        for source in hashSources { note("hash policy", source) }
        if !hashSources.isEmpty { note("hash", hash.map(String.init) ?? "none: the balancer draws at random") }
        if !mirrors.value.isEmpty {
            note("mirrors", "\(mirrors.value.joined(separator: ", ")) (\(mirrors.origin))")
        }
        if takesEndpointName { note("host rewrite", "the name of the endpoint that is picked") }
        return facts
    }
}

extension RoutePreview.Place: CustomStringConvertible {
    /// Its number, and its name if it has one.
    public var description: String {
        name.isEmpty ? "#\(number)" : "#\(number) \"\(name)\""
    }
}

extension RoutePreview.Origin: CustomStringConvertible {
    /// Where the value comes from, in words.
    public var description: String {
        switch self {
        case .route: "route"
        case .weightedCluster: "weighted cluster"
        case .virtualHost: "virtual host"
        case .table: "route configuration"
        case .requestHeader(let name): "request header \(name)"
        case .standard: "default"
        }
    }
}

extension Nanoseconds {
    /// The span as the configuration writes it: `1.5s`.
    package var text: String {
        var fraction = String(rawValue % 1_000_000_000)
        fraction = String(repeating: "0", count: 9 - fraction.count) + fraction
        while fraction.utf8.last == UInt8(ascii: "0") { fraction.removeLast() }
        return "\(rawValue / 1_000_000_000)\(fraction.isEmpty ? "" : ".\(fraction)")s"
    }
}
