// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshTesting
import Synchronization

/// Where a test's operations wait until the test lets them go on, deaf to cancellation unless asked.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var waiting: [CheckedContinuation<Void, Never>] = []
        var arrivals = 0
        var watchers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())

    /// How many operations have come here.
    var arrivals: Int { state.withLock { $0.arrivals } }

    /// Waits until the gate is open, even if the task is cancelled.
    func pass() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let (isOpen, watchers) = state.withLock { state -> (Bool, [CheckedContinuation<Void, Never>]) in
                state.arrivals += 1
                let seen = state.arrivals
                let watchers = state.watchers.filter { $0.count <= seen }.map(\.continuation)
                state.watchers.removeAll { $0.count <= seen }
                if !state.isOpen { state.waiting.append(continuation) }
                return (state.isOpen, watchers)
            }
            for watcher in watchers { watcher.resume() }
            if isOpen { continuation.resume() }
        }
    }

    /// Lets everybody go on.
    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Waits until so many operations have come here.
    func waitForArrivals(_ count: Int = 1) async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let isSatisfied = state.withLock { state in
                if state.arrivals >= count { return true }
                state.watchers.append((count, continuation))
                return false
            }
            if isSatisfied { continuation.resume() }
        }
    }
}

/// A list that tasks append to.
final class Journal<Element: Sendable>: Sendable {
    private let entries = Mutex<[Element]>([])

    var all: [Element] { entries.withLock { $0 } }
    var count: Int { all.count }

    func append(_ element: Element) {
        entries.withLock { $0.append(element) }
    }
}

/// An error that means nothing to the mesh.
struct Broken: Error, Equatable {
    var number = 0
}

/// Sleeps on a clock, and ends early when its task is cancelled.
func rest(_ duration: Nanoseconds, on clock: ManualClock) async throws {
    try await clock.sleep(until: clock.now.advanced(by: duration))
}
