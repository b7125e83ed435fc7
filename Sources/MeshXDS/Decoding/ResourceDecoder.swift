// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

internal import MeshConfig
public import MeshCore
internal import SwiftProtobuf

/// Turns xDS resources into ours, by gRPC's and Envoy's rules, and says what it left out.
public struct ResourceDecoder: Sendable {
    /// The load-balancing policies and HTTP filters that it knows.
    public var registry: ExtensionRegistry
    /// Whose rules hold for clusters and retries. Default `envoy`.
    public var rules: XDSRules
    /// The name of the source that asks, which clusters name where their control plane wants to be told of requests
    /// (`LoadStatisticsPlan.source`). Default empty.
    public var source: String

    /// Creates a decoder.
    public init(registry: ExtensionRegistry = .standard, rules: XDSRules = .envoy, source: String = "") {
        self.registry = registry
        self.rules = rules
        self.source = source
    }

    /// Decodes a resource from the bytes of its message.
    /// - Throws: `ConfigurationError` with every problem, each with its path in the names of the xDS API.
    public func decode(
        _ bytes: [UInt8],
        as kind: ResourceKind
    ) throws(ConfigurationError) -> Decoded<XDSResource> {
        try decode(PackedResource(typeURL: kind.typeURL, bytes: bytes), as: kind).result.get()
    }

    /// What became of a resource of a response.
    package struct Outcome: Sendable {
        /// The resource's name; `nil` if not even that could be read.
        package var name: String?
        /// The resource, or why it cannot be used.
        package var result: Result<Decoded<XDSResource>, ConfigurationError>
    }

    /// Decodes a resource of a response, in its wrapper or without one.
    package func decode(_ packed: PackedResource, as kind: ResourceKind) -> Outcome {
        var context = DecodingContext(registry: registry, rules: rules)
        context.source = source
        var packed = packed
        var wrapperName: String?
        if packed.typeName == Envoy_Service_Discovery_V3_Resource.protoMessageName {
            guard let wrapper = context.unpack(packed.bytes, as: Envoy_Service_Discovery_V3_Resource.self, at: .root)
            else { return Self.outcome(name: nil, nil, context) }
            wrapperName = wrapper.name.isEmpty ? nil : wrapper.name.canonicalResourceName
            packed = PackedResource(wrapper.resource)
        }
        guard packed.typeName == kind.rawValue else {
            context.reject(.root, "is a \(packed.typeName), not a \(kind.rawValue)")
            return Self.outcome(name: wrapperName, nil, context)
        }
        let (name, resource) = Self.decode(packed.bytes, as: kind, &context)
        if let name, name.isEmpty { context.reject(.root["name"], "is empty") }
        if let name, let wrapperName, wrapperName != name {
            context.reject(.root["name"], "is \(name), but its wrapper says \(wrapperName)")
        }
        return Self.outcome(name: name ?? wrapperName, resource, context)
    }

    private static func outcome(
        name: String?,
        _ resource: XDSResource?,
        _ context: DecodingContext
    ) -> Outcome {
        do {
            return Outcome(name: name, result: .success(try context.finish(resource)))
        } catch {
            return Outcome(name: name, result: .failure(error))
        }
    }

    /// Decodes a resource; what is found stands in the context.
    /// - Returns: Its name, `nil` if not even that could be read, and itself, `nil` if it cannot be used.
    static func decode(
        _ bytes: [UInt8],
        as kind: ResourceKind,
        _ context: inout DecodingContext
    ) -> (name: String?, resource: XDSResource?) {
        switch kind {
        case .listener:
            guard let message = context.unpack(bytes, as: Envoy_Config_Listener_V3_Listener.self, at: .root) else {
                return (nil, nil)
            }
            return (message.name.canonicalResourceName, Listener.resource(message, &context))
        case .routeConfiguration:
            guard let message = context.unpack(bytes, as: Envoy_Config_Route_V3_RouteConfiguration.self, at: .root)
            else { return (nil, nil) }
            let routes = RouteConfiguration(message, at: .root, &context)
            return (message.name.canonicalResourceName, routes.map(XDSResource.routeConfiguration))
        case .cluster:
            guard let message = context.unpack(bytes, as: Envoy_Config_Cluster_V3_Cluster.self, at: .root) else {
                return (nil, nil)
            }
            return (message.name.canonicalResourceName, Cluster(message, &context).map(XDSResource.cluster))
        case .endpointAssignment:
            guard
                let message = context.unpack(
                    bytes,
                    as: Envoy_Config_Endpoint_V3_ClusterLoadAssignment.self,
                    at: .root
                )
            else { return (nil, nil) }
            let assignment = EndpointAssignment(message, at: .root, &context)
            return (message.clusterName.canonicalResourceName, assignment.map(XDSResource.endpointAssignment))
        case .secret:
            guard
                let message = context.unpack(
                    bytes,
                    as: Envoy_Extensions_TransportSockets_Tls_V3_Secret.self,
                    at: .root
                )
            else { return (nil, nil) }
            return (message.name.canonicalResourceName, Secret(message, &context).map(XDSResource.secret))
        case .runtimeLayer:
            guard let message = context.unpack(bytes, as: Envoy_Service_Runtime_V3_Runtime.self, at: .root) else {
                return (nil, nil)
            }
            let layer = RuntimeLayer(message, &context).map(XDSResource.runtimeLayer)
            return (message.name.canonicalResourceName, layer)
        }
    }
}
