// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting

/// A listener's further filters and what its table and a virtual host say of them, while routes are compiled.
struct FilterChain {
    /// Where a place is.
    struct Spot {
        /// The same in the next configuration.
        let key: String
        /// What observers are told.
        let name: String
        /// What people are told.
        let description: String
    }

    /// What one place says, with the buckets that it has of its own.
    private struct Place {
        let overrides: FilterOverrides
        let spot: Spot
        let localLimiter: LocalRateLimiter?

        init(_ overrides: FilterOverrides, at spot: Spot, pool: inout PolicyPool) {
            self.overrides = overrides
            self.spot = spot
            if case .settings(let filter) = overrides.localRateLimit {
                localLimiter = pool.localRateLimit(spot.key, spot.name, filter.limit)
            } else {
                localLimiter = nil
            }
        }
    }

    private let filters: [HTTPFilter]
    private let localLimiter: LocalRateLimiter?
    private let globalLimiter: GlobalRateLimiter?
    private let knowsService: Bool
    private let listener: String
    /// From the least specific place to the most specific one.
    private var places: [Place] = []
    private var hostRateLimits: [RouteRateLimit] = []

    /// Whether there is a filter that a place could say something of.
    var isEmpty: Bool { filters.isEmpty }

    init(of listener: Listener, pool: inout PolicyPool) {
        filters = listener.filters.filter(\.isFurther)
        self.listener = listener.name
        knowsService = listener.filters.globalRateLimit.map { pool.services.knows($0.limit.service) } ?? true
        let key = "filters of listener \(listener.name)"
        localLimiter = listener.filters.localRateLimit.map { pool.localRateLimit(key, listener.name, $0.limit) }
        globalLimiter = listener.filters.globalRateLimit.map { pool.globalRateLimit(key, listener.name, $0.limit) }
    }

    /// A more specific place says this.
    func with(_ overrides: FilterOverrides, at spot: Spot, pool: inout PolicyPool) -> FilterChain {
        guard !isEmpty, overrides != .none else { return self }
        var chain = self
        chain.places.append(Place(overrides, at: spot, pool: &pool))
        return chain
    }

    /// What the listener alone says.
    var ofListener: FilterChain {
        var chain = self
        chain.places = []
        chain.hostRateLimits = []
        return chain
    }

    /// A virtual host's requests are counted under these.
    func counted(under limits: [RouteRateLimit]) -> FilterChain {
        var chain = self
        chain.hostRateLimits = limits
        return chain
    }

    /// The filters of a route's requests to one cluster, or, without a cluster, of those that come in; `nil` for none.
    func compiled(for action: RouteAction, route: String, cluster: String?) -> RouteFilters? {
        guard !isEmpty else { return nil }
        return RouteFilters(
            routeName: route,
            clusterName: cluster,
            localLimit: localLimit(for: action),
            globalLimit: globalLimit(for: action),
            mutations: mutations,
            maximumRequestBytes: inForce(filters.buffer, \.buffer).map { Int($0.maximumRequestBytes) },
            session: inForce(filters.statefulSession, \.statefulSession)
        )
    }

    /// What the most specific place says that says something; `nil` where the filter does nothing.
    private func inForce<Settings>(
        _ standard: Settings?,
        _ override: KeyPath<FilterOverrides, FilterOverride<Settings>?>
    ) -> Settings? {
        guard let standard else { return nil }
        return switch places.reversed().lazy.compactMap({ $0.overrides[keyPath: override] }).first {
        case nil: standard
        case .disabled: nil
        case .settings(let settings): settings
        }
    }

