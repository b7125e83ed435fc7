// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Values by key, of which the one that was used least recently makes room for a new one.
struct LeastRecentlyUsed<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Node: Sendable {
        var key: Key
        var value: Value
        var newer: Int
        var older: Int
    }

    private static var none: Int { -1 }

    private let capacity: Int
    private var places: [Key: Int] = [:]
    private var nodes: [Node] = []
    private var newest = -1
    private var oldest = -1

    /// Creates an empty table; it has room for one value at least.
    init(capacity: Int) {
        self.capacity = max(capacity, 1)
    }

    var count: Int { nodes.count }

    /// Lends the value of a key, which is made where there is none, and which is now the one that was used last.
    /// - Complexity: O(1) on average.
    mutating func withValue<Result>(of key: Key, make: () -> Value, _ body: (inout Value) -> Result) -> Result {
        let place: Int
        if let known = places[key] {
            place = known
            unlink(place)
        } else if nodes.count < capacity {
            place = nodes.count
            nodes.append(Node(key: key, value: make(), newer: Self.none, older: Self.none))
            places[key] = place
        } else {
            place = oldest
            unlink(place)
            places[nodes[place].key] = nil
            places[key] = place
            nodes[place].key = key
            nodes[place].value = make()
        }
        linkNewest(place)
        return body(&nodes[place].value)
    }

    private mutating func unlink(_ place: Int) {
        let (newer, older) = (nodes[place].newer, nodes[place].older)
        if newer == Self.none { newest = older } else { nodes[newer].older = older }
        if older == Self.none { oldest = newer } else { nodes[older].newer = newer }
    }

    private mutating func linkNewest(_ place: Int) {
        nodes[place].older = newest
        nodes[place].newer = Self.none
        if newest != Self.none { nodes[newest].newer = place }
        newest = place
        if oldest == Self.none { oldest = place }
    }
}
