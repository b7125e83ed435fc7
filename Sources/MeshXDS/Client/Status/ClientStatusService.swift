// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import GRPCCore

/// Tells operators what became of the resources of this process: the client status discovery service (gRFC A40), as
/// `grpcdebug` and `grpcio-csds` ask for it.
///
/// An app adds it to a server of its own, one that only operators reach: the answers hold the whole configuration.
/// ```swift
/// let server = GRPCServer(transport: transport, services: [ClientStatusService(sources: [source])])
/// ```
/// Each source is a client of its own in the answer. What the API has no field for stands in the metadata of its node:
/// `swift_service_mesh.ignored_fields` lists the fields without effect, 1024 at most, and
/// `swift_service_mesh.configuration_origin` is `control_plane`, `last_known_good` or `nowhere`.
public struct ClientStatusService: RegistrableRPCService {
    private let service: StatusDiscovery

    /// Creates a service.
    /// - Parameter sources: The sources that are told of.
    public init(sources: [XDSConfigSource]) {
        service = StatusDiscovery { question in
            // They choose among the clients of a control plane; a client knows only itself (gRFC A40).
            guard question.nodeMatchers.isEmpty else {
                throw RPCError(code: .invalidArgument, message: "node_matchers are not supported by a client")
            }
            var answer = StatusDiscovery.Answer()
            answer.config = sources.map { $0.clientConfig(withContents: !question.excludeResourceContents) }
            return answer
        }
    }

    /// Adds the service's methods to a server's.
    public func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
        service.registerMethods(with: &router)
    }
}
