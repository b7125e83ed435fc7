// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

extension Redirect {
    /// Where a request is sent: the value of `location`.
    ///
    /// What the redirect does not say comes from the request. The scheme is the request's own, and `http` if it knows none.
    /// - Parameters:
    ///   - request: The request.
    ///   - matcher: The condition of the route: a prefix rewrite replaces what it matched.
    public func location(for request: some RequestHead, matchedBy matcher: PathMatcher) -> String {
        let scheme = scheme.flatMap { $0.isEmpty ? nil : $0 } ?? request.scheme ?? "http"
        let port = port.map { ":\($0)" } ?? ""
        let host: Substring
        if let own = self.host, !own.isEmpty {
            host = own[...]
        } else {
            host = Self.host(of: request, newScheme: scheme, isPortReplaced: !port.isEmpty)
        }
        return "\(scheme)://\(host)\(port)\(target(of: request.path, matchedBy: matcher))"
    }

    /// Rewrites the path of a request that is sent elsewhere: formats of the answer's header see it so, as Envoy's do.
    public func rewritePath(of request: inout some RequestHead, matchedBy matcher: PathMatcher) {
        guard case .rewritten(let rewrite) = path else { return }
        let old = request.path
        guard let new = rewrite.rewritten(old, matchedBy: matcher) else { return }
        request.setValue(old, for: EnvoyHeader.originalPath)
        request.path = new
    }

    /// Where a request is sent that has to come by TLS (`VirtualHost.require_tls`): the same, by `https`.
    public static func secureLocation(for request: some RequestHead) -> String {
        "https://\(request.authority ?? "")\(request.path)"
    }

    /// The path and the query.
    private func target(of path: String, matchedBy matcher: PathMatcher) -> String {
        var target: String
        var keepsQuery = false
        switch self.path {
        case .whole(let whole) where !whole.isEmpty:
            target = whole
            keepsQuery = whole.utf8.contains(UInt8(ascii: "?"))
            if !keepsQuery, let query = path.utf8.firstIndex(of: UInt8(ascii: "?")) { target += path[query...] }
        case .rewritten(let rewrite): target = rewrite.rewritten(path, matchedBy: matcher) ?? path
        case .unchanged, .whole: target = path
        }
        if target.utf8.first != UInt8(ascii: "/") { target = "/" + target }
        // A query that the redirect itself brings is never stripped.
        if stripsQuery, !keepsQuery, let query = target.utf8.firstIndex(of: UInt8(ascii: "?")) {
            target = String(target[..<query])
        }
        return target
    }

    /// The request's authority, without a port that another one replaces or that only stood for the old scheme.
    private static func host(
        of request: some RequestHead,
        newScheme: String,
        isPortReplaced: Bool
    ) -> Substring {
        let authority = request.authority ?? ""
        let isIPv6 = authority.utf8.first == UInt8(ascii: "[")
        guard let colon = authority.utf8.lastIndex(of: UInt8(ascii: ":")) else { return authority[...] }
        if isIPv6, authority.utf8[..<colon].last != UInt8(ascii: "]") { return authority[...] }
        // Proxies in front tell in this field by what scheme the caller came, which may not be the request's.
        let oldScheme = request.value(of: "x-forwarded-proto") ?? request.scheme ?? ""
        var isPortDropped = isPortReplaced
        if newScheme != oldScheme {
            let port = authority[colon...]
            if oldScheme.equalsIgnoringCase("https") { isPortDropped = isPortDropped || port == ":443" }
            if oldScheme.equalsIgnoringCase("http") { isPortDropped = isPortDropped || port == ":80" }
        }
        return isPortDropped ? authority[..<colon] : authority[...]
    }
}
