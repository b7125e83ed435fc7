// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore

/// A way to compress messages, by the name that `grpc-encoding` has for it (gRPC over HTTP/2, "Compression").
enum MessageEncoding: String, CaseIterable, Sendable {
    /// zlib's format (RFC 1950).
    case deflate
    /// RFC 1952.
    case gzip

    /// What `grpc-encoding` calls messages as they are.
    static let identity = "identity"

    /// The one that an algorithm of grpc-swift stands for; `nil` for none.
    init?(_ algorithm: CompressionAlgorithm) {
        switch algorithm {
        case .deflate: self = .deflate
        case .gzip: self = .gzip
        default: return nil
        }
    }

    var algorithm: CompressionAlgorithm {
        switch self {
        case .deflate: .deflate
        case .gzip: .gzip
        }
    }

    /// What zlib calls it: the size of the window, 2¹⁵ bytes, and 16 more for the format of gzip.
    var windowBits: Int32 {
        switch self {
        case .deflate: 15
        case .gzip: 15 + 16
        }
    }
}
