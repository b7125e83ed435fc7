// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What becomes of a resource in use that the server says does not exist any more.
enum DeletionRule: Hashable, Sendable {
    /// It goes, and whoever refers to it has nothing: what `fail_on_data_errors` asks for (gRFC A88).
    case dropAtOnce
    /// It goes once nothing refers to it, or after a while: the routes that let go of it may be on their way, and requests
    /// that were routed to a cluster which is gone would fail for nothing.
    case dropLater
    /// It stays, as by gRPC's rules (gRFC A88): the control plane is trusted to tell whom it concerns. It holds for what
    /// is asked for by name; nobody else would ever let go of the rest.
    case keep

    init(failsOnDataErrors: Bool, rules: XDSRules) {
        self = failsOnDataErrors ? .dropAtOnce : rules == .grpc ? .keep : .dropLater
    }
}
