// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What filters decided about one request and what layers below, or formats, want to know of it. A value that never
/// changes, held by reference, so that a context without it pays for one word.
public final class FilterState: Sendable {
    /// What filters noted, by their namespace.
    public let metadata: [String: [String: MetadataValue]]
    /// The endpoint that the request should go to; `nil` for any.
    public let overrideHost: OverrideHost?
    /// The request as its route changed it, for those that stand outside and speak of it; `nil` where nobody asks, and
    /// before it was changed.
    package let sentRequest: (any RequestHead)?

    /// Creates a state.
    public convenience init(metadata: [String: [String: MetadataValue]] = [:], overrideHost: OverrideHost? = nil) {
        self.init(metadata: metadata, overrideHost: overrideHost, sentRequest: nil)
    }

    package init(
        metadata: [String: [String: MetadataValue]],
        overrideHost: OverrideHost?,
        sentRequest: (any RequestHead)?
    ) {
        self.metadata = metadata
        self.overrideHost = overrideHost
        self.sentRequest = sentRequest
    }
}

/// An endpoint that a request should go to, whatever the balancer would pick.
public struct OverrideHost: Hashable, Sendable {
    /// Its address, as the session that names it has it.
    public var address: EndpointAddress
    /// Whether the request fails where that endpoint cannot be had; otherwise another one is picked.
    public var isStrict: Bool
    /// The status code where no endpoint of the cluster has the address and `isStrict` is set.
    public var statusIfUnknown: Int
    /// Other endpoints in their order, where that one cannot be had, and for further attempts.
    package var following: [EndpointAddress] = []
    /// Whether only endpoints count that the route means by their labels.
    package var staysInSubset = false

    /// Creates a wish.
    public init(_ address: EndpointAddress, isStrict: Bool = false, statusIfUnknown: Int = 503) {
        self.address = address
        self.isStrict = isStrict
        self.statusIfUnknown = statusIfUnknown
    }
}

extension CallContext {
    /// The endpoint that the request should go to; `nil` for any.
    @inlinable
    public var overrideHost: OverrideHost? { filterState?.overrideHost }

    /// A filter notes something about the request.
    public mutating func noteMetadata(_ metadata: [String: MetadataValue], of namespace: String) {
        var all = filterState?.metadata ?? [:]
        all[namespace, default: [:]].merge(metadata) { $1 }
        filterState = FilterState(
            metadata: all,
            overrideHost: filterState?.overrideHost,
            sentRequest: filterState?.sentRequest
        )
    }

    /// A filter names the endpoint that the request should go to.
    public mutating func prefer(_ host: OverrideHost) {
        filterState = FilterState(
            metadata: filterState?.metadata ?? [:],
            overrideHost: host,
            sentRequest: filterState?.sentRequest
        )
    }

    /// The request may go to any endpoint again.
    package mutating func forgetOverrideHost() {
        filterState = FilterState(
            metadata: filterState?.metadata ?? [:],
            overrideHost: nil,
            sentRequest: filterState?.sentRequest
        )
    }

    /// Notes the request as its route changed it; `nil` before it does.
    package mutating func noteSentRequest(_ request: (any RequestHead)?) {
        filterState = FilterState(
            metadata: filterState?.metadata ?? [:],
            overrideHost: filterState?.overrideHost,
            sentRequest: request
        )
    }
}
