// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting

/// The filters that requests of a route to one of its clusters pass, each as the most specific place has it.
@usableFromInline
final class RouteFilters: Sendable {
    /// A local rate limit, and what requests are counted under by it.
    struct LocalLimit: Sendable {
        let filter: LocalRateLimitFilter
        let limiter: LocalRateLimiter
        /// Whose buckets they are, for people.
        let place: String
        let limits: [RouteRateLimit]
        let refusalHeaders: CompiledHeaderMutations
        let markHeaders: CompiledHeaderMutations
    }

    /// A global rate limit, likewise.
    struct GlobalLimit: Sendable {
        let filter: GlobalRateLimitFilter
        let limiter: GlobalRateLimiter
        /// Whether this process can ask the service.
        let isServiceKnown: Bool
        let domain: String?
        let limits: [RouteRateLimit]
        let refusalHeaders: CompiledHeaderMutations
    }

    let routeName: String
    /// The cluster that requests go to; `nil` for requests that come in.
    let clusterName: String?
    let localLimit: LocalLimit?
    let globalLimit: GlobalLimit?
    let mutations: CompiledHeaderMutations
    /// The most bytes that a request's body may have.
    let maximumRequestBytes: Int?
    let session: StatefulSessionFilter?

    /// - Returns: `nil` if there are none.
    init?(
        routeName: String,
        clusterName: String?,
        localLimit: LocalLimit?,
        globalLimit: GlobalLimit?,
        mutations: CompiledHeaderMutations,
        maximumRequestBytes: Int?,
        session: StatefulSessionFilter?
    ) {
        self.routeName = routeName
        self.clusterName = clusterName
        self.localLimit = localLimit
        self.globalLimit = globalLimit
        self.mutations = mutations
        self.maximumRequestBytes = maximumRequestBytes
        self.session = session
        if localLimit == nil, globalLimit == nil, mutations.isEmpty, maximumRequestBytes == nil, session == nil {
            return nil
        }
    }

    /// What formats may ask of a request of the route.
    func formatFacts(_ context: CallContext, _ mesh: Mesh) -> FormatFacts {
        guard clusterName == nil else { return FormatFacts(context, route: routeName, mesh) }
        var facts = FormatFacts()
        facts.routeName = routeName
        facts.trace = context.trace
        facts.dynamicMetadata = context.filterMetadata
        return facts
    }

    /// What rate limits may ask of it.
    func rateLimitFacts(_ request: some RequestHead, _ context: CallContext, _ mesh: Mesh) -> RateLimitFacts {
        RateLimitFacts(
            sourceCluster: mesh.configuration.localCluster,
            destinationCluster: clusterName,
            routing: RoutingFacts(
                random: mesh.random.next(),
                isSecure: Endpoint.isSecure(request.scheme),
                metadata: context.filterMetadata
            )
        )
    }
}

extension CallContext {
    /// What filters noted about the request.
    var filterMetadata: [String: MetadataValue] {
        filterState?.metadata.mapValues { .fields($0) } ?? [:]
    }
}
