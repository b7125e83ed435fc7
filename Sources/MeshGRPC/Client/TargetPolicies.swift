// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshBalancing
public import MeshConfig
public import MeshCore
public import MeshResilience
import MeshRouting

/// What calls meet whose target no control plane describes (`dns:`, `static:`): the same policies as others.
public struct TargetPolicies: Sendable {
    /// How calls are spread over the endpoints. Default round robin; gRPC's own default is `PickFirst`.
    public var loadBalancing: Cluster.LoadBalancing
    /// Which calls are tried again; `nil` for none. Default none, as without a service config: `RetryPolicy.grpc(…)`.
    public var retry: RetryPolicy?
    /// When failing endpoints are ejected; `nil` for never. Default never, as in gRPC.
    public var outlierDetection: OutlierDetection?
    /// How connections are protected. Default plaintext.
    public var security: Cluster.UpstreamSecurity
    /// How connections are kept. They speak HTTP/2, whatever it says.
    public var connection: ConnectionOptions
    /// How long a connection attempt may take. Default 20 s: gRPC's `MIN_CONNECT_TIMEOUT`.
    public var connectTimeout: Nanoseconds
    /// The application's last word on the cluster and on the route. Default none.
    public var adjust: (@Sendable (_ cluster: inout Cluster, _ route: inout Route) -> Void)?

    /// Creates policies.
    public init(
        loadBalancing: Cluster.LoadBalancing = Cluster.LoadBalancing(RoundRobin()),
        retry: RetryPolicy? = nil,
        outlierDetection: OutlierDetection? = nil,
        security: Cluster.UpstreamSecurity = .plaintext,
        connection: ConnectionOptions = ConnectionOptions(httpVersion: .http2),
        connectTimeout: Nanoseconds = .seconds(20),
        adjust: (@Sendable (_ cluster: inout Cluster, _ route: inout Route) -> Void)? = nil
    ) {
        self.loadBalancing = loadBalancing
        self.retry = retry
        self.outlierDetection = outlierDetection
        self.security = security
        self.connection = connection
        self.connectTimeout = connectTimeout
        self.adjust = adjust
    }

    /// The configuration that a target stands for; `nil` for one that somebody else describes.
    /// - Parameter authority: What its calls say.
    func resources(for target: MeshTarget, authority: String) -> MeshResources? {
        let discovery: Cluster.Discovery
        switch target.place {
        case .service: return nil
        case .host(let address):
            discovery = .dns(EndpointAssignment(name: target.description, addresses: [address]), DNSDiscovery())
        case .addresses(let addresses):
            discovery = .fixed(EndpointAssignment(name: target.description, addresses: addresses))
        }
        let name = target.description
        var connection = connection
        connection.httpVersion = .http2
        var cluster = Cluster(
            name: name,
            discovery: discovery,
            connectTimeout: connectTimeout,
            loadBalancing: loadBalancing,
            outlierDetection: outlierDetection,
            upstreamSecurity: security,
            connection: connection
        )
        var route = Route(
            name: name,
            action: .forward(RouteAction.Forward(clusters: WeightedClusters(single: name), retry: retry))
        )
        adjust?(&cluster, &route)
        let host = VirtualHost(name: name, domains: [.any], routes: [route])
        var listener = Listener(
            name: name,
            routes: .inline(RouteConfiguration(name: name, virtualHosts: [host]))
        )
        listener.hosts = [authority.lowercased()]
        return MeshResources(listeners: [listener], clusters: [cluster])
    }
}
