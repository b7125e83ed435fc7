// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore
import NIOHTTP2

extension HTTP2ConnectionDriver {
    /// The connection's one alarm has rung: for a stream, for the connection's age or idleness, for a ping.
    ///
    /// It is set to the earliest of all instants, and not moved when the stream that wanted it ends: then it rings for
    /// nobody and is set anew.
    func alarmRang() {
        guard machine.isReady, let identity else { return giveUpConnecting() }
        let now = configuration.clock.now
        for stream in streams.values where now >= stream.due { ringFor(stream, at: now) }
        switch keepalive.alarmRang(at: now) {
        case .nothing: break
        case .ping:
            write(.ping(HTTP2PingData(withInteger: 0x6d65_7368), ack: false), on: .rootStream)
            planFlush()
        case .close:
            return close(.keepaliveTimeout)
        }
        if let retiresAt = identity.retiresAt, now >= retiresAt { drain(.age) }
        if let idleSince, idleSince.advanced(by: identity.idleTimeout) <= now,
            identity.owner.idleTimedOut(identity.connection)
        {
            drain(.idle)
        }
        wantNextAlarm()
    }

    private func ringFor(_ stream: HTTP2Stream, at now: MeshInstant) {
        guard stream.deadline.hasPassed(at: now) else { return continueRequest(stream) }
        if !stream.machine.isDraining {
            let exchange = stream.exchange
            exchange.fail(.deadlineExceeded, origin: .upstream, message: exchange.deadlineMessage)
        }
        reset(stream, .cancel)
    }

    /// Sets the alarm to the earliest of all instants.
    /// - Complexity: O(streams); once an alarm, and when the connection becomes idle.
    func wantNextAlarm() {
        guard let identity else { return }
        var earliest = Deadline.never.instant
        for stream in streams.values { earliest = min(earliest, stream.due) }
        if let idleSince { earliest = min(earliest, idleSince.advanced(by: identity.idleTimeout)) }
        if let retiresAt = identity.retiresAt, !machine.isDraining { earliest = min(earliest, retiresAt) }
        earliest = min(earliest, keepalive.nextAlarm)
        identity.alarm.want(earliest == Deadline.never.instant ? nil : earliest)
    }
}
