// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import GRPCCore

/// How much metadata is accepted, in bytes as HTTP/2 counts them.
///
/// Between both limits more and more calls are refused, the more the nearer to the hard one, so that a service whose
/// metadata grows learns of it before all of its calls fail. As gRPC's core has it.
public struct MetadataLimits: Hashable, Sendable {
    /// What is always accepted. Default 8 KiB: gRPC core's `grpc.max_metadata_size`.
    public var soft: Int
    /// What is never exceeded. Default 16 KiB: gRPC core's `grpc.absolute_max_metadata_size`.
    public var hard: Int

    /// Creates limits; a hard one below the soft one is raised to it.
    public init(soft: Int = 8 << 10, hard: Int = 16 << 10) {
        self.soft = max(0, soft)
        self.hard = max(self.soft, hard)
    }

    /// Whether that much is accepted.
    /// - Parameter random: 64 random bits.
    package func accepts(_ bytes: Int, random: @autoclosure () -> UInt64) -> Bool {
        if bytes <= soft { return true }
        guard bytes <= hard else { return false }
        // As many of 2^16 as the share of the way to the hard limit that was gone.
        let refused = UInt64(bytes - soft) * 65_536 / UInt64(hard - soft + 1)
        return random() & 0xFFFF >= refused
    }

    /// - Throws: `RPCError` with code `resourceExhausted`, as gRPC has it.
    package func check(_ bytes: Int, random: @autoclosure () -> UInt64) throws(RPCError) {
        guard !accepts(bytes, random: random()) else { return }
        throw RPCError(
            code: .resourceExhausted,
            message: "the metadata has \(bytes) bytes; \(soft) are always accepted, and never more than \(hard)"
        )
    }
}
