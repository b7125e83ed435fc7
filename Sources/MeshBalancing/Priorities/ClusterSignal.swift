// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import Synchronization

/// What those who balance a cluster's requests let others know: changes of its endpoints' health are counted, so that
/// whoever balances by it knows when to look again, and weights that were taken anew are told.
public final class ClusterSignal: Sendable {
    private struct Subscriber {
        weak var tables: (any RenewableTables)?
    }

    private let changes = Atomic<UInt64>(0)
    /// Who makes tables in the requests' stead; `nil` if nobody does.
    let renewal: TableRenewal?
    private let subscribers = Mutex<[Subscriber]>([])
    private let cluster: String
    private let observers: ObserverSet

    /// Creates a signal.
    /// - Parameters:
    ///   - renewal: Who makes large tables in the requests' stead.
    ///   - cluster: The cluster, as observers are told.
    ///   - observers: Who hears of weights that were taken anew.
    public init(renewal: TableRenewal? = nil, cluster: String = "", observers: ObserverSet = .none) {
        self.renewal = renewal
        self.cluster = cluster
        self.observers = observers
    }

    /// Whether anybody wants to know of weights that were taken anew.
    var isObserved: Bool { !observers.isEmpty }

    /// Tells of weights that were taken anew. Called on the request path, outside all locks.
    func weightsUpdated(_ weights: [Double], notYetUsable: Int, stale: Int, in locality: Locality?) {
        let update = WeightsUpdate(
            cluster: cluster,
            locality: locality,
            weights: weights,
            notYetUsable: notYetUsable,
            stale: stale
        )
        observers.noticed(.weightsUpdated(update))
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
