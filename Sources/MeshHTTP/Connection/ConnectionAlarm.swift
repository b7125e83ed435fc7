// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore

/// The one timer of a connection: the thin driver of `LazyTimer`. Lives on the connection's event loop.
final class ConnectionAlarm {
    private let clock: any MeshClock
    private let loop: NIOIsolatedEventLoop
    private let ring: () -> Void
    private var timer = LazyTimer()
    private var scheduled: Scheduled<Void>?

    /// - Parameter ring: Called when the wanted instant has come.
    init(clock: any MeshClock, loop: NIOIsolatedEventLoop, ring: @escaping () -> Void) {
        self.clock = clock
        self.loop = loop
        self.ring = ring
    }

    /// Changes the instant at which it rings; `nil` for never.
    func want(_ instant: MeshInstant?) {
        if let instant = timer.want(instant) { arm(instant) }
    }

    /// Brings the instant at which it rings forward; a later one changes nothing.
    func wantNoLater(than instant: MeshInstant) {
        guard instant < timer.wanted ?? Deadline.never.instant else { return }
        want(instant)
    }

    /// Rings no more, and lets go of its owner.
    func cancel() {
        _ = timer.want(nil)
        scheduled?.cancel()
        scheduled = nil
    }

    private func arm(_ instant: MeshInstant) {
        scheduled?.cancel()
        scheduled = loop.scheduleTask(in: TimeAmount(instant.elapsed(since: clock.now))) { self.fired() }
    }

    private func fired() {
        scheduled = nil
        switch timer.fired(at: clock.now) {
        case .nothing: break
        case .rearm(let instant): arm(instant)
        case .due: ring()
        }
    }
}
