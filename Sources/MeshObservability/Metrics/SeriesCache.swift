// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Synchronization

/// A set of label values that a series stands for.
protocol SeriesLabels: Hashable, Sendable {
    /// The labels that stand for every set beyond the bound.
    var overflow: Self { get }
}

/// Metric objects by their labels: each is made once, and no more than a bound of them ever exists.
///
/// Labels come from configuration and from peers, so their number is not ours to trust; sets beyond the bound are
/// counted together under the labels' `overflow`.
final class SeriesCache<Labels: SeriesLabels, Series: Sendable>: Sendable {
    private let storage: Mutex<BoundedDictionary<Labels, Series>>
    private let make: @Sendable (Labels) -> Series

    init(limit: Int, make: @escaping @Sendable (Labels) -> Series) {
        self.storage = Mutex(BoundedDictionary(limit: limit))
        self.make = make
    }

    /// The series for these labels, made on first use.
    /// - Complexity: O(1); the metrics backend is called on first use only.
    subscript(labels: Labels) -> Series {
        let (known, isFull) = storage.withLock { ($0[labels], $0.isFull) }
        if let known { return known }
        // A series is made outside the lock, because the backend is foreign code. Two threads may both make it;
        // backends answer the same labels with the same metric, and the first object stays.
        if !isFull {
            let made = make(labels)
            if let series = storage.withLock({ $0.insert(made, for: labels) }) { return series }
        }
        let overflow = labels.overflow
        if let known = storage.withLock({ $0[overflow] }) { return known }
        let made = make(overflow)
        return storage.withLock { $0.insertBeyondLimit(made, for: overflow) }
    }

    var count: Int { storage.withLock { $0.count } }

    /// Takes the series out whose labels meet a condition.
    /// - Returns: Them.
    func remove(where isGone: @Sendable (Labels) -> Bool) -> [(labels: Labels, series: Series)] {
        storage.withLock { storage in
            let gone = storage.keys.filter { isGone($0) }
            return gone.compactMap { labels in storage.remove(labels).map { (labels, $0) } }
        }
    }

    /// Whether there is a series for these labels.
    func has(_ labels: Labels) -> Bool { storage.withLock { $0[labels] != nil } }

    /// The labels that there are series for.
    var labels: [Labels] { storage.withLock { Array($0.keys) } }

    /// Takes one series out, if there is one that meets a condition.
    func remove(_ labels: Labels, if isGone: @Sendable (Series) -> Bool) -> Series? {
        storage.withLock { storage in
            guard let series = storage[labels], isGone(series) else { return nil }
            return storage.remove(labels)
        }
    }
}

/// A dictionary that takes no more keys at a limit, but for one that its owner adds when it is full.
struct BoundedDictionary<Key: Hashable, Value> {
    private var values: [Key: Value] = [:]
    private let limit: Int

    init(limit: Int) {
        self.limit = limit
    }

    var count: Int { values.count }
    var isFull: Bool { values.count >= limit }

    subscript(key: Key) -> Value? { values[key] }

    /// The keys.
    var keys: Dictionary<Key, Value>.Keys { values.keys }

    /// Takes a value out.
    mutating func remove(_ key: Key) -> Value? { values.removeValue(forKey: key) }

    /// Adds a value, unless the key has one or the limit is reached.
    /// - Returns: The value that the key has now.
    mutating func insert(_ value: Value, for key: Key) -> Value? {
        isFull ? values[key] : insertBeyondLimit(value, for: key)
    }

    /// Adds a value, unless the key has one.
    /// - Returns: The value that the key has now.
    mutating func insertBeyondLimit(_ value: Value, for key: Key) -> Value {
        if let known = values[key] { return known }
        values[key] = value
        return value
    }
}
