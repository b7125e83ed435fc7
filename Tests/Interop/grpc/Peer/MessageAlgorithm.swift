// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import GRPCCore

/// A way to compress messages, by its name.
enum MessageAlgorithm: String, Decodable, ExpressibleByArgument, CaseIterable {
    case none
    case deflate
    case gzip

    var algorithm: CompressionAlgorithm {
        switch self {
        case .none: .none
        case .deflate: .deflate
        case .gzip: .gzip
        }
    }

    /// It, and messages as they are.
    var set: CompressionAlgorithmSet {
        switch self {
        case .none: .none
        case .deflate: [.none, .deflate]
        case .gzip: [.none, .gzip]
        }
    }
}
