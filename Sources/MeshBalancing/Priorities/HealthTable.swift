// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization

/// What is reckoned from the health of endpoints, and holds until it changes or a time is over.
struct HealthTable<Contents: Sendable>: Sendable {
    let contents: Contents
    /// How many changes of health it knows of.
    let changes: UInt64
    /// Until when it holds, in nanoseconds of the mesh's clock.
    let validUntil: UInt64

    /// Whether it is what would be made now.
    @inline(__always)
    func holds(after changes: UInt64, at now: MeshInstant) -> Bool {
        self.changes == changes && now.nanoseconds < validUntil
    }
}

/// How far the background is with a table.
private enum TableOrder: UInt8, AtomicRepresentable {
    case none
    case placed
    case underWay
    /// What is under way does not know of the last change.
    case outdated
}

/// The latest `HealthTable`.
///
/// After a change it is made anew in the background, where somebody does so, and otherwise by the first request; the others
/// go on with what there was.
final class HealthTables<Contents: Sendable>: RenewableTables {
    /// The one that holds until the health of an endpoint changes: nobody has to lock anything to read it.
    private let first: HealthTable<Contents>
    private let latest: Mutex<HealthTable<Contents>>
    /// Held by whoever makes one in a request's way.
    private let making = Mutex(())
    private let order = Atomic(TableOrder.none)
    private let renewal: TableRenewal?
    private let make: @Sendable (MeshInstant) -> HealthTable<Contents>

    /// Makes the first table.
    /// - Parameters:
    ///   - renewal: Who makes the others; `nil` for the requests.
    ///   - make: Makes a table of what is known at an instant.
    init(
        renewal: TableRenewal? = nil,
        at now: MeshInstant,
        make: @escaping @Sendable (MeshInstant) -> HealthTable<Contents>
    ) {
        self.renewal = renewal
        self.make = make
        self.first = make(now)
        self.latest = Mutex(first)
    }

    /// The contents that hold now.
    /// - Parameter changes: How many changes of health there were.
    @inline(__always)
    func contents(after changes: UInt64, at now: MeshInstant) -> Contents {
        first.holds(after: changes, at: now) ? first.contents : later(after: changes, at: now)
    }

    @inline(never)
    private func later(after changes: UInt64, at now: MeshInstant) -> Contents {
        let known = latest.withLock { $0 }
        if known.holds(after: changes, at: now) { return known.contents }
        // What time alone changes is that endpoints return: whoever does not know yet uses the others a little longer.
        if known.changes == changes, claim() { placeOrder() }
        if order.load(ordering: .acquiring) != .none { return known.contents }
        let made = making.withLockIfAvailable { _ in
            // Somebody may just have made it.
            let known = latest.withLock { $0 }
            if known.holds(after: changes, at: now) { return known }
            let made = make(now)
            store(made)
            return made
        }
        return (made ?? known).contents
    }

    func claim() -> Bool {
        guard renewal != nil else { return false }
        if order.compareExchange(expected: .none, desired: .placed, ordering: .acquiringAndReleasing).exchanged {
            return true
        }
        _ = order.compareExchange(expected: .underWay, desired: .outdated, ordering: .acquiringAndReleasing)
        return false
    }

    func placeOrder() {
        let isTaken = renewal?.take { [weak self] in self?.renew() } ?? false
        // The next request makes it by itself.
        if !isTaken { order.store(.none, ordering: .releasing) }
    }

    private func renew() {
        guard let renewal else { return }
        repeat {
            order.store(.underWay, ordering: .releasing)
            store(make(renewal.clock.now))
        } while !order.compareExchange(
            expected: .underWay,
            desired: .none,
            ordering: .acquiringAndReleasing
        ).exchanged
    }

    /// A request that began earlier may end later: the one that knows more stays.
    private func store(_ made: HealthTable<Contents>) {
        latest.withLock { if made.changes >= $0.changes { $0 = made } }
    }
}