    private func localLimit(for action: RouteAction) -> RouteFilters.LocalLimit? {
        guard let filter = inForce(filters.localRateLimit, \.localRateLimit) else { return nil }
        let own = places.last { $0.localLimiter != nil }
        guard let limiter = own?.localLimiter ?? localLimiter else { return nil }
        let onRoute = filter.hostLimits.limits(
            ofRoute: action.rateLimits,
            host: hostRateLimits,
            includes: action.includesHostRateLimits
        )
        // Local limits leave those with a key out, whatever the runtime says.
        let heeded = onRoute.filter { $0.stage == filter.stage && $0.disableKey.isEmpty }
        return RouteFilters.LocalLimit(
            filter: filter,
            limiter: limiter,
            place: own?.spot.description ?? "listener \(listener)",
            limits: (filter.rateLimits.isEmpty ? heeded : filter.rateLimits).filter { !$0.appliesAtEnd },
            refusalHeaders: CompiledHeaderMutations([HeaderMutations(responseAdditions: filter.responseAdditions)]),
            markHeaders: CompiledHeaderMutations([HeaderMutations(requestAdditions: filter.requestAdditions)])
        )
    }

    private func globalLimit(for action: RouteAction) -> RouteFilters.GlobalLimit? {
        guard let filter = filters.globalRateLimit, let limiter = globalLimiter else { return nil }
        let override = places.reversed().lazy.compactMap(\.overrides.globalRateLimit).first
        if override == .disabled { return nil }
        var own: GlobalRateLimitOverride?
        if case .settings(let settings) = override { own = settings }
        let onRoute = (own?.hostLimits ?? .override).limits(
            ofRoute: action.rateLimits,
            host: hostRateLimits,
            includes: action.includesHostRateLimits
        )
        let embedded = own.map(\.rateLimits) ?? []
        let limits =
            !embedded.isEmpty
            ? embedded
            : !filter.rateLimits.isEmpty ? filter.rateLimits : onRoute.filter { $0.stage == filter.stage }
        return RouteFilters.GlobalLimit(
            filter: filter,
            limiter: limiter,
            isServiceKnown: knowsService,
            domain: own.flatMap { $0.domain.isEmpty ? nil : $0.domain },
            limits: limits.filter { !$0.appliesAtEnd },
            refusalHeaders: CompiledHeaderMutations([HeaderMutations(responseAdditions: filter.responseAdditions)])
        )
    }

    /// The changes of all places; where one of them switches the filter off, none.
    var mutations: CompiledHeaderMutations {
        guard let filter = filters.headerMutation else { return .none }
        let said = places.compactMap(\.overrides.headerMutation)
        guard said.last != .disabled else { return .none }
        let rules = said.compactMap { if case .settings(let rules) = $0 { rules } else { nil } }
        return CompiledHeaderMutations(
            listener: filter.rules,
            places: rules,
            mostSpecificWins: filter.mostSpecificWins
        )
    }
}

extension RouteAction {
    /// What its requests are counted under; nothing unless it forwards.
    fileprivate var rateLimits: [RouteRateLimit] {
        if case .forward(let forward) = self { forward.rateLimits } else { [] }
    }

    /// Whether they are counted under the virtual host's limits, too.
    fileprivate var includesHostRateLimits: Bool {
        if case .forward(let forward) = self { forward.includesHostRateLimits } else { false }
    }
}

extension HTTPFilter {
    /// Whether it is one of the filters of this folder.
    fileprivate var isFurther: Bool {
        switch self {
        case .localRateLimit, .globalRateLimit, .headerMutation, .buffer, .statefulSession: true
        case .fault, .authorization, .jwt, .externalAuthorization, .rateLimit, .policies: false
        }
    }
}

extension [HTTPFilter] {
    // Of two of one kind the first one counts.
    var localRateLimit: LocalRateLimitFilter? {
        lazy.compactMap { if case .localRateLimit(let filter) = $0 { filter } else { nil } }.first
    }

    var globalRateLimit: GlobalRateLimitFilter? {
        lazy.compactMap { if case .globalRateLimit(let filter) = $0 { filter } else { nil } }.first
    }

    var headerMutation: HeaderMutationFilter? {
        lazy.compactMap { if case .headerMutation(let filter) = $0 { filter } else { nil } }.first
    }

    var buffer: BufferFilter? {
        lazy.compactMap { if case .buffer(let filter) = $0 { filter } else { nil } }.first
    }

    var statefulSession: StatefulSessionFilter? {
        lazy.compactMap { if case .statefulSession(let filter) = $0 { filter } else { nil } }.first
    }
}
