// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore

/// One alarm of an event loop. It lives on the loop, and keeps what `ring` captures until it is cancelled or rings.
final class LoopAlarm: NIOScheduledCallbackHandler {
    private let loop: any EventLoop
    private let ring: () -> Void
    private var callback: NIOScheduledCallback?

    init(_ loop: any EventLoop, ring: @escaping () -> Void) {
        self.loop = loop
        self.ring = ring
    }

    /// Whether it is going to ring.
    var isSet: Bool { callback != nil }

    /// Sets the alarm, in place of any set before.
    func set(in delay: Nanoseconds) {
        callback?.cancel()
        // It throws only on a loop that has shut down, where nothing is left to time.
        callback = try? loop.assumeIsolated().scheduleCallback(in: delay.timeAmount, handler: self)
    }

    func cancel() {
        callback?.cancel()
        callback = nil
    }

    func handleScheduledCallback(eventLoop: some EventLoop) {
        callback = nil
        ring()
    }
}

extension Nanoseconds {
    /// The same span; what does not fit becomes 292 years.
    var timeAmount: TimeAmount { .nanoseconds(Int64(clamping: rawValue)) }
}
