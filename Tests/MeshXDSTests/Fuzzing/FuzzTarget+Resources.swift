// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting
import MeshTesting
import ServiceMesh

@testable import MeshXDS

extension FuzzTarget {
    /// Valid configurations, in the order of their seeds.
    static let configurations: [MeshResources] =
        (0..<40 as Range<UInt64>).map { seed in
            var generator = ResourceGenerator(seed: seed)
            return generator.resources()
        } + [Fixtures.mesh]

    /// Valid resources as they stand on the wire, in an order that is always the same.
    static let packedResources: [ResourceKind: [PackedResource]] = {
        var packed: [ResourceKind: [PackedResource]] = [:]
        for resources in configurations {
            for dialect in [Dialect.own, .envoy, .grpc] {
                let encoded = ResourceEncoder(dialect: dialect).encode(resources).resources
                for kind in ResourceKind.allCases {
                    packed[kind, default: []] += (encoded[kind] ?? [:]).sorted { $0.key < $1.key }.map(\.value)
                }
            }
        }
        return packed
    }()

    /// Resources of every kind.
    static let resources: [FuzzTarget] = ResourceKind.allCases.map { kind in
        FuzzTarget(name(of: kind), .message, samples: packedResources[kind]?.map(\.bytes) ?? []) { bytes in
            let decoded = try ResourceDecoder().decode(bytes, as: kind)
            try check(decoded)
        }
    }

    private static func name(of kind: ResourceKind) -> String {
        switch kind {
        case .listener: "listener"
        case .routeConfiguration: "routes"
        case .cluster: "cluster"
        case .endpointAssignment: "endpoints"
        case .secret: "secret"
        case .runtimeLayer: "runtime"
        }
    }

    /// What is accepted must be of use: valid, for clients of all makes, and in a mesh.
    static func check(_ decoded: Decoded<XDSResource>) throws {
        try FuzzViolation.require(decoded.ignored.count <= DecodingContext.maximumReports, "too many reports")
        var resources = MeshResources()
        _ = resources.add(decoded.resource)
        if case .listener(let listener) = decoded.resource, let name = listener.routeConfigurationName {
            resources.routeConfigurations[name] = RouteConfiguration(name: name, virtualHosts: [])
        }
        do {
            switch decoded.resource {
            case .listener: try resources.validate()
            case .routeConfiguration(let routes): try routes.validate()
            case .cluster(let cluster): try cluster.validate()
            case .endpointAssignment(let assignment): try assignment.validate()
            case .secret(let secret): try secret.validate()
            case .runtimeLayer(let layer): try layer.validate()
            case .unused: break
            }
        } catch {
            throw FuzzViolation(message: "an invalid resource was accepted: \(error)")
        }
        for dialect in [Dialect.own, .envoy, .grpc] { _ = ResourceEncoder(dialect: dialect).encode(resources) }
        try compile(resources)
    }

    /// Puts a valid resource in force, together with the listener or the routes that it needs to be used.
    private static func compile(_ resources: MeshResources) throws {
        var resources = resources
        for routes in resources.routeConfigurations.values where !routes.virtualHosts.isEmpty {
            let listener = Fixtures.listener("of a fuzzer", routes: routes.name)
            resources.listeners[listener.name] = listener
        }
        // Whatever is refers to clusters that are not there, which is for `validate` to find.
        guard (try? resources.validate()) != nil else { return }
        do {
            let mesh = try Mesh(clock: ManualClock())
            try mesh.apply(resources)
        } catch {
            throw FuzzViolation(message: "what is valid cannot be put in force: \(error)")
        }
    }
}
