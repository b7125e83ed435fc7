// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// The part of a route table that knows neither the request's type nor what a route does: hosts and conditions.
///
/// It is compiled once; only the look at the request is specialised in an adapter's module. A class, so that a request
/// borrows it by one reference.
@usableFromInline
final class RouteIndex: Sendable {
    /// One virtual host, before compilation.
    struct Host {
        var name: String
        var domains: [DomainPattern]
        var matches: [RouteMatch]
        var tree: MatcherTree<Range<Int>>?
    }

    /// What a look at one route needs most of the time, without a look at the route.
    private struct Traits: Sendable {
        /// Whether the path must be compared with the route's, though the index led to it.
        let needsPathCheck: Bool
        let hasConditionsBesidesPath: Bool
        /// Whether some request may be taken.
        let isReachable: Bool
    }

    /// Up to this many routes are looked at one by one: that is faster than any index.
    private static let minimumForIndex = 4

    private let domains: DomainIndex
    private let hosts: [CompiledHost]
    /// Every route's conditions, one host after the other.
    private let routes: [CompiledRoute]
    private let traits: [Traits]
    /// Where each host's begin, and where the last one's end.
    private let starts: [Int]
    private let ignoresPathParameters: Bool
    /// By host, the position of its first route if that takes every request whose path begins with a slash; -1 for hosts
    /// that have none such.
    @usableFromInline let openRoutes: [Int]

    init(domains: DomainIndex, hosts: [Host], ignoresPathParameters: Bool, semantics: RouteSemantics) {
        let routes = hosts.flatMap(\.matches).map { match in
            let (match, obstacle) = match.translated(from: semantics)
            return CompiledRoute(match, obstacle: obstacle)
        }
        let starts = hosts.reduce(into: [0]) { starts, host in
            starts.append(starts[starts.count - 1] + host.matches.count)
        }
        self.domains = domains
        self.routes = routes
        self.traits = routes.map { route in
            Traits(
                needsPathCheck: route.match.path.needsCheck,
                hasConditionsBesidesPath: route.match.hasConditionsBesidesPath,
                isReachable: route.obstacle == nil
            )
        }
        self.starts = starts
        self.hosts = hosts.enumerated().map { position, host in
            let isIndexed = host.tree == nil && host.matches.count > Self.minimumForIndex
            let range = starts[position]..<starts[position + 1]
            return CompiledHost(host, candidates: isIndexed ? CandidateIndex(routes[range]) : nil)
        }
        self.ignoresPathParameters = ignoresPathParameters
        self.openRoutes = hosts.indices.map { host in
            let (first, end) = (starts[host], starts[host + 1])
            guard hosts[host].tree == nil, first < end else { return -1 }
            let (match, obstacle) = (routes[first].match, routes[first].obstacle)
            let isOpen = match.path.takesPathsWithSlash && !match.hasConditionsBesidesPath && obstacle == nil
            return isOpen ? first : -1
        }
    }

    /// The virtual host of an authority.
    @usableFromInline
    func host(of authority: String) -> Int? {
        domains.host(of: authority)
    }

    /// The position of a host's first route if it takes every request whose path begins with a slash.
    @inlinable
    func openRoute(of host: Int) -> Int? {
        let position = openRoutes[host]
        return position < 0 ? nil : position
    }

    /// A route's number among its host's routes.
    @usableFromInline
    func number(of position: Int, in host: Int) -> Int {
        position - starts[host]
    }

    func position(of number: Int, in host: Int) -> Int {
        starts[host] + number
    }

    /// The position of the first route of a host that matches.
    /// - Parameters:
    ///   - path: The path as the request has it.
    ///   - field: Gives a header's joined value, or a part of the request line.
    ///   - hasValue: Asks a header's values one by one.
    ///   - accepts: Whether the request meets a route's conditions besides that on the path.
    @usableFromInline
    func firstRoute(
        of host: Int,
        path: String,
        facts: () -> RoutingFacts,
        field: (HeaderName) -> String?,
        hasValue: (HeaderName, (String) -> Bool) -> Bool,
        accepts: (CompiledRoute) -> Bool
    ) -> Int? {
        let start = starts[host]
        var range = start..<starts[host + 1]
        let compiled = hosts[host]
        if compiled.hasTree, let tree = compiled.tree {
            guard let chosen = tree.firstAction(path: path, facts: facts(), field: field) else { return nil }
            let known = chosen.clamped(to: 0..<range.count)
            range = (start + known.lowerBound)..<(start + known.upperBound)
        }
        var path = path
        return path.withUTF8 { bytes in
            Self.withMatchedPath(bytes, ignoresPathParameters, field: field) { path, whole in
                traits.withUnsafeBufferPointer { traits in
                    // The index is one of paths as most matchers see them.
                    if compiled.hasCandidates, let path, whole == nil {
                        let found = compiled.first(path, field: field, hasValue: hasValue) { number in
                            let traits = traits[start &+ number]
                            return (!traits.needsPathCheck || routes[start &+ number].isPathMet(path, field))
                                && (!traits.hasConditionsBesidesPath || accepts(routes[start &+ number]))
                        }
                        switch found {
                        case .route(let number): return start + number
                        case .nothing: return nil
                        case .unknown: break
                        }
                    }
                    return range.first { position in
                        traits[position].isReachable && routes[position].isPathMet(path, whole: whole, field)
                            && (!traits[position].hasConditionsBesidesPath || accepts(routes[position]))
                    }
                }
            }
        }
    }

