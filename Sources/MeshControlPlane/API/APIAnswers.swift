// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshManifests

/// How long an instance lives without saying that it is still there.
struct LeaseAnswer: Encodable {
    var leaseSeconds: Double
}

/// Every instance that the bearer may see.
struct InstancesAnswer: Encodable {
    var instances: [Registration]
}

/// What is wrong with the manifests.
struct DiagnosticsAnswer: Encodable {
    struct Item: Encodable {
        var file: String
        var line: Int
        var column: Int
        var severity: String
        var code: String
        var message: String

        init(_ diagnostic: Diagnostic) {
            self.file = diagnostic.file
            self.line = diagnostic.line
            self.column = diagnostic.column
            self.severity = diagnostic.severity.rawValue
            self.code = diagnostic.code.rawValue
            self.message = diagnostic.message
        }
    }

    /// Whether the manifests of the folder are in force as they are now; otherwise the last good ones are.
    var isCurrent: Bool
    /// Why the folder cannot be read, if it cannot.
    var folder: String?
    var diagnostics: [Item]
}

/// What the control plane is doing.
struct StatusAnswer: Encodable {
    /// A client of the xDS server.
    struct Client: Encodable {
        /// The number of its stream.
        var stream: UInt64
        var node: String
        var namespace: String?
        var serviceAccount: String?
        var userAgent: String
        var userAgentVersion: String?
        /// What it understands: `own`, `envoy` or `grpc`.
        var dialect: String?
        /// Whether it speaks the incremental protocol.
        var isIncremental: Bool
        var features: [String]
        /// The version that it is served.
        var served: String?
        /// The version that it has taken all of.
        var applied: String?
        var types: [ResourceType]
        /// What the client is told otherwise than the manifests say, or not at all, because its kind cannot take it.
        var translations: [String]
        /// The fields that have no effect in it, as it says itself.
        var ignoredFields: [String]
    }

    /// How far a client is with one type of resource.
    struct ResourceType: Encodable {
        var type: String
        /// How many it was sent.
        var resources: Int
        /// The version that it took last.
        var acknowledged: String?
        /// The version that it refused after that, if it did.
        var rejected: String?
        /// Why it refused.
        var reason: String?
    }

    /// What a client has of one resource (`envoy.service.status.v3.ClientConfig.GenericXdsConfig`).
    struct Resource: Encodable {
        var type: String
        var name: String
        /// The version that was sent: a hash of its bytes.
        var version: String?
        /// `SYNCED`, `NOT_SENT`, `STALE` or `ERROR`.
        var status: String
    }

    /// The version that is served; missing while there were no good manifests.
    var version: String?
    var trustDomain: String
    var instances: Int
    /// How many of the instances finish what they have and want no more.
    var drainingInstances: Int
    /// Counts the manifests that have come into force.
    var manifestGeneration: UInt64
    /// Whether clients still keep what they have, because the registry was empty at the start.
    var isWarming: Bool
    var clients: [Client]
}

/// A client of the xDS server with every resource that it asked for or was sent.
struct ClientAnswer: Encodable {
    var client: StatusAnswer.Client
    var resources: [StatusAnswer.Resource]
}
