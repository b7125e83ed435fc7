// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// What the places of endpoints on a ring are hashed with (`RingHash.HashFunction`).
public enum HashFunction: Hashable, Sendable {
    /// XXH64; Envoy's default, and all that gRPC has.
    case xxHash
    /// MurmurHash2 of 64 bits.
    case murmurHash2

    func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        switch self {
        case .xxHash: XXH64.hash(bytes: bytes)
        case .murmurHash2: MurmurHash2.hash(bytes: bytes)
        }
    }
}
