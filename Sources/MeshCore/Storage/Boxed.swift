// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A property that few values set: one word in the value that has it, and the rest elsewhere, shared by its copies.
///
/// Configurations are values that are copied, sorted and compared by the ten thousand; what is not set in them must not
/// be carried along. Copies are O(1); so is comparing what is the same box or not set. Writing makes a new box, and so
/// does each change in place.
@propertyWrapper
public struct Boxed<Value: Boxable & Sendable>: Hashable, Sendable {
    private final class Box: Sendable {
        let value: Value

        init(_ value: Value) {
            self.value = value
        }
    }

    private var box: Box?

    /// Creates a property.
    public init(wrappedValue: Value) {
        box = wrappedValue.isUnset ? nil : Box(wrappedValue)
    }

    /// The value.
    public var wrappedValue: Value {
        get { box?.value ?? .unset }
        set { box = newValue.isUnset ? nil : Box(newValue) }
    }

    /// Whether both say the same.
    public static func == (one: Self, other: Self) -> Bool {
        if one.box === other.box { return true }
        guard let first = one.box, let second = other.box else { return false }
        return first.value == second.value
    }

    /// Hashes what it says.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(box?.value)
    }
}

/// What a `Boxed` property can be.
public protocol Boxable: Hashable {
    /// What it is where nobody sets it.
    static var unset: Self { get }
    /// Whether it is that.
    var isUnset: Bool { get }
}

extension Boxable {
    /// Whether it equals what it is where nobody sets it.
    public var isUnset: Bool { self == .unset }
}

extension Optional: Boxable where Wrapped: Hashable {
    /// `nil`.
    public static var unset: Self { nil }
    /// Whether it is `nil`.
    public var isUnset: Bool { self == nil }
}
