// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// How long rounds took, from the change to the last answer.
struct PushFigures: CustomStringConvertible {
    private let times: [Nanoseconds]

    /// How many rounds come first and are not counted.
    static let warmUps = 3

    /// Measures rounds, after those that are not counted.
    init(rounds: Int, _ round: (Int) async throws -> Void) async throws {
        let clock = SystemClock()
        var times: [Nanoseconds] = []
        for number in 0..<rounds + Self.warmUps {
            let began = clock.now
            try await round(number)
            if number >= Self.warmUps { times.append(clock.now.elapsed(since: began)) }
        }
        self.times = times.sorted()
    }

    var median: Nanoseconds { at(0.5) }

    var description: String {
        "median \(Self.text(median)) ms, p90 \(Self.text(at(0.9))) ms, worst \(Self.text(at(1))) ms"
    }

    private func at(_ share: Double) -> Nanoseconds {
        times[min(times.count - 1, Int(Double(times.count) * share))]
    }

    private static func text(_ time: Nanoseconds) -> String {
        "\((time.seconds * 100_000).rounded() / 100)"
    }
}
