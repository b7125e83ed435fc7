// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@Suite struct DeadlineTests {
    private let now = MeshInstant(nanoseconds: 1_000)

    @Test func `a deadline passes at its instant, not before`() {
        let deadline = Deadline(Nanoseconds(rawValue: 10), after: now)
        #expect(!deadline.hasPassed(at: MeshInstant(nanoseconds: 1_009)))
        #expect(deadline.hasPassed(at: MeshInstant(nanoseconds: 1_010)))
        #expect(deadline.remaining(at: now) == Nanoseconds(rawValue: 10))
        #expect(deadline.remaining(at: MeshInstant(nanoseconds: 2_000)) == .zero)
    }

    @Test func `no deadline never passes, not even at the end of time`() {
        #expect(!Deadline.never.hasPassed(at: MeshInstant(nanoseconds: .max)))
        #expect(Deadline.never.remaining(at: now) == .forever)
        #expect(Deadline(.forever, after: now).isNever)
    }

    @Test func `a deadline can be shortened and never extended`() {
        var deadline = Deadline(.seconds(5), after: now)
        deadline.shorten(to: Deadline(.seconds(9), after: now))
        #expect(deadline == Deadline(.seconds(5), after: now))
        deadline.shorten(to: Deadline(.seconds(1), after: now))
        #expect(deadline == Deadline(.seconds(1), after: now))
        deadline.shorten(to: .never)
        #expect(deadline == Deadline(.seconds(1), after: now))
    }
}
