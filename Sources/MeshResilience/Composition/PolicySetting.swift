// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// One value of a policy's configuration, as `describe()` shows it.
public struct PolicySetting: Hashable, Sendable, CustomStringConvertible {
    /// Where a value comes from.
    public enum Source: Hashable, Sendable {
        /// It is the default, which is taken from there (`Hystrix`, `Envoy RetryBackOff.base_interval`).
        case standard(String)
        /// Somebody set it; the text says where, and is empty if only the program can know.
        case configured(String)
    }

    /// The property's name.
    public var name: String
    /// The value, in words.
    public var value: String
    /// Where it comes from.
    public var source: Source

    /// Creates a setting whose value somebody had to choose.
    public init<Value>(_ name: String, _ value: Value) {
        self.name = name
        self.value = Self.words(value)
        self.source = .configured("")
    }

    /// Creates a setting that has a default.
    /// - Parameter origin: Where the default is taken from.
    public init<Value: Equatable>(_ name: String, _ value: Value, default standard: Value, from origin: String) {
        self.name = name
        self.value = Self.words(value)
        self.source = value == standard ? .standard(origin) : .configured("")
    }

    /// For people: `failureRate 0.5 (default: Hystrix)`.
    public var description: String {
        switch source {
        case .standard(let origin): "\(name) \(value) (default: \(origin))"
        case .configured(let place): place.isEmpty ? "\(name) \(value)" : "\(name) \(value) (\(place))"
        }
    }

    /// The same, set at a place; a default stays one.
    func located(at place: String) -> PolicySetting {
        guard case .configured("") = source else { return self }
        var located = self
        located.source = .configured(place)
        return located
    }

    private static func words(_ value: some Any) -> String {
        switch value {
        case let time as Nanoseconds: time == .forever ? "forever" : "\(time.duration)"
        case let optional as any OptionalValue: optional.wrapped.map { words($0) } ?? "none"
        default: "\(value)"
        }
    }
}

/// Sees through an optional whose type is not known.
private protocol OptionalValue {
    var wrapped: Any? { get }
}

extension Optional: OptionalValue {
    fileprivate var wrapped: Any? { self }
}
