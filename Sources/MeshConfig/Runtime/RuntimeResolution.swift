// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting

/// Puts the runtime's values into a configuration, and knows which of them nothing asked for.
///
/// What is asked for is what Envoy's own code asks for, by the same rules; a value that is of another kind, or that the
/// setting has no room for, leaves the configuration's own in force, and is told of.
struct RuntimeResolution {
    private let settings: [String: RuntimeSetting]
    private var read: Set<String> = []
    private var unusable: [String: String] = [:]

    init(_ settings: [String: RuntimeSetting]) {
        self.settings = settings
    }

    /// The share that a fraction has by the runtime.
    mutating func resolve(_ fraction: inout RuntimeFraction) {
        fraction.share = share(fraction.key) ?? fraction.share
    }

    /// The share of a key.
    mutating func share(_ key: String) -> FractionalPercent? { value(key, "share") { $0.share } }

    /// The whole number of a key.
    /// - Parameter range: Where it must lie.
    mutating func wholeNumber(_ key: String, in range: ClosedRange<UInt64> = 0...UInt64.max) -> UInt64? {
        guard let number = value(key, "whole number", { $0.wholeNumber }) else { return nil }
        guard range.contains(number) else {
            refuse(key, "must be from \(range.lowerBound) to \(range.upperBound), is \(number)")
            return nil
        }
        return number
    }

    /// The number of a key.
    mutating func decimal(_ key: String) -> Double? { value(key, "number") { $0.decimal } }

    /// The truth value of a key.
    mutating func truth(_ key: String) -> Bool? { value(key, "truth value") { $0.truth } }

    /// Notes that a value of the runtime cannot be used.
    mutating func refuse(_ key: String, _ reason: String) {
        unusable[key] = unusable[key] ?? reason
    }

    private mutating func value<Value>(
        _ key: String,
        _ kind: String,
        _ read: (RuntimeValue) -> Value?
    ) -> Value? {
        guard !key.isEmpty, let value = settings[key]?.value else { return nil }
        guard let result = read(value) else {
            refuse(key, "is \(value), which is no \(kind)")
            return nil
        }
        self.read.insert(key)
        return result
    }

    /// The most values without effect that are told of.
    private static let maximumIgnored = 1024

    /// The values without effect, in the order of their keys.
    var ignored: [IgnoredField] {
        let unread = settings.values.filter { unusable[$0.key] != nil || !read.contains($0.key) }
        return unread.sorted { $0.key < $1.key }.prefix(Self.maximumIgnored)
            .map { setting in
                let reason = unusable[setting.key] ?? "nothing in the configuration asks for it"
                return IgnoredField(.runtimeLayer(setting.layer), path: setting.key, reason: reason)
            }
    }
}
