// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import MeshRouting

/// What a route table makes of one request, without sending it: who chose what, and why.
public struct RoutePreview: Sendable {
    /// The name of the route configuration.
    public var table: String
    /// The virtual host; `nil` if none serves the authority.
    public var virtualHost: String?
    /// The domain of the virtual host that the authority fits; `nil` if there is none.
    public var domain: String?
    /// The routes that were looked at before the chosen one, in order, each with the first condition that failed.
    public var passedOver: [PassedOver]
    /// The route; `nil` if none matches.
    public var route: Place?
    /// The virtual cluster that the request counts in; `nil` if the virtual host has none.
    public var virtualCluster: String?
    /// What happens to the request.
    public var outcome: Outcome
    /// The request's head as it leaves: all rewrites and header changes done.
    public var request: PreviewedRequest
    /// The response's head as the caller sees it.
    public var response: PreviewedResponse

    /// A route, by where it stands.
    public struct Place: Hashable, Sendable {
        /// The position of its virtual host in the configuration, from 0.
        public var virtualHost: Int
        /// Its position among the routes of the virtual host, from 0.
        public var number: Int
        /// Its name; empty if it has none.
        public var name: String

        /// Creates a place.
        public init(virtualHost: Int, number: Int, name: String) {
            self.virtualHost = virtualHost
            self.number = number
            self.name = name
        }
    }

    /// A route that does not match.
    public struct PassedOver: Hashable, Sendable {
        /// The route.
        public var route: Place
        /// The first condition that failed, in words.
        public var reason: String
    }

    /// Where an effective value comes from.
    public enum Origin: Hashable, Sendable {
        /// The route itself.
        case route
        /// The share of the weighted clusters that was chosen.
        case weightedCluster
        /// The virtual host.
        case virtualHost
        /// The route configuration.
        case table
        /// A header of the request.
        case requestHeader(HeaderName)
        /// Nobody said anything.
        case standard
    }

    /// A value that holds for the request, and who said so.
    public struct Effective<Value: Hashable & Sendable>: Hashable, Sendable {
        /// The value.
        public var value: Value
        /// Where it comes from.
        public var origin: Origin

        /// Creates a value.
        public init(_ value: Value, from origin: Origin) {
            self.value = value
            self.origin = origin
        }
    }

    /// What happens to a request.
    public enum Outcome: Hashable, Sendable {
        /// No virtual host serves the authority.
        case noVirtualHost
        /// No route of the virtual host matches.
        case noRoute
        /// It is sent to a cluster.
        case forward(Forwarding)
        /// The caller is sent to a URL, with a status code.
        case redirect(location: String, status: Int)
        /// The mesh answers it, with a status code and a text.
        case directResponse(status: Int, body: String)
        /// It goes to the handler of the server that the listener belongs to.
        case nonForwarding
    }

    /// How a request is sent on.
    public struct Forwarding: Hashable, Sendable {
        /// The cluster; `nil` if the header that names it is absent or empty, which is answered by 503.
        public var cluster: String?
        /// The position of the cluster's share, where there are several.
        public var share: Int?
        /// The chance of that share, such as `3 of 10`; `nil` where there is one only.
        public var chance: String?
        /// How long the route lets a request take, whatever the request asks for; `nil` for no limit.
        public var routeTimeout: Nanoseconds?
        /// How long the request may take; `nil` for no limit.
        public var timeout: Effective<Nanoseconds?>
        /// How long one attempt may take; `nil` for no limit of its own.
        public var perTryTimeout: Effective<Nanoseconds?>
        /// How many attempts there are at most, the first included.
        public var attempts: Effective<Int>
        /// After which failures there is another, in the words of the configuration; empty for none.
        public var retryConditions: Effective<String>
        /// The number by which consistent balancers pick, and what made it; `nil` if the route has no hash policy that
        /// finds anything.
        public var hash: UInt64?
        /// The hash policies, each with whether it found something.
        public var hashSources: [String]
        /// Copies of the request: the clusters they go to.
        public var mirrors: Effective<[String]>
        /// Whether the endpoint's own name replaces the authority once it is picked.
        public var takesEndpointName: Bool
    }

    /// How a request is sent on; `nil` where it is not.
    public var forwarding: Forwarding? {
        guard case .forward(let forwarding) = outcome else { return nil }
        return forwarding
    }
}
