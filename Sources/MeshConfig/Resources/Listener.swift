// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import MeshResilience
public import MeshSecurity

/// Where requests come from and what is done to them first (`envoy.config.listener.v3.Listener`).
public struct Listener: Hashable, Sendable {
    /// Its name: for outbound listeners the target (`reviews:9080`), for inbound ones what the bootstrap's template says.
    public var name: String
    /// Which way its requests go.
    public var direction: Direction
    /// The filters, in order.
    public var filters: [HTTPFilter]
    /// Where its routes are.
    public var routes: Routes
    /// Of an outbound listener, the address whose connections a proxy would take: its routes are for requests to that port.
    ///
    /// Default `nil`: the listener is asked for by its name, as API listeners are. Istio has one for each port of all
    /// services (`0.0.0.0:9080`), and for each service whose protocol it does not know one at the service's address.
    public var capturedAddress: EndpointAddress?

    /// Of an outbound listener, what requests call the service, where that is not the listener's name: a virtual host of it
    /// that takes all hosts (`*`) takes these. In lower case.
    ///
    /// Default empty: the name is the target itself, as gRFC A47's default template says. No resource says otherwise; who
    /// asked for the listener knows what for.
    public var hosts: [String]

    /// The secrets that protect inbound mutual TLS in place of the process's own identity; `nil` for that.
    ///
    /// Default `nil`. They have a certificate: a server shows one in any case.
    public var secrets: SecretReference?

    /// The names of which a caller's certificate must have one; empty for any.
    ///
    /// Default empty: Envoy's `match_typed_subject_alt_names` of a `DownstreamTlsContext`. Asked on every request, and of
    /// callers with a certificate only: whether they must have one is for the direction's security to say. At most 1024.
    public var peerNames: [PeerNameMatcher]

    /// Of an inbound listener, how far `x-forwarded-for` is believed about the client's address. Default `.connection`: not
    /// at all.
    public var forwardedFor: ForwardedFor

    /// Of an outbound listener, how long a gRPC call may take whose route says nothing of that; zero and `nil` for as long
    /// as it likes.
    ///
    /// Default `nil`: `max_stream_duration` of the connection manager's `common_http_protocol_options` is unset by default
    /// (gRFC A31).
    public var maximumStreamDuration: Nanoseconds?

    /// Which way requests go.
    public enum Direction: Hashable, Sendable {
        /// Requests that this process makes (an API listener).
        case outbound
        /// Requests that this process serves, at an address, protected so.
        case inbound(address: EndpointAddress, security: InboundSecurity)
    }

    /// How inbound connections are protected.
    ///
    /// It says what new connections get. Those that are open and would not be taken any more are ended gracefully, and what
    /// still comes on them is refused.
    public enum InboundSecurity: Hashable, Sendable {
        /// Plaintext; what a caller sends of TLS is no request (Istio's `DISABLE`).
        case plaintext
        /// Mutual TLS for callers that begin with TLS, plaintext for the others, on one port (Istio's `PERMISSIVE`).
        ///
        /// A caller that begins with TLS must prove an identity; only one that does not try has none.
        case permissive
        /// Mutual TLS; the peer must prove an identity of the trusted domains (Istio's `STRICT`).
        case mutualTLS
        /// TLS in which the server proves who it is, and the caller does not have to.
        ///
        /// Callers are asked for no certificate. It needs `secrets`, of a certificate alone. Over xDS: a
        /// `DownstreamTlsContext` without `require_client_certificate` and without roots.
        case tls

        /// Whether connections in plaintext are taken.
        public var takesPlaintext: Bool { self == .plaintext || self == .permissive }
        /// Whether connections by TLS are taken.
        public var takesTLS: Bool { self != .plaintext }
    }

    /// Where a listener's routes are.
    public enum Routes: Hashable, Sendable {
        /// In the route configuration of this name.
        case named(String)
        /// Here.
        case inline(RouteConfiguration)
    }

    /// Creates a listener.
    public init(
        name: String,
        direction: Direction = .outbound,
        filters: [HTTPFilter] = [],
        routes: Routes,
        secrets: SecretReference? = nil,
        capturedAddress: EndpointAddress? = nil,
        hosts: [String] = [],
        peerNames: [PeerNameMatcher] = [],
        forwardedFor: ForwardedFor = .connection
    ) {
        self.peerNames = peerNames
        self.name = name
        self.secrets = secrets
        self.direction = direction
        self.filters = filters
        self.routes = routes
        self.capturedAddress = capturedAddress
        self.hosts = hosts
        self.forwardedFor = forwardedFor
    }

    /// The name of the route configuration that the listener needs; `nil` if its routes stand in it.
    public var routeConfigurationName: String? {
        switch routes {
        case .named(let name): name
        case .inline: nil
        }
    }
}

/// Something that is done to every request of a listener, before it is routed on. The router itself is implied.
public indirect enum HTTPFilter: Hashable, Sendable {
    /// Faults are injected where a route says so.
    case fault(FaultConfiguration)
    /// Requests are authorized.
    case authorization(AuthorizationFilter)
    /// Requests have to carry tokens.
    case jwt(JWTFilter)
    /// A service says who may pass.
    case externalAuthorization(ExternalAuthorizationFilter)
    /// Requests are rate limited.
    case rateLimit(RateLimitConfiguration)
    /// What else stands on the listener: one set for all of its routes, in the places where neither the route nor its
    /// cluster has a policy of its own (`envoy.filters.http.admission_control`, `envoy.filters.http.adaptive_concurrency`).
    case policies(TrafficPolicies)
    /// Requests are rate limited by what they are counted under, in this process.
    case localRateLimit(LocalRateLimitFilter)
    /// Requests are rate limited by a service that counts for a whole fleet.
    case globalRateLimit(GlobalRateLimitFilter)
    /// Header fields are changed.
    case headerMutation(HeaderMutationFilter)
    /// Requests that are too large are refused.
    case buffer(BufferFilter)
    /// The requests of a session go to one endpoint.
    case statefulSession(StatefulSessionFilter)

    /// Requests are authorized by these rules alone.
    public static func authorization(_ rules: AuthorizationRules) -> HTTPFilter {
        .authorization(AuthorizationFilter(rules: rules))
    }
}
