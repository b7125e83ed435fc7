// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization

/// What is seen of flips: when the first request took the new route, and what became of all of them.
final class FlipLog: Observer {
    private struct Awaited {
        var cluster = ""
        var since = MeshInstant(nanoseconds: 0)
        var effect: Nanoseconds?
    }

    private let clock = SystemClock()
    private let awaited = Mutex(Awaited())
    private let failures = Mutex<[String: Int]>([:])
    private let done = Atomic<Int>(0)
    private let over = Atomic<Bool>(false)

    /// Whether callers are to stop.
    var isOver: Bool { over.load(ordering: .relaxed) }
    /// How many requests were answered as they should be.
    var answered: Int { done.load(ordering: .relaxed) }
    /// How many were not, by what happened to them.
    var failed: [String: Int] { failures.withLock { $0 } }
    /// How long it took from the push to the first request to the cluster; `nil` while there was none.
    var effect: Nanoseconds? { awaited.withLock { $0.effect } }

    /// A route to a cluster is pushed now.
    func pushing(_ cluster: String) {
        awaited.withLock { $0 = Awaited(cluster: cluster, since: clock.now) }
    }

    func answer() {
        done.wrappingAdd(1, ordering: .relaxed)
    }

    func fail(_ text: String) {
        failures.withLock { $0[text, default: 0] += 1 }
    }

    func end() {
        over.store(true, ordering: .relaxed)
    }

    func attemptStarted(_ context: inout CallContext, cluster: String) {
        awaited.withLock { awaited in
            guard awaited.effect == nil, awaited.cluster == cluster else { return }
            awaited.effect = clock.now.elapsed(since: awaited.since)
        }
    }

    func noticed(_ event: MeshEvent) {
        if case .configurationRejected(_, let error) = event { fail("a configuration was refused: \(error)") }
    }
}
