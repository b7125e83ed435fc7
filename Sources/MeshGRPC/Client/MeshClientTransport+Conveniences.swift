// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import GRPCCore
public import MeshConfig
public import MeshCore
public import MeshHTTP
public import ServiceMesh

extension ClientTransport where Self == MeshClientTransport {
    /// Calls to a service of a mesh that somebody else runs: `.mesh(mesh, transport: http, target: "xds:///greeter")`.
    /// - Throws: `ConfigurationError` for a target that is none, or is not a service of the mesh.
    public static func mesh(
        _ mesh: Mesh,
        transport: any Transport<OutboundRequest, OutboundResponse>,
        target: String,
        configuration: MeshClientTransport.Configuration = MeshClientTransport.Configuration()
    ) throws(ConfigurationError) -> MeshClientTransport {
        try MeshClientTransport(
            mesh: mesh,
            transport: transport,
            target: MeshTarget(target),
            configuration: configuration
        )
    }

    /// Calls with a mesh of their own, which the client runs: `.mesh(target: "dns:///greeter.example.com:50051")`, or
    /// `.mesh(target: "xds:///greeter", sources: [source])`.
    /// - Throws: `ConfigurationError` for a target that is none, an `xds:` target without a source, and for bounds that are
    ///   broken.
    public static func mesh(
        target: String,
        sources: [any ConfigSource] = [],
        policies: TargetPolicies = TargetPolicies(),
        transport: (any Transport<OutboundRequest, OutboundResponse>)? = nil,
        configuration: MeshClientTransport.Configuration = MeshClientTransport.Configuration(),
        meshConfiguration: MeshConfiguration = MeshConfiguration()
    ) throws(ConfigurationError) -> MeshClientTransport {
        try MeshClientTransport(
            target: MeshTarget(target),
            sources: sources,
            policies: policies,
            transport: transport,
            configuration: configuration,
            meshConfiguration: meshConfiguration
        )
    }
}
