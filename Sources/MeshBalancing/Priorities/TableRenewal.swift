// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import Synchronization

/// Makes large tables of pickers anew in the background when the health of endpoints changes, so that no request does.
///
/// While nobody runs it, the first request that needs a table makes it.
public final class TableRenewal: Sendable {
    typealias Order = @Sendable () -> Void

    /// How many endpoints make a table large, whatever the policy.
    static let manyEndpoints = 256

    let clock: any MeshClock
    private let orders = Mutex<AsyncStream<Order>.Continuation?>(nil)

    /// Creates one that nobody runs yet.
    public init(clock: any MeshClock) {
        self.clock = clock
    }

    /// Whether it takes orders.
    package var isRunning: Bool { orders.withLock { $0 != nil } }

    /// Makes what is ordered until the task is cancelled, and then what is left of that. One task runs it at a time.
    public func run() async {
        // Bounded by the tables: each is ordered once until it is made.
        let (stream, continuation) = AsyncStream.makeStream(of: Order.self)
        orders.withLock { $0 = continuation }
        for await order in stream { order() }
        orders.withLock { $0 = nil }
    }

    /// Orders something.
    /// - Returns: Whether it will be done; nobody does it after the end of `run`, or before its beginning.
    func take(_ order: @escaping Order) -> Bool {
        // A stream that has ended enqueues nothing any more, and what it has enqueued it still hands out.
        guard let continuation = orders.withLock({ $0 }) else { return false }
        if case .enqueued = continuation.yield(order) { return true }
        return false
    }
}
