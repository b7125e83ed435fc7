// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Which form of the xDS protocol a stream has.
public enum XDSVariant: String, Hashable, CaseIterable, Sendable {
    /// Each request names all that is wanted, and a response of listeners or clusters holds all there are: what every
    /// control plane speaks, and all that gRPC's clients do.
    case stateOfTheWorld
    /// Requests and responses say what changed, and every resource has a version of its own: a change of one endpoint
    /// costs one resource, however many there are, and so does a new stream.
    case delta
}
