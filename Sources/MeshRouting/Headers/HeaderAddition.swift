// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A header field that is added (`envoy.config.core.v3.HeaderValueOption`).
public struct HeaderAddition: Hashable, Sendable {
    /// What happens where the field is there already (`HeaderAppendAction`).
    public enum Action: Hashable, Sendable {
        /// The value is added behind those that are there; the default.
        case appendIfExistsOrAdd
        /// Those that are there stay alone.
        case addIfAbsent
        /// The value replaces them.
        case overwriteIfExistsOrAdd
        /// The value replaces them; where there are none, nothing happens.
        case overwriteIfExists
    }

    /// The field's name.
    public var name: HeaderName
    /// The field's value, in which operators stand for facts of the request.
    public var value: HeaderFormat
    /// What happens where the field is there already.
    public var action: Action
    /// Whether a value that comes out empty is added all the same. Default `false`.
    public var keepsEmptyValue: Bool

    /// Creates an addition.
    public init(
        _ name: HeaderName,
        _ value: HeaderFormat,
        action: Action = .appendIfExistsOrAdd,
        keepsEmptyValue: Bool = false
    ) {
        self.name = name
        self.value = value
        self.action = action
        self.keepsEmptyValue = keepsEmptyValue
    }
}
