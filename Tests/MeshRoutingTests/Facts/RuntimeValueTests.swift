// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import Testing

@Suite struct RuntimeValueTests {
    struct Reading: Sendable, CustomStringConvertible {
        var value: RuntimeValue
        var share: FractionalPercent?
        var wholeNumber: UInt64?
        var decimal: Double?
        var truth: Bool?

        var description: String { "\(value)" }
    }

    /// As Envoy's `SnapshotImpl` reads them: `featureEnabled`, `getInteger`, `getDouble`, `getBoolean`.
    private static let readings = [
        Reading(
            value: .fraction(FractionalPercent(numerator: 3, denominator: .million)),
            share: .init(numerator: 3, denominator: .million)
        ),
        Reading(value: .integer(0), share: FractionalPercent.none, wholeNumber: 0, decimal: 0, truth: false),
        Reading(value: .integer(7), share: .init(numerator: 7), wholeNumber: 7, decimal: 7, truth: true),
        Reading(value: .integer(101), share: .all, wholeNumber: 101, decimal: 101, truth: true),
        Reading(value: .number(3.9), share: .init(numerator: 3), wholeNumber: 3, decimal: 3.9),
        Reading(value: .number(-2), decimal: -2, truth: true),
        Reading(value: .number(-0.5), decimal: -0.5),
        Reading(value: .number(1e300), decimal: 1e300),
        Reading(value: .boolean(true), truth: true),
        Reading(value: .boolean(false), truth: false),
        Reading(value: .text("x")),
    ]

    @Test(arguments: readings)
    func `a value is read by what is asked for`(reading: Reading) {
        #expect(reading.value.share == reading.share)
        #expect(reading.value.wholeNumber == reading.wholeNumber)
        #expect(reading.value.decimal == reading.decimal)
        #expect(reading.value.truth == reading.truth)
    }

    @Test func `a number is whole where it can be`() {
        #expect(RuntimeValue(5) == .integer(5))
        #expect(RuntimeValue(5.5) == .number(5.5))
        #expect(RuntimeValue(-5) == .number(-5))
        #expect(RuntimeValue(1e30) == .number(1e30))
    }
}
