// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A source of the hash by which consistent balancers pick (`RouteAction.HashPolicy`).
public struct HashPolicy: Hashable, Sendable {
    /// Where the hash comes from.
    public enum Source: Hashable, Sendable {
        /// The values of a header, each rewritten first where a rewrite is given.
        case header(HeaderName, rewrite: RegexSubstitution?)
        /// A cookie, which is made where the request has none and `lifetime` is given.
        case cookie(CookieSource)
        /// The caller's IP address.
        case sourceAddress
        /// A query parameter; its name's case counts.
        case queryParameter(String)
        /// The client itself: all of its requests have one hash (gRPC's `io.grpc.channel_id`).
        case channel
        /// A text that filters noted under this key; nothing where they noted none.
        case filterState(String)
    }

    /// A cookie that gives a hash.
    public struct CookieSource: Hashable, Sendable {
        /// The cookie's name.
        public var name: String
        /// How long a cookie lives that is made; zero for as long as the caller's session, `nil` to make none.
        public var lifetime: Nanoseconds?
        /// The path of a cookie that is made; empty for none.
        public var path: String
        /// Further attributes of a cookie that is made, in order.
        public var attributes: [Attribute]

        /// An attribute of a cookie.
        public struct Attribute: Hashable, Sendable {
            /// Its name.
            public var name: String
            /// Its value; empty for none.
            public var value: String

            /// Creates an attribute.
            public init(_ name: String, _ value: String = "") {
                self.name = name
                self.value = value
            }
        }

        /// Creates a source.
        public init(_ name: String, lifetime: Nanoseconds? = nil, path: String = "", attributes: [Attribute] = []) {
            self.name = name
            self.lifetime = lifetime
            self.path = path
            self.attributes = attributes
        }
    }

    /// Where the hash comes from.
    public var source: Source
    /// Whether the policies behind this one are left out once there is a hash. Default `false`.
    public var isTerminal: Bool

    /// Creates a policy.
    public init(_ source: Source, isTerminal: Bool = false) {
        self.source = source
        self.isTerminal = isTerminal
    }
}
