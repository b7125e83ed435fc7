// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What happened between a source and one of its control planes (gRFC A78).
public enum ControlPlaneEvent: Hashable, Sendable {
    /// A stream to it is open, or it has answered after a failure.
    case connected
    /// It cannot be reached, or its stream has ended before it answered. Told once, until it is `connected` again.
    case failed
    /// It is not followed any more: one before it answers, or nothing is wanted of it.
    case released
    /// It has sent resources of this type (`envoy.config.listener.v3.Listener`): so many that can be used, changed or not,
    /// and so many that cannot.
    case received(type: String, valid: Int, invalid: Int)
}

/// How many resources of a source are in one state (`grpc.xds_client.resources` of gRFC A78).
public struct ResourceCount: Hashable, Sendable {
    /// What became of a resource. The raw values are those of gRFC A78 and A88.
    public enum State: String, Hashable, Sendable, CaseIterable {
        /// It was asked for and has not come yet.
        case requested
        /// It is in use.
        case acked
        /// It was refused, and there is none.
        case nacked
        /// It was refused, and an earlier one is in use.
        case nackedButCached = "nacked_but_cached"
        /// There is none.
        case doesNotExist = "does_not_exist"
        /// There is none any more, and the last one stays in use.
        case doesNotExistButCached = "does_not_exist_but_cached"
        /// The control plane cannot give it, and there is none.
        case receivedError = "received_error"
        /// The control plane cannot give it, and an earlier one is in use.
        case receivedErrorButCached = "received_error_but_cached"
        /// The control plane has not said a word about it in time.
        case timeout
    }

    /// The authority that the resources' names have (`xdstp://AUTHORITY/…`, gRFC A47); `nil` for names of the old style.
    public var authority: String?
    /// Their type (`envoy.config.listener.v3.Listener`).
    public var type: String
    /// Their state.
    public var state: State
    /// How many there are; 0 if there were some when this was told last.
    public var count: Int

    /// Counts resources.
    public init(authority: String? = nil, type: String, state: State, count: Int) {
        self.authority = authority
        self.type = type
        self.state = state
        self.count = count
    }
}
