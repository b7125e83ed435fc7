// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Synchronization

/// A set of label values that a series stands for.
protocol SeriesLabels: Hashable, Sendable {
    /// The labels that stand for every set beyond the bound.
    var overflow: Self { get }
    /// The labels as the backend is told them: sets that are the same here share their metrics there.
    var exported: Self { get }
}

extension SeriesLabels {
    var exported: Self { self }
}

/// Metric objects that a backend may forget.
protocol ForgettableSeries: Sendable {
    /// Lets the backend forget them.
    func destroy()
}

/// Metric objects by their labels: each is made once, and no more than a bound of them ever exists.
///
/// Labels come from configuration and from peers, so their number is not ours to trust; sets beyond the bound are
/// counted together under the labels' `overflow`.
final class SeriesCache<Labels: SeriesLabels, Series: Sendable>: Sendable {
    private let storage: Mutex<BoundedDictionary<Labels, Series>>
    private let make: @Sendable (Labels) -> Series
    /// Held while the backend makes or destroys metrics, so that none is destroyed that another thread just got.
    private let changes = Mutex(())

    init(limit: Int, make: @escaping @Sendable (Labels) -> Series) {
        self.storage = Mutex(BoundedDictionary(limit: limit))
        self.make = make
    }

    /// The series for these labels, made on first use.
    /// - Complexity: O(1); the metrics backend is called on first use only.
    subscript(labels: Labels) -> Series {
        let (known, isFull) = storage.withLock { ($0[labels], $0.isFull) }
        return known ?? made(isFull ? labels.overflow : labels)
    }

    /// Series are made outside the lock that every record takes, because the backend is foreign code.
    private func made(_ labels: Labels) -> Series {
        changes.withLock { _ in
            let (known, isFull) = storage.withLock { ($0[labels], $0.isFull) }
            if let known { return known }
            // What took the last place while this waited was other labels'.
            let labels = isFull ? labels.overflow : labels
            if let known = storage.withLock({ $0[labels] }) { return known }
            let series = make(labels)
            return storage.withLock { $0.insertBeyondLimit(series, for: labels) }
        }
    }

    var count: Int { storage.withLock { $0.count } }

    /// Whether there is a series for these labels.
    func has(_ labels: Labels) -> Bool { storage.withLock { $0[labels] != nil } }

    /// Whether there is a series that meets a condition.
    /// - Complexity: O(n) in the number of series.
    func contains(where isWanted: (Labels, Series) -> Bool) -> Bool {
        storage.withLock { $0.all }.contains { isWanted($0.key, $0.value) }
    }
}

extension SeriesCache where Series: ForgettableSeries {
    /// Takes the series out whose labels meet a condition, and has the backend forget those that no others share.
    /// - Complexity: O(n) in the number of series.
    func forget(where isGone: @Sendable (Labels) -> Bool) {
        changes.withLock { _ in
            let (gone, shared) = storage.withLock { storage in
                let gone = storage.keys.filter { isGone($0) }
                let series = gone.compactMap { labels in storage.remove(labels).map { (labels.exported, $0) } }
                return (series, series.isEmpty ? [] : Set(storage.keys.map(\.exported)))
            }
            for (labels, series) in gone where !shared.contains(labels) { series.destroy() }
        }
    }

    /// Takes one series out that no others share their metrics with, if it meets a condition.
    /// - Returns: Whether there is none now.
    func forget(_ labels: Labels, if isGone: @Sendable (Series) -> Bool = { _ in true }) -> Bool {
        changes.withLock { _ in
            let (series, isKept): (Series?, Bool) = storage.withLock { storage in
                guard let series = storage[labels] else { return (nil, false) }
                return isGone(series) ? (storage.remove(labels), false) : (nil, true)
            }
            series?.destroy()
            return !isKept
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

    /// All that there is.
    var all: [Key: Value] { values }

    /// The keys.
    var keys: Dictionary<Key, Value>.Keys { values.keys }

    /// Takes a value out.
    mutating func remove(_ key: Key) -> Value? { values.removeValue(forKey: key) }

    /// Adds a value, unless the key has one.
    /// - Returns: The value that the key has now.
    mutating func insertBeyondLimit(_ value: Value, for key: Key) -> Value {
        if let known = values[key] { return known }
        values[key] = value
        return value
    }
}
