// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The generator MT19937 of 32 bits (C++'s `std::mt19937`), by which Envoy orders the endpoints that it asks when one has
/// too much to do: who shares keys with an Envoy has to ask in the same order.
struct MersenneTwister {
    private static let count = 624
    private static let middle = 397

    private var state: [UInt32]
    private var position = MersenneTwister.count

    init(seed: UInt32) {
        state = [seed]
        state.reserveCapacity(Self.count)
        for index in 1..<Self.count {
            let last = state[index - 1]
            state.append(1_812_433_253 &* (last ^ (last >> 30)) &+ UInt32(index))
        }
    }

    /// The next 32 bits.
    mutating func next() -> UInt32 {
        if position == Self.count { twist() }
        var value = state[position]
        position += 1
        value ^= value >> 11
        value ^= (value << 7) & 0x9D2C_5680
        value ^= (value << 15) & 0xEFC6_0000
        return value ^ (value >> 18)
    }

    /// A number below a bound, all of them equally likely.
    mutating func below(_ bound: UInt32) -> UInt32 {
        let width = (UInt64(UInt32.max) + 1) / UInt64(bound)
        while true {
            let value = UInt64(next()) / width
            if value < UInt64(bound) { return UInt32(value) }
        }
    }

    private mutating func twist() {
        for index in 0..<Self.count {
            let joined = (state[index] & 0x8000_0000) | (state[(index + 1) % Self.count] & 0x7FFF_FFFF)
            let odd: UInt32 = joined & 1 == 0 ? 0 : 0x9908_B0DF
            state[index] = state[(index + Self.middle) % Self.count] ^ (joined >> 1) ^ odd
        }
        position = 0
    }
}
