// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A connected client of an xDS server: who it is, what it speaks, and how far it is.
public struct XDSClientStatus: Sendable {
    /// How far a client is with one kind of resources.
    public struct Progress: Hashable, Sendable {
        /// The version that it took last.
        public var acknowledged: String?
        /// The version that it refused after that, if it did.
        public var rejected: String?
        /// Why it refused, at most 2000 characters of it.
        public var reason: String?
    }

    /// The number of its stream.
    public var stream: UInt64
    /// Who it says it is.
    public var node: XDSNode
    /// How it is spoken to; `nil` for the moment before that is known.
    public var connection: XDSConnection?
    /// The version that it is served; `nil` before there is one.
    public var servedVersion: String?
    /// The version that it has taken all of; `nil` before it has.
    public var appliedVersion: String?
    /// How far it is, by kind.
    public var kinds: [ResourceKind: Progress] = [:]
    /// What it is told otherwise than it was meant, or not at all, because its dialect cannot say it.
    public var translations: [FieldReport] = []
    /// The fields that have no effect in it, as it says itself.
    public var ignoredFields: [String] = []
    /// What it was sent, by kind.
    public var served: [ResourceKind: XDSServedKind] = [:]

    /// Creates the status of a client that has just come.
    public init(stream: UInt64, node: XDSNode) {
        self.stream = stream
        self.node = node
    }
}

/// How a client is spoken to.
public struct XDSConnection: Hashable, Sendable {
    /// Whether it speaks the incremental protocol; else it is state of the world.
    public var isIncremental: Bool
    /// What it understands.
    public var dialect: Dialect

    /// Creates a description.
    public init(isIncremental: Bool, dialect: Dialect) {
        self.isIncremental = isIncremental
        self.dialect = dialect
    }
}

/// How far clients are with a version.
public struct XDSAppliedReport: Hashable, Sendable {
    /// A client.
    public struct Client: Hashable, Sendable {
        /// The number of its stream.
        public var stream: UInt64
        /// Its node's identifier.
        public var node: String
    }

    /// The version.
    public var version: String
    /// Who has taken all of it, or of a later one.
    public var applied: [Client] = []
    /// Who refuses some of it, and has answered everything.
    public var refused: [Client] = []
    /// Who has not answered yet.
    public var pending: [Client] = []

    /// Whether everybody has taken all of it.
    public var isApplied: Bool { refused.isEmpty && pending.isEmpty }
}
