// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Whoever wants to be told that a time is over: a reference and a number, so that a timer costs no closure.
public protocol TimerTarget: AnyObject, Sendable {
    /// The timer that was armed with that token is due.
    ///
    /// Called once for each timer that was not cancelled before, on the wheel's task, outside every lock. It returns at
    /// once: every other timer waits for it. A cancellation that loses the race against it returns `false`.
    func timerFired(_ token: UInt64)
}
