// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A field of a resource that has no effect, and why: what gRPC drops without a word.
public struct FieldReport: Hashable, Sendable, CustomStringConvertible {
    /// Where the field stands, in the names of the xDS API (`virtual_hosts[0].routes[2].route.hash_policy`).
    public var path: String
    /// Why it has no effect.
    public var reason: String

    /// Creates a report.
    public init(path: String, reason: String) {
        self.path = path
        self.reason = reason
    }

    /// The path and the reason.
    public var description: String { path.isEmpty ? reason : "\(path): \(reason)" }

    /// The same report below a parent's path.
    func prefixed(by parent: String) -> FieldReport {
        FieldReport(path: path.isEmpty ? parent : "\(parent).\(path)", reason: reason)
    }
}

/// What decoding gave: a valid resource, and what was left out of it.
public struct Decoded<Resource: Hashable & Sendable>: Hashable, Sendable {
    /// The resource.
    public var resource: Resource
    /// The fields that have no effect, at most 256 of them.
    public var ignored: [FieldReport]

    /// Creates a result.
    public init(_ resource: Resource, ignored: [FieldReport] = []) {
        self.resource = resource
        self.ignored = ignored
    }
}
