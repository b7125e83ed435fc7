// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Values by the numbers of their connections.
///
/// A sorted array instead of a dictionary: numbers only grow, so that new ones belong at the end, and a request looks
/// its connection up several times, where the steps of a binary search through a pool's few connections cost less than
/// one hash.
struct ConnectionTable<Value> {
    private var keys: [Int] = []
    private(set) var values: [Value] = []

    var count: Int { keys.count }
    var isEmpty: Bool { keys.isEmpty }

    /// The numbers of the connections whose values satisfy a condition.
    func keys(where condition: (Value) -> Bool) -> [Int] {
        zip(keys, values).compactMap { condition($1) ? $0 : nil }
    }

    /// The value of a connection. Finding one takes O(log n) steps, adding one at the end O(1), and removing or adding
    /// one elsewhere O(n).
    subscript(key: Int) -> Value? {
        get {
            let position = position(of: key)
            return position < keys.count && keys[position] == key ? values[position] : nil
        }
        set {
            let position = position(of: key)
            let isKnown = position < keys.count && keys[position] == key
            switch (newValue, isKnown) {
            case (let value?, true): values[position] = value
            case (let value?, false):
                keys.insert(key, at: position)
                values.insert(value, at: position)
            case (nil, true):
                keys.remove(at: position)
                values.remove(at: position)
            case (nil, false): break
            }
        }
    }

    /// Takes a connection out.
    /// - Returns: Its value; `nil` if it is not there.
    mutating func remove(_ key: Int) -> Value? {
        let position = position(of: key)
        guard position < keys.count, keys[position] == key else { return nil }
        keys.remove(at: position)
        return values.remove(at: position)
    }

    /// Where a connection is, or would have to be.
    private func position(of key: Int) -> Int {
        var (low, high) = (0, keys.count)
        while low < high {
            let middle = (low + high) / 2
            if keys[middle] < key { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension ConnectionTable: Sendable where Value: Sendable {}
