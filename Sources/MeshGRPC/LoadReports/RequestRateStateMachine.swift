// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// How many calls a second have ended lately, over the last ten whole seconds.
struct RequestRateStateMachine: Equatable {
    private struct Second: Equatable {
        var number: UInt64 = 0
        var calls: UInt64 = 0
        var failures: UInt64 = 0
    }

    /// How many seconds are looked at: long enough that a few calls a second make a rate, short enough that a weight
    /// follows within gRPC's ten seconds of blackout.
    private static let span: UInt64 = 10
    private static let second: UInt64 = 1_000_000_000

    /// One more than are looked at: the one that is not over yet.
    private var seconds = [Second](repeating: Second(), count: Int(span) + 1)
    private var first: UInt64?

    /// A call has ended.
    mutating func ended(succeeded: Bool, at now: MeshInstant) {
        let number = now.nanoseconds / Self.second
        if first == nil { first = number }
        let place = Int(number % (Self.span + 1))
        if seconds[place].number != number { seconds[place] = Second(number: number) }
        seconds[place].calls += 1
        if !succeeded { seconds[place].failures += 1 }
    }

    /// The rates; both 0 in the first second, which is not over yet.
    func rates(at now: MeshInstant) -> (calls: Double, failures: Double) {
        let number = now.nanoseconds / Self.second
        guard let first, number > first else { return (0, 0) }
        let span = min(number - first, Self.span)
        var sum: (calls: UInt64, failures: UInt64) = (0, 0)
        for second in seconds where second.number < number && second.number >= number - span {
            sum.calls += second.calls
            sum.failures += second.failures
        }
        return (Double(sum.calls) / Double(span), Double(sum.failures) / Double(span))
    }
}
