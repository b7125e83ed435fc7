// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What a timer is cancelled with. A ticket of a timer that fired or was cancelled is worth nothing, and harmless.
public struct TimerTicket: Hashable, Sendable {
    /// Where in the slab the timer stood.
    let position: Int32
    /// The timer's number, which no other timer of the same wheel ever gets.
    let id: UInt64
}
