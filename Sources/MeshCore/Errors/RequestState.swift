// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// How far a request came before it failed: what decides whether sending it again can do harm.
public enum RequestState: UInt8, Hashable, Sendable {
    /// Not one byte left this process: sending it again is always harmless.
    case notSent
    /// Some of it may have reached the peer, which may have acted on it.
    case maybeSent
    /// The peer answered.
    case answered
}
