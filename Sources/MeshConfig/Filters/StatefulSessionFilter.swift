// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import MeshRouting

/// Sends the requests of a session to one endpoint (`envoy.extensions.filters.http.stateful_session.v3.StatefulSession`).
public struct StatefulSessionFilter: Hashable, Sendable {
    /// How requests say which endpoint they belong to; `nil` for a filter that does nothing where no route overrides it.
    public var state: SessionState?
    /// Whether a request fails where its endpoint cannot be had. Default `false`: another endpoint takes over.
    public var isStrict: Bool
    /// The status code where no endpoint has the address and `isStrict` is set.
    ///
    /// Default 503: `status_on_strict_destination_not_found`.
    public var statusIfUnknown: Int

    /// Creates a filter.
    public init(_ state: SessionState?, isStrict: Bool = false, statusIfUnknown: Int = 503) {
        self.state = state
        self.isStrict = isStrict
        self.statusIfUnknown = statusIfUnknown
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        if let state {
            _ = problems.nest("state") { () throws(ConfigurationError) in try state.validate() }
        }
        problems.require(
            (200...599).contains(statusIfUnknown),
            "statusIfUnknown",
            "must be from 200 to 599, is \(statusIfUnknown)"
        )
        try problems.throwIfAny()
    }
}
