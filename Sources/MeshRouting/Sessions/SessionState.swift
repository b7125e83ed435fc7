// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// How requests of one session say which endpoint they belong to (`envoy.extensions.http.stateful_session`).
public enum SessionState: Hashable, Sendable {
    /// In a cookie (`CookieBasedSessionState`).
    case cookie(Cookie)
    /// In a header (`HeaderBasedSessionState`).
    case header(HeaderName)

    /// The cookie of a session (`envoy.type.http.v3.Cookie`).
    public struct Cookie: Hashable, Sendable {
        /// Its name.
        public var name: String
        /// How long it lives, in whole seconds; zero for as long as the caller's own session.
        public var lifetime: Nanoseconds
        /// The paths that it is for: this one and what is below it; empty for all.
        public var path: String
        /// Further attributes, in order; an empty value for none.
        public var attributes: [HashPolicy.CookieSource.Attribute]

        /// Creates a cookie.
        public init(
            _ name: String,
            lifetime: Nanoseconds = .zero,
            path: String = "",
            attributes: [HashPolicy.CookieSource.Attribute] = []
        ) {
            self.name = name
            self.lifetime = lifetime
            self.path = path
            self.attributes = attributes
        }
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        switch self {
        case .cookie(let cookie): problems.require(!cookie.name.isEmpty, "cookie.name", "is empty")
        case .header(let name): problems.require(name.isValid, "header.name", "is no header name: \(name)")
        }
        try problems.throwIfAny()
    }
}
