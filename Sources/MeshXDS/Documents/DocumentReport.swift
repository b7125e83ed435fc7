// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A field of a document that has no effect: where it stands, and why.
public struct DocumentReport: Hashable, Sendable, CustomStringConvertible {
    /// The document's file; empty if nobody named one.
    public var file: String
    /// Where the field stands in the file.
    public var position: DocumentPosition
    /// Where the field stands, in the names of the xDS API.
    public var path: String
    /// Why it has no effect.
    public var reason: String
    /// Whether the API has no such field at all: Envoy refuses a document with one.
    public var isUnknownField: Bool

    /// Creates a report.
    public init(
        file: String,
        position: DocumentPosition,
        path: String,
        reason: String,
        isUnknownField: Bool = false
    ) {
        self.file = file
        self.position = position
        self.path = path
        self.reason = reason
        self.isUnknownField = isUnknownField
    }

    /// `file:line:column: path: reason`.
    public var description: String {
        "\(DocumentPlace(file: file, position: position))\(path.isEmpty ? "" : "\(path): ")\(reason)"
    }
}

/// How places of documents are written in messages.
struct DocumentPlace: CustomStringConvertible {
    let file: String
    let position: DocumentPosition

    /// `file:line:column: `.
    var description: String {
        "\(file.isEmpty ? "" : "\(file):")\(position.line):\(position.column): "
    }
}

/// A resource that was read from a document, and what was left out of it.
public struct ReadResource<Resource: Sendable>: Sendable {
    /// The resource.
    public var resource: Resource
    /// The fields that have no effect, in the order of their positions.
    public var ignored: [DocumentReport]

    /// Creates a result.
    public init(_ resource: Resource, ignored: [DocumentReport] = []) {
        self.resource = resource
        self.ignored = ignored
    }
}
