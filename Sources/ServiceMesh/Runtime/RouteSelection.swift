// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
public import MeshCore
public import MeshResilience
public import MeshRouting

/// A route and one of its clusters: all that the layers below route selection read. Requests carry a reference to it.
@usableFromInline
final class RouteSelection: Sendable {
    let routeName: String
    let clusterName: String
    /// `nil` if the configuration has no such cluster.
    let cluster: ClusterRuntime?
    @usableFromInline let timeout: DeadlineConfiguration?
    /// The same for gRPC calls, whose clients go by `max_stream_duration` alone (gRFC A31).
    @usableFromInline let streamTimeout: DeadlineConfiguration?
    /// The timeout of each attempt, under the name of its cluster, as the retries are.
    @usableFromInline let attemptTimeout: DeadlineConfiguration?
    /// The route's retries under the cluster's budget.
    @usableFromInline let retry: Retry?
    @usableFromInline let fault: FaultInjector?
    @usableFromInline let rateLimiter: RateLimiter?
    @usableFromInline let loadShedder: LoadShedder?
    @usableFromInline let fallback: LocalReply?
    @usableFromInline let responseCache: RouteCache?
    @usableFromInline let coalescing: RouteCoalescing?
    @usableFromInline let keyedRateLimit: HeaderRateLimiter?
    @usableFromInline let admissionControl: AdmissionControl?
    @usableFromInline let hedging: Hedging?
    @usableFromInline let adaptiveLimit: AdaptiveLimit?
    @usableFromInline let bulkhead: Bulkhead?
    @usableFromInline let circuitBreaker: CircuitBreaker?
    @usableFromInline let deadlineHeaders: DeadlineHeaders
    /// The filters that requests pass; `nil` for none.
    @usableFromInline let filters: RouteFilters?
    /// What is answered in the place of an upstream; `nil` if requests are forwarded.
    @usableFromInline let answer: RouteAnswer?
    /// Whether requests count in the cluster's limits of high priority.
    let isHighPriority: Bool
    /// After how many attempts the priorities that were tried are avoided; 0 for never.
    let priorityUpdateFrequency: Int
    /// By cluster, if it has groups of endpoints: the pickers over those that the route means, asked one after the other; `nil`
    /// where it has none. Of an aggregate there is one for each of its clusters, else only the cluster's own.
    let subsets: [[PriorityPicker]?]
    /// How heads are changed on their way; `nil` if they are not.
    @usableFromInline let edits: RouteEdits?
    /// Header fields in which requests may name their endpoints.
    let overrideHostHeaders: [HeaderName]
    /// Whether there are any.
    @usableFromInline var namesEndpoints: Bool { !overrideHostHeaders.isEmpty }
    /// Cookies that the response sets, beside those of the upstream.
    @usableFromInline let cookies: [String]
    /// Whether each attempt's own head is changed.
    @usableFromInline let editsAttempts: Bool
    /// Which pages of other origins may use the route.
    @usableFromInline let cors: CORSPolicy?
    /// Where copies of the requests go.
    @usableFromInline let mirrors: [Mirror]
    /// Whether redirects of the upstream are followed.
    @usableFromInline let followsRedirects: Bool
    /// Which ones are; `nil` for none.
    @usableFromInline let internalRedirects: InternalRedirectPolicy?
    /// Whether those outside want to know the request as the route changed it: where a redirect is followed that request
    /// goes on, and the header mutation filter's formats speak of it.
    ///
    /// Of a request whose cluster does not exist nothing was changed in Envoy: that answer comes first.
    @usableFromInline var tellsSentRequests: Bool {
        (followsRedirects || filters?.mutations.changesResponses ?? false) && (cluster != nil || answer != nil)
    }
    /// The status code where the cluster does not exist.
    let missingClusterStatus: Int
    /// Whether there is a policy for requests that come in, which has nothing to do here.
    let hasExpiredRequests: Bool
    /// Whether requests pass the layers around the whole request.
    @usableFromInline let needsRequestLayers: Bool
    /// Whether requests pass the layers around their tries.
    @usableFromInline let needsTryLayers: Bool
    /// Whether attempts pass the layers around each of them.
    @usableFromInline let needsAttemptLayers: Bool

    /// Whether a request may leave without encryption by it.
    var isCleartext: Bool { cluster?.isCleartext ?? false }

    /// Whether requests go to the hosts that they name.
    var passesThrough: Bool { cluster?.passesThrough ?? false }

