// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@Suite struct NanosecondsTests {
    static let durations: [(Duration, UInt64)] = [
        (.zero, 0),
        (.nanoseconds(1), 1),
        (.microseconds(3), 3000),
        (.seconds(2) + .nanoseconds(5), 2_000_000_005),
        (.nanoseconds(-1), 0),
        (.seconds(-3), 0),
        (Duration(secondsComponent: 0, attosecondsComponent: 999_999_999), 0),
        (Duration(secondsComponent: 18_446_744_073, attosecondsComponent: 709_551_615_000_000_000), .max),
        (Duration(secondsComponent: 18_446_744_073, attosecondsComponent: 709_551_616_000_000_000), .max),
        (Duration(secondsComponent: .max, attosecondsComponent: 0), .max),
        (Duration(secondsComponent: .min, attosecondsComponent: 0), 0),
    ]

    @Test(arguments: durations)
    func `a duration is cut to whole nanoseconds and clamped to what fits`(duration: Duration, expected: UInt64) {
        #expect(Nanoseconds(duration).rawValue == expected)
    }

    @Test(arguments: [UInt64(0), 1, 999_999_999, 1_000_000_000, 1_000_000_001, .max - 1, .max])
    func `a span survives the way to a duration and back`(count: UInt64) {
        #expect(Nanoseconds(Nanoseconds(rawValue: count).duration).rawValue == count)
    }

    @Test func `spans of more seconds than fit are the longest span, and not what is left of an overflow`() {
        #expect(Nanoseconds.seconds(.max) == .forever && Nanoseconds.milliseconds(.max) == .forever)
        #expect(Nanoseconds.seconds(18_446_744_073).rawValue == 18_446_744_073_000_000_000)
        #expect(Nanoseconds.seconds(18_446_744_074) == .forever)
    }

    @Test func `instants saturate instead of overflowing, and never run backwards`() {
        let late = MeshInstant(nanoseconds: .max - 1)
        #expect(late.advanced(by: .seconds(1)).nanoseconds == .max)
        #expect(late.advanced(by: .forever).nanoseconds == .max)
        #expect(MeshInstant(nanoseconds: 5).elapsed(since: MeshInstant(nanoseconds: 3)) == Nanoseconds(rawValue: 2))
        #expect(MeshInstant(nanoseconds: 3).elapsed(since: MeshInstant(nanoseconds: 5)) == .zero)
    }

    @Test func `the system's clock moves forward`() {
        let clock = SystemClock()
        let first = clock.now
        #expect(first.nanoseconds > 0)
        #expect(clock.now >= first)
    }
}
