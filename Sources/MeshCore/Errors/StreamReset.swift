// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The cause of a failure that the peer told by resetting the request's stream of HTTP/2.
public struct StreamReset: Error, Hashable, Sendable, CustomStringConvertible {
    /// The code (RFC 9113 §7).
    public let code: UInt32

    /// Creates a cause.
    public init(code: UInt32) {
        self.code = code
    }

    /// The code, as a number.
    public var description: String { "the stream was reset with code \(code)" }
}