    init(
        routeName: String,
        clusterName: String,
        cluster: ClusterRuntime?,
        timeout: DeadlineConfiguration?,
        streamTimeout: DeadlineConfiguration? = nil,
        attemptTimeout: DeadlineConfiguration?,
        retry: Retry?,
        fault: FaultInjector?,
        rateLimiter: RateLimiter?,
        policies: TrafficPolicyRuntime,
        filters: RouteFilters? = nil,
        answer: RouteAnswer? = nil,
        isHighPriority: Bool = false,
        subsets: [[PriorityPicker]?] = [],
        edits: RouteEdits? = nil,
        cors: CORSPolicy? = nil,
        mirrors: [Mirror] = [],
        internalRedirects: InternalRedirectPolicy? = nil,
        missingClusterStatus: Int = 503
    ) {
        self.routeName = routeName
        self.clusterName = clusterName
        self.cluster = cluster
        self.timeout = timeout
        self.streamTimeout = streamTimeout
        self.attemptTimeout = attemptTimeout
        self.retry = retry
        self.priorityUpdateFrequency = retry?.policy.priorityUpdateFrequency ?? 0
        self.fault = fault
        self.rateLimiter = rateLimiter
        self.loadShedder = policies.loadShedder
        self.fallback = policies.fallback
        self.responseCache = policies.responseCache
        self.coalescing = policies.coalescing
        self.keyedRateLimit = policies.keyedRateLimit
        self.admissionControl = policies.admissionControl
        self.hedging = policies.hedging
        self.adaptiveLimit = policies.adaptiveLimit
        self.bulkhead = policies.bulkhead
        self.circuitBreaker = policies.circuitBreaker
        self.deadlineHeaders = policies.deadlineHeaders
        self.filters = filters
        self.answer = answer
        self.isHighPriority = isHighPriority
        self.subsets = subsets
        self.edits = edits
        self.overrideHostHeaders = cluster?.overrideHostHeaders ?? []
        self.cookies = []
        self.editsAttempts = edits?.editsAttempts ?? false
        self.cors = cors
        self.mirrors = mirrors
        self.followsRedirects = internalRedirects != nil
        self.internalRedirects = internalRedirects
        self.missingClusterStatus = missingClusterStatus
        self.hasExpiredRequests = policies.expiredRequests != nil
        self.needsRequestLayers =
            policies.loadShedder != nil || policies.fallback != nil || policies.responseCache != nil
            || policies.coalescing != nil || policies.keyedRateLimit != nil || filters != nil
            || cors != nil || answer != nil || (edits?.changesReplies ?? false)
            || cluster == nil && missingClusterStatus != MeshError.Code.clusterNotFound.httpStatus
        self.needsTryLayers =
            policies.admissionControl != nil || edits != nil || !mirrors.isEmpty
            || !overrideHostHeaders.isEmpty
        self.needsAttemptLayers =
            policies.hedging != nil || policies.adaptiveLimit != nil || policies.bulkhead != nil
            || policies.circuitBreaker != nil || !policies.deadlineHeaders.isEmpty
    }

    /// The same with other times, retries or cookies, for one request.
    private init(
        _ other: RouteSelection,
        clusterName: String? = nil,
        timeout: DeadlineConfiguration?,
        streamTimeout: DeadlineConfiguration?? = nil,
        attemptTimeout: DeadlineConfiguration?,
        retry: Retry?,
        cookies: [String],
        cluster: (runtime: ClusterRuntime, subsets: [[PriorityPicker]?])? = nil,
        mirrors: [Mirror]? = nil
    ) {
        self.routeName = other.routeName
        self.clusterName = clusterName ?? other.clusterName
        self.cluster = cluster?.runtime ?? other.cluster
        self.timeout = timeout
        self.streamTimeout = streamTimeout ?? other.streamTimeout
        self.attemptTimeout = attemptTimeout
        self.retry = retry
        self.priorityUpdateFrequency = retry?.policy.priorityUpdateFrequency ?? 0
        self.fault = other.fault
        self.rateLimiter = other.rateLimiter
        self.loadShedder = other.loadShedder
        self.fallback = other.fallback
        self.responseCache = other.responseCache
        self.coalescing = other.coalescing
        self.keyedRateLimit = other.keyedRateLimit
        self.admissionControl = other.admissionControl
        self.hedging = other.hedging
        self.adaptiveLimit = other.adaptiveLimit
        self.bulkhead = other.bulkhead
        self.circuitBreaker = other.circuitBreaker
        self.deadlineHeaders = other.deadlineHeaders
        self.filters = other.filters
        self.answer = other.answer
        self.isHighPriority = other.isHighPriority
        self.subsets = cluster?.subsets ?? other.subsets
        self.edits = other.edits
        self.overrideHostHeaders = other.overrideHostHeaders
        self.cookies = cookies
        self.editsAttempts = other.editsAttempts
        self.followsRedirects = other.followsRedirects
        self.cors = other.cors
        self.mirrors = mirrors ?? other.mirrors
        self.internalRedirects = other.internalRedirects
        self.missingClusterStatus = other.missingClusterStatus
        self.hasExpiredRequests = other.hasExpiredRequests
        self.needsRequestLayers = other.needsRequestLayers
        self.needsTryLayers = other.needsTryLayers || !cookies.isEmpty
        self.needsAttemptLayers = other.needsAttemptLayers
    }
}

