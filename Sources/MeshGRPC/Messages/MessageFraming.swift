// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import GRPCCore

/// How messages stand in a body (gRPC over HTTP/2, "Length-Prefixed-Message"): a byte that says whether the message is
/// compressed, four for its length, the message.
package enum MessageFraming {
    /// The bytes before a message.
    package static let prefixLength = 5
    /// The largest message that is sent or accepted, where nobody says another. 4 MiB: gRPC's
    /// `GRPC_DEFAULT_MAX_RECV_MESSAGE_LENGTH`; gRPC does not limit what it sends, which a peer of the same default
    /// would refuse.
    package static let defaultMaximumMessageBytes = 4 << 20
    /// Checks the length of a message that is to be sent.
    /// - Throws: `RPCError` with code `resourceExhausted`.
    package static func check(length: Int, limit: Int) throws(RPCError) {
        guard length <= limit, length <= Int(UInt32.max) else {
            throw RPCError(
                code: .resourceExhausted,
                message: "the message has \(length) bytes, more than the \(limit) that may be sent"
            )
        }
    }
}
