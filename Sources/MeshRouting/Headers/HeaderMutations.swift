// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Header fields that a table, a virtual host, a route or a cluster's share adds and removes
/// (`request_headers_to_add`, `request_headers_to_remove`, `response_headers_to_add`, `response_headers_to_remove`).
public struct HeaderMutations: Hashable, Sendable {
    /// Fields that requests get.
    public var requestAdditions: [HeaderAddition]
    /// Fields that requests lose.
    public var requestRemovals: [HeaderName]
    /// Fields that responses get.
    public var responseAdditions: [HeaderAddition]
    /// Fields that responses lose.
    public var responseRemovals: [HeaderName]

    /// Creates the changes.
    public init(
        requestAdditions: [HeaderAddition] = [],
        requestRemovals: [HeaderName] = [],
        responseAdditions: [HeaderAddition] = [],
        responseRemovals: [HeaderName] = []
    ) {
        self.requestAdditions = requestAdditions
        self.requestRemovals = requestRemovals
        self.responseAdditions = responseAdditions
        self.responseRemovals = responseRemovals
    }

    /// No change.
    public static let none = HeaderMutations()

    /// Whether nothing changes.
    public var isEmpty: Bool {
        requestAdditions.isEmpty && requestRemovals.isEmpty && responseAdditions.isEmpty && responseRemovals.isEmpty
    }
}
