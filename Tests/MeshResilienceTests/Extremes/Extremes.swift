// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Values that nobody expects, drawn by a seed: the edges of what types and bounds allow, and what lies beyond.
struct Extremes: Sendable {
    let random: MeshRandom

    init(seed: UInt64) {
        self.random = MeshRandom(seed: seed)
    }

    private func one<Value>(of values: [Value]) -> Value {
        values[Int(random.below(UInt64(values.count)))]
    }

    var count: Int {
        one(of: [
            .min, -1, 0, 1, 2, 3, 5, 60, 100, 255, 1_000, 10_000, 1_000_000, LimitsOfTypes.int32, LimitsOfTypes.uint24,
            LimitsOfTypes.uint32, .max - 1, .max,
        ])
    }

    var number: Double {
        one(of: [
            -.infinity, -1, -0.0, 0, .leastNonzeroMagnitude, 1e-300, 1e-9, 0.1, 0.5, 1.0.nextDown, 1, 1.0.nextUp, 2,
            100,
            1_000, 1_000_000, 1e18, 1e300, .greatestFiniteMagnitude, .infinity, .nan,
        ])
    }

    var time: Nanoseconds {
        one(of: [
            .zero, Nanoseconds(rawValue: 1), Nanoseconds(rawValue: 999_999), .milliseconds(1), .milliseconds(100),
            .seconds(1), .seconds(10), .seconds(60), .seconds(3_600), .seconds(86_400), .seconds(365 * 86_400),
            Nanoseconds(rawValue: .max / 2), Nanoseconds(rawValue: .max - 1), .forever,
        ])
    }

    var flag: Bool { random.below(2) == 0 }

    /// How far a clock goes between two events: mostly a little, now and then sixty days, once in a while to the end.
    var step: Nanoseconds {
        switch random.below(1_000) {
        case 0: .seconds(60 * 86_400)
        case 1..<20: .seconds(random.below(100))
        case 20..<200: .zero
        default: Nanoseconds(rawValue: random.below(50_000_000))
        }
    }

    /// An instant to begin at: the clock's start, somewhere, or close before the end of time.
    var start: MeshInstant {
        MeshInstant(nanoseconds: one(of: [0, 1, 1_000_000_000, .max / 2, .max - 100_000_000_000, .max - 1, .max]))
    }

    /// Configurations that are valid, with up to four fields set to extremes.
    func valid<Configuration>(
        _ wanted: Int,
        of standard: Configuration,
        _ fields: [(inout Configuration, Extremes) -> Void],
        _ validate: (Configuration) throws -> Void
    ) -> [Configuration] {
        var found: [Configuration] = []
        // Most combinations are refused; the draws are bounded so that a bound nobody can meet shows as too few.
        for _ in 0..<wanted * 200 where found.count < wanted {
            var configuration = standard
            for _ in 0...random.below(4) { one(of: fields)(&configuration, self) }
            if (try? validate(configuration)) != nil { found.append(configuration) }
        }
        return found
    }
}

private enum LimitsOfTypes {
    static let uint24 = (1 << 24) - 1
    static let int32 = Int(Int32.max)
    static let uint32 = Int(UInt32.max)
}
