// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshIdentity

@Suite struct ExpiryWatchStateMachineTests {
    private func at(_ seconds: UInt64) -> MeshInstant { MeshInstant(nanoseconds: seconds * 1_000_000_000) }

    @Test func `there is a warning at a third, a sixth, a twelfth and the end of a life`() {
        var watch = ExpiryWatchStateMachine()
        watch.renewed(validFor: .seconds(3600), at: at(100))
        var warnings: [Double] = []
        var looks: [UInt64] = []
        while let next = watch.nextLook, looks.count < 10 {
            looks.append(next.nanoseconds / 1_000_000_000)
            let early = watch.timePassed(at: MeshInstant(nanoseconds: next.nanoseconds - 1))
            #expect(early == nil)
            if let left = watch.timePassed(at: next) { warnings.append(left.seconds) }
        }
        #expect(warnings == [1200, 600, 300, 0])
        #expect(looks == [2500, 3100, 3400, 3700])
    }

    @Test func `warnings that were slept through are one, and a renewal begins anew`() {
        var watch = ExpiryWatchStateMachine()
        watch.renewed(validFor: .seconds(1200), at: at(0))
        let first = watch.timePassed(at: at(1150))
        #expect(first == .seconds(50))
        let second = watch.timePassed(at: at(5000))
        #expect(second == .zero)
        #expect(watch.nextLook == nil)
        watch.renewed(validFor: .seconds(1200), at: at(5000))
        let third = watch.timePassed(at: at(5700))
        #expect(third == nil)
        #expect(watch.nextLook == at(5800))
    }

    @Test func `without an identity there is nothing to warn of`() {
        var watch = ExpiryWatchStateMachine()
        let warning = watch.timePassed(at: at(1_000_000))
        #expect(warning == nil && watch.nextLook == nil)
    }
}
