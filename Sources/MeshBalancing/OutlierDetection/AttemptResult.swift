// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What an attempt says of its endpoint.
public enum AttemptResult: Hashable, Sendable {
    /// It answered, and did its work.
    case success
    /// It answered, and failed: with this status of HTTP.
    case failure(status: Int)
    /// There was no answer, or not all of it.
    ///
    /// `status` is what a proxy would have answered in its place: 504 if time ran out, or else 503. `isConnected` says whether
    /// there was a connection.
    case localOrigin(status: Int, isConnected: Bool)
    /// Nothing: the caller gave up, or a rule of this process refused the request.
    case ignored
}
