// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A response that was received, in either form of the protocol.
struct ADSResponse: Sendable {
    /// A resource as it stands in a response.
    struct Item: Hashable, Sendable {
        /// The name outside of the message; `nil` if it stands only in it, as in most responses of the state of the world.
        var name: String?
        /// The resource's version; that of the response where resources have none.
        var version: String
        /// The message; `nil` where a response only repeats that the resource is there.
        var packed: PackedResource?
        /// What is said around the message and has no effect.
        var ignored: [FieldReport] = []
    }

    /// A resource that the server says it cannot give (`resource_errors`).
    struct Failure: Hashable, Sendable {
        var name: String
        /// A code of `google.rpc.Code`.
        var code: Int32
        var message: String
    }

    /// NOT_FOUND of `google.rpc.Code`.
    static let notFound: Int32 = 5
    /// PERMISSION_DENIED of `google.rpc.Code`.
    static let permissionDenied: Int32 = 7

    var kind: ResourceKind
    /// The response's version; of the whole system in the incremental form, which nobody asks for again.
    var version: String
    var nonce: String
    var resources: [Item]
    /// Names that do not exist any more.
    var removed: [String] = []
    var failures: [Failure] = []
    /// Whether it says what changed, and not what there is.
    var isDelta = false
}

extension ADSResponse {
    /// Reads a response; `nil` if it is of a kind that is never asked for.
    init?(_ message: Envoy_Service_Discovery_V3_DiscoveryResponse) {
        guard let kind = ResourceKind(typeURL: message.typeURL) else { return nil }
        let version = message.versionInfo
        self.init(
            kind: kind,
            version: version,
            nonce: message.nonce,
            resources: message.resources.map { Item(version: version, packed: PackedResource($0)) },
            failures: message.resourceErrors.map { Failure($0) }
        )
    }

    /// Reads an incremental response; `nil` if it is of a kind that is never asked for.
    init?(_ message: Envoy_Service_Discovery_V3_DeltaDiscoveryResponse) {
        guard let kind = ResourceKind(typeURL: message.typeURL) else { return nil }
        self.init(
            kind: kind,
            version: message.systemVersionInfo,
            nonce: message.nonce,
            resources: message.resources.map { resource in
                Item(
                    name: (resource.hasResourceName ? resource.resourceName.name : resource.name).canonicalResourceName,
                    version: resource.version,
                    packed: resource.hasResource ? PackedResource(resource.resource) : nil,
                    ignored: resource.fieldsWithoutEffect
                )
            },
            removed: (message.removedResources + message.removedResourceNames.map(\.name)).map(\.canonicalResourceName),
            failures: message.resourceErrors.map { Failure($0) },
            isDelta: true
        )
    }
}

extension ADSResponse.Failure {
    fileprivate init(_ message: Envoy_Service_Discovery_V3_ResourceError) {
        self.init(
            name: message.resourceName.name.canonicalResourceName,
            code: message.errorDetail.code,
            message: message.errorDetail.message
        )
    }
}

extension Envoy_Service_Discovery_V3_Resource {
    /// The fields of the wrapper that have no effect.
    fileprivate var fieldsWithoutEffect: [FieldReport] {
        var fields: [String] = []
        if !aliases.isEmpty { fields.append("aliases") }
        if hasTtl { fields.append("ttl") }
        if hasCacheControl { fields.append("cache_control") }
        return fields.map { FieldReport(path: "resource.\($0)", reason: "is not supported") }
    }
}
