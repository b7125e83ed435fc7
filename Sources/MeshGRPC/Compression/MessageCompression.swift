// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import GRPCCore

/// How a transport compresses messages, and which it accepts (gRPC over HTTP/2, "Compression").
///
/// A message that would not get smaller is sent as it is, as gRPC core does. The bounds on messages hold for what they are
/// before they are compressed: one that unfolds into more than is accepted ends its call with RESOURCE_EXHAUSTED, before
/// it is unfolded any further.
public struct MessageCompression: Hashable, Sendable {
    /// What messages are sent with: by a client where its call's options say nothing, by a server to callers that accept
    /// it. Default none: gRPC's `grpc.default_compression_algorithm`.
    public var algorithm: CompressionAlgorithm
    /// What the other side may send, besides messages as they are; it is told in `grpc-accept-encoding`.
    ///
    /// Default all, gzip and deflate: gRPC core's `grpc.compression_enabled_algorithms_bitset`.
    public var accepted: CompressionAlgorithmSet

    /// Creates a setting.
    public init(algorithm: CompressionAlgorithm = .none, accepted: CompressionAlgorithmSet = .all) {
        self.algorithm = algorithm
        self.accepted = accepted
    }
}
