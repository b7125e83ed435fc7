// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A request that can list its header fields: what a service elsewhere is told of it.
public protocol FieldListing {
    /// The header fields in their order, names in lower case.
    var listedFields: [(name: String, value: String)] { get }
}
