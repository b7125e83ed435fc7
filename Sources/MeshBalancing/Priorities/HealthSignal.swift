// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Synchronization

/// Counts the changes of a cluster's endpoints' health, so that whoever balances by it knows when to look again.
public final class HealthSignal: Sendable {
    private struct Subscriber {
        weak var tables: (any RenewableTables)?
    }

    private let changes = Atomic<UInt64>(0)
    /// Who makes tables in the requests' stead; `nil` if nobody does.
    let renewal: TableRenewal?
    private let subscribers = Mutex<[Subscriber]>([])

    /// Creates a signal.
    /// - Parameter renewal: Who makes large tables in the requests' stead.
    public init(renewal: TableRenewal? = nil) {
        self.renewal = renewal
    }

    func healthChanged() {
        // Claimed before the change is counted: no request comes between and makes one by itself.
        let claimed = renewal == nil ? [] : subscribers.withLock { $0.compactMap(\.tables) }.filter { $0.claim() }
        changes.wrappingAdd(1, ordering: .releasing)
        for tables in claimed { tables.placeOrder() }
    }

    /// Tables that are to be made anew after each change, as long as they live.
    func add(_ tables: any RenewableTables) {
        subscribers.withLock { subscribers in
            subscribers.removeAll { $0.tables == nil }
            subscribers.append(Subscriber(tables: tables))
        }
    }

    /// How many changes there were.
    var count: UInt64 { changes.load(ordering: .acquiring) }
}

/// What is made anew in the background.
protocol RenewableTables: AnyObject, Sendable {
    /// Makes it known that an order follows, or that the one under way knows too little.
    /// - Returns: Whether an order is to be placed.
    func claim() -> Bool

    /// Places the order.
    func placeOrder()
}