extension RouteSelection {
    /// The same with another time for the whole request; `nil` for none.
    func with(timeout: Nanoseconds?) -> RouteSelection {
        RouteSelection(
            self,
            timeout: timeout.map { DeadlineConfiguration(timeout: $0, name: routeName) },
            streamTimeout: .some(timeout.map { DeadlineConfiguration(timeout: $0, name: routeName) }),
            attemptTimeout: attemptTimeout,
            retry: retry,
            cookies: cookies
        )
    }

    /// The same with other endpoints of its cluster, and of those that copies go to.
    /// - Parameter labels: What the route asks of the endpoints.
    func with(
        _ cluster: ClusterRuntime?,
        labels: [String: MetadataValue],
        mirrors: [Mirror]?,
        at now: MeshInstant
    ) -> RouteSelection {
        RouteSelection(
            self,
            timeout: timeout,
            attemptTimeout: attemptTimeout,
            retry: retry,
            cookies: cookies,
            cluster: cluster.map { ($0, $0.subsetPickers(for: labels, at: now)) },
            mirrors: mirrors
        )
    }

    /// The same under the name that a request gives to a cluster which does not exist.
    func with(clusterName: String) -> RouteSelection {
        RouteSelection(
            self,
            clusterName: clusterName,
            timeout: timeout,
            attemptTimeout: attemptTimeout,
            retry: retry,
            cookies: cookies
        )
    }

    /// The same with cookies that the response sets.
    func with(cookies: [String]) -> RouteSelection {
        RouteSelection(self, timeout: timeout, attemptTimeout: attemptTimeout, retry: retry, cookies: cookies)
    }

    /// The same with what a caller asks for.
    func granting(_ wishes: CallerWishes) -> RouteSelection {
        let times = RequestTimeouts(route: timeout?.timeout, attempt: attemptTimeout?.timeout, wishes: wishes)
        func limit(_ time: Nanoseconds, _ name: String, _ own: DeadlineConfiguration?) -> DeadlineConfiguration? {
            time == .zero ? nil : DeadlineConfiguration(timeout: time, name: name, mode: own?.mode ?? .enforce)
        }
        return RouteSelection(
            self,
            timeout: limit(times.total, routeName, timeout),
            attemptTimeout: limit(times.attempt, clusterName, attemptTimeout),
            retry: wishes.asksForRetries ? retry(granting: wishes) : retry,
            cookies: cookies
        )
    }

    private func retry(granting wishes: CallerWishes) -> Retry? {
        var policy = retry?.policy ?? RetryPolicy(conditions: [], avoidsPreviousEndpoints: false)
        for name in wishes.retryOn {
            guard let known = RetryConditions.names.first(where: { $0.name == name }) else { continue }
            policy.conditions.insert(known.condition)
        }
        policy.retriableStatusCodes += wishes.retriableStatuses.filter { (100...599).contains($0) }
        policy.retriableHeaders += wishes.retriableHeaders.map { HeaderMatcher($0, .present(true)) }
        if let retries = wishes.maximumRetries { policy.maximumAttempts = Int(min(retries, 999)) + 1 }
        guard !policy.conditions.isEmpty else { return nil }
        return Retry(validated: policy, budget: cluster?.live.retryBudget, name: clusterName)
    }
}

extension CallContext {
    /// What route selection decided; `nil` for requests that pass the mesh by.
    @inlinable var selection: RouteSelection? {
        // Only this module writes the field, and always a `RouteSelection`.
        route.map { unsafeDowncast($0, to: RouteSelection.self) }
    }
}
