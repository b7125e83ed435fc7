// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshHTTP

@Suite("A lazy timer")
struct LazyTimerTests {
    private func at(_ nanoseconds: UInt64) -> MeshInstant { MeshInstant(nanoseconds: nanoseconds) }

    @Test("sets its alarm once for instants that move away, and again when it rings too early")
    func movesLater() {
        var timer = LazyTimer()
        #expect(timer.want(at(10)) == at(10))
        #expect(timer.want(at(20)) == nil)
        #expect(timer.want(at(30)) == nil)
        #expect(timer.fired(at: at(10)) == .rearm(at: at(30)))
        #expect(timer.fired(at: at(30)) == .due)
        #expect(timer.fired(at: at(31)) == .nothing)
    }

    @Test("sets its alarm anew for an instant that is nearer")
    func movesNearer() {
        var timer = LazyTimer()
        #expect(timer.want(at(100)) == at(100))
        #expect(timer.want(at(50)) == at(50))
        #expect(timer.fired(at: at(50)) == .due)
    }

    @Test("lets an alarm ring for nobody when nothing is wanted any more")
    func wantsNothing() {
        var timer = LazyTimer()
        #expect(timer.want(at(10)) == at(10))
        #expect(timer.want(nil) == nil)
        #expect(timer.fired(at: at(10)) == .nothing)
        #expect(timer.want(at(5)) == at(5))
    }
}
