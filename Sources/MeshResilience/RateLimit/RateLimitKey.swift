// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Which limit a request falls under: its user, its tenant, its address.
public struct RateLimitKey: Sendable {
    private enum Kind {
        case header(HeaderName)
        case custom(@Sendable (any RequestHead) -> String?)
    }

    private let kind: Kind

    private init(_ kind: Kind) {
        self.kind = kind
    }

    /// The value of a header. A client that chooses it chooses its limit: take one that a trusted hop sets.
    public static func header(_ name: HeaderName) -> RateLimitKey { RateLimitKey(.header(name)) }

    /// What a function makes of the request. It is called on the request path, from any thread.
    public init(_ key: @escaping @Sendable (any RequestHead) -> String?) {
        self.init(.custom(key))
    }

    /// The key of a request; `nil` if it falls under no limit.
    public func key(of request: some RequestHead) -> String? {
        switch kind {
        case .header(let name): request.value(of: name)
        case .custom(let key): key(request)
        }
    }
}
