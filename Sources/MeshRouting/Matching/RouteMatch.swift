// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// The conditions of a route; all of them must hold (`envoy.config.route.v3.RouteMatch`).
public struct RouteMatch: Hashable, Sendable {
    /// What the path must be.
    public var path: PathMatcher
    /// What the headers must be.
    public var headers: [HeaderMatcher]

    /// Creates the conditions; by default every request matches.
    public init(path: PathMatcher = .any, headers: [HeaderMatcher] = []) {
        self.path = path
        self.headers = headers
    }

    /// The first condition that a request does not meet; `nil` if it meets all.
    @inlinable
    public func firstMismatch(_ request: some RequestHead, path requestPath: Substring) -> Mismatch? {
        guard path.matches(requestPath) else { return .path }
        for header in headers where !header.matches(request) { return .header(header.name) }
        return nil
    }

    /// The condition that was not met.
    public enum Mismatch: Hashable, Sendable, CustomStringConvertible {
        /// The path.
        case path
        /// A header.
        case header(HeaderName)

        /// The condition in words.
        public var description: String {
            switch self {
            case .path: "the path does not match"
            case .header(let name): "the header \(name) does not match"
            }
        }
    }
}