    static let method: HeaderName = ":method"

    /// Gives what the paths of routes are compared with: the path without query and fragment, and without parameters
    /// where those are left aside; and with them, if there are any, for templates, from whose sight Envoy does not take them.
    /// An empty path means `/` (RFC 9112 §3.2.1), but for `CONNECT`, which has none: it gives `nil`.
    private static func withMatchedPath<Result>(
        _ path: UnsafeBufferPointer<UInt8>,
        _ ignoresPathParameters: Bool,
        field: (HeaderName) -> String?,
        _ body: (_ path: UnsafeBufferPointer<UInt8>?, _ whole: UnsafeBufferPointer<UInt8>?) -> Result
    ) -> Result {
        if path.isEmpty {
            if field(method) == "CONNECT" { return body(nil, nil) }
            return withUnsafePointer(to: UInt8(ascii: "/")) { body(UnsafeBufferPointer(start: $0, count: 1), nil) }
        }
        let bare = UnsafeBufferPointer(rebasing: path[..<lengthWithoutQuery(path)])
        guard ignoresPathParameters, bare.contains(UInt8(ascii: ";")) else { return body(bare, nil) }
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: bare.count) { buffer in
            var count = 0
            var isParameter = false
            for byte in bare {
                // Each segment may have parameters of its own (RFC 3986 §3.3).
                if byte == UInt8(ascii: ";") { isParameter = true }
                if byte == UInt8(ascii: "/") { isParameter = false }
                if isParameter { continue }
                buffer.initializeElement(at: count, to: byte)
                count += 1
            }
            return body(UnsafeBufferPointer(rebasing: buffer[..<count]), bare)
        }
    }

    /// Where the query or the fragment of a path begins, or where the path ends.
    private static func lengthWithoutQuery(_ path: UnsafeBufferPointer<UInt8>) -> Int {
        let (query, fragment) = (UInt8(ascii: "?"), UInt8(ascii: "#"))
        var position = 0
        let bytes = UnsafeRawBufferPointer(path)
        while position &+ 8 <= path.count {
            let word = bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            if hasByte(word, query) || hasByte(word, fragment) { break }
            position &+= 8
        }
        while position < path.count, path[position] != query, path[position] != fragment { position &+= 1 }
        return position
    }

    /// Whether one of eight bytes is `byte`: a byte that becomes zero borrows from its own highest bit.
    private static func hasByte(_ word: UInt64, _ byte: UInt8) -> Bool {
        let difference = word ^ (0x0101_0101_0101_0101 &* UInt64(byte))
        return (difference &- 0x0101_0101_0101_0101) & ~difference & 0x8080_8080_8080_8080 != 0
    }
}

// What a trace needs.
extension RouteIndex {
    func name(of host: Int) -> String {
        hosts[host].name
    }

    /// The domain by which a virtual host serves an authority.
    func domain(of host: Int, for authority: String) -> DomainPattern? {
        hosts[host].domains.max { domains.rank(of: $0, for: authority) < domains.rank(of: $1, for: authority) }
    }

    /// The routes of a host up to the first that matches, each with the first condition that failed.
    func steps(
        of host: Int,
        _ request: some RequestHead,
        _ facts: RoutingFacts
    ) -> [(number: Int, mismatch: RouteMatch.Mismatch?)] {
        var path = request.path
        let field: (HeaderName) -> String? = { request.fieldOrPseudoField($0) }
        let (matchedPath, wholePath) = path.withUTF8 { bytes in
            Self.withMatchedPath(bytes, ignoresPathParameters, field: field) { path, whole in
                let text: (UnsafeBufferPointer<UInt8>) -> String = { String(decoding: $0, as: UTF8.self) }
                return (path.map(text), whole.map(text))
            }
        }
        let tree = hosts[host].tree
        let chosen = tree.map { $0.firstAction(path: request.path, facts: facts, field: field) ?? 0..<0 }
        var steps: [(number: Int, mismatch: RouteMatch.Mismatch?)] = []
        for number in 0..<(starts[host + 1] - starts[host]) {
            let route = routes[starts[host] + number]
            var mismatch: RouteMatch.Mismatch?
            if let chosen, !chosen.contains(number) {
                mismatch = .tree
            } else if let obstacle = route.obstacle {
                mismatch = .unreachable(obstacle)
            } else if let matchedPath {
                let seen = route.match.path.kind == .template ? wholePath ?? matchedPath : matchedPath
                mismatch = route.match.firstMismatch(request, path: seen[...], facts: facts)
            } else if route.match.path.kind != .connect {
                mismatch = .path(route.match.path, seen: "")
            } else {
                mismatch = route.match.firstMismatch(request, path: "", facts: facts)
            }
            steps.append((number, mismatch))
            if mismatch == nil { break }
        }
        return steps
    }
}
