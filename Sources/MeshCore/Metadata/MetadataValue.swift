// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A value of metadata: what filters note about a request, what a node says of itself (`google.protobuf.Value`).
public indirect enum MetadataValue: Hashable, Sendable {
    /// Nothing.
    case null
    /// A truth value.
    case boolean(Bool)
    /// A number.
    case number(Double)
    /// A text.
    case text(String)
    /// Values in order.
    case list([MetadataValue])
    /// Values by name.
    case fields([String: MetadataValue])
}
