// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A turn that was reserved: reserve, wait, commit. Dropped before it is committed, it is given back.
public struct RateLimitReservation: ~Copyable, Sendable {
    private let limiter: RateLimiter
    private let place: RateLimitPlace?
    private let isReady: Bool
    // A struct that holds a reference cannot discard itself.
    private var isSettled = false
    /// When the call may go.
    public let readyAt: MeshInstant

    init(of limiter: RateLimiter, place: RateLimitPlace?, readyAt: MeshInstant, isReady: Bool) {
        self.limiter = limiter
        self.place = place
        self.isReady = isReady
        self.readyAt = readyAt
    }

    /// Whether the call had to wait when its turn was reserved.
    public var mustWait: Bool { !isReady }

    /// Waits for the turn and commits it.
    /// - Throws: `CancellationError` if the task is cancelled while it waits; the turn is given back.
    public consuming func wait() async throws {
        if !isReady { try await limiter.sleep(until: readyAt) }
        isSettled = true
    }

    /// The call goes: the permits are used.
    public consuming func commit() {
        isSettled = true
    }

    /// The call does not go: its permits are there for others.
    public consuming func giveBack() {}

    deinit {
        if !isSettled, let place { limiter.giveBack(place) }
    }
}
