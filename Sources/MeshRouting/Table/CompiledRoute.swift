// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// One route's conditions in a table. A class, so that a request borrows them by one reference.
@usableFromInline
final class CompiledRoute: Sendable {
    @usableFromInline let match: RouteMatch
    /// Why no request is taken; `nil` if some may be.
    let obstacle: String?
    @usableFromInline let headers: [CompiledHeader]
    @usableFromInline let hasRareConditions: Bool

    init(_ match: RouteMatch, obstacle: String?) {
        self.match = match
        self.obstacle = obstacle
        self.headers = match.headers.map { CompiledHeader($0) }
        self.hasRareConditions = match.hasRareConditions
    }

    /// Whether a path matches.
    /// - Parameters:
    ///   - path: The path without its query; `nil` if the request has none.
    ///   - whole: The path with the parameters that `path` has not; `nil` if that has all.
    ///   - field: Tells the request's method.
    func isPathMet(
        _ path: UnsafeBufferPointer<UInt8>?,
        whole: UnsafeBufferPointer<UInt8>? = nil,
        _ field: (HeaderName) -> String?
    ) -> Bool {
        if match.path.kind == .connect { return field(RouteIndex.method) == "CONNECT" }
        guard var path else { return false }
        if match.path.kind == .template, let whole { path = whole }
        return match.path.matches(bytes: path, isConnect: false)
    }

    /// Whether a request whose path matches meets the other conditions too.
    @inlinable
    func isMetBesidesPath(by request: some RequestHead, _ facts: @autoclosure () -> RoutingFacts) -> Bool {
        let areHeadersMet = headers.allSatisfy { $0.matches(request) }
        return areHeadersMet && (!hasRareConditions || match.firstRareMismatch(request, facts()) == nil)
    }
}
