// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
public import MeshCore
public import MeshResilience
import MeshRouting
import Synchronization

extension Mesh {
    /// Explains where an outbound request would go now, and by which rules. Nothing is sent and nothing is drawn.
    public func explain(_ request: some RequestHead) -> Explanation {
        explain(request, by: loadSnapshot())
    }

    /// The same by a configuration that may have been replaced since.
    func explain(_ request: some RequestHead, by snapshot: RuntimeSnapshot) -> Explanation {
        var explanation = Explanation(generation: snapshot.generation)
        explanation.note("request", "\(request.method) \(request.authority ?? "") \(request.path)")
        if isDisabled {
            explanation.note("mesh", "disabled by MESH_DISABLED: the request goes where its authority says")
            return explanation
        }
        let trace = snapshot.routes.trace(request)
        guard let host = trace.host else {
            let policy = configuration.outboundTrafficPolicy
            guard snapshot.source != nil || !hasSources else {
                explanation.note("configuration", "none yet: the request is refused with 503 until one is in force")
                return explanation
            }
            explanation.note("virtual host", trace.reason ?? "none serves this authority")
            explanation.note(
                "outbound traffic policy",
                policy == .allowAny ? "allowAny: it goes where its authority says" : "registryOnly: it is refused"
            )
            explanation.noteIgnored(of: snapshot)
            return explanation
        }
        explanation.note("virtual host", host)
        for (number, mismatch) in trace.passedOver { explanation.note("route \(number)", "passed over: \(mismatch)") }
        guard let (number, route) = trace.chosen else {
            explanation.note("route", "none matches: the request is refused with 404 and the flag NR")
            explanation.noteRuntime(of: snapshot)
            explanation.noteIgnored(of: snapshot)
            return explanation
        }
        explanation.note("listener", route.listener)
        explanation.note("route", "\(route.name) (number \(number))")
        explain(route, request, &explanation)
        explanation.noteRuntime(of: snapshot)
        explanation.noteIgnored(of: snapshot, listener: route.listener, clusters: route.selections.map(\.clusterName))
        return explanation
    }

    /// The policies that an outbound request would pass now, the outermost first, with the source of every value: one
    /// stack for each of its route's clusters, by the cluster's name. Empty if no route takes the request.
    public func describe(_ request: some RequestHead) -> [(cluster: String, stack: StackDescription)] {
        guard !isDisabled, let (_, route) = loadSnapshot().routes.trace(request).chosen else { return [] }
        return route.selections.map { ($0.clusterName, $0.stack(of: route)) }
    }

    private func explain(_ route: RouteRuntime, _ request: some RequestHead, _ explanation: inout Explanation) {
        guard case .forward(let forward) = route.route.action else {
            explainAnswer(of: route, to: request, &explanation)
            return
        }
        explainTarget(of: forward, for: request, route, &explanation)
        explainChanges(by: route, forward, &explanation)
        let wishes = wishes(of: request)
        let granted = wishes == .none ? nil : route.selections.first?.granting(wishes)
        if wishes.timeout != nil {
            let limit = granted?.timeout.map { "\($0.timeout.duration)" } ?? "none"
            explanation.note("timeout", "\(limit) from the request's \(EnvoyHeader.requestTimeout)")
        } else {
            explanation.note(
                "timeout",
                forward.timeout.map { "\($0.duration) from the route\(forward.timeoutMode.note)" }
                    ?? "none; the caller's deadline"
            )
        }
        if let retry = wishes.asksForRetries ? granted?.retry?.policy : forward.retry {
            let conditions = RetryConditions.names.filter { retry.conditions.contains($0.condition) }.map(\.name)
            explanation.note(
                "retry",
                "up to \(retry.maximumAttempts) attempts on \(conditions.joined(separator: ",")), "
                    + "back-off \(retry.backoff.base.duration) to \(retry.backoff.maximum.duration)"
                    + (retry.perTryTimeout.map { ", \($0.duration) each\(forward.attemptTimeoutMode.note)" } ?? "")
                    + retry.mode.note
                    + (retry.replay == .harmless ? ", only where a replay is harmless" : ", whatever the method")
                    + (wishes.asksForRetries ? ", as the request's x-envoy- headers ask" : "")
            )
        } else {
            explanation.note("retry", "none")
        }
        if wishes.attemptTimeout != nil {
            let limit = granted?.attemptTimeout.map { "\($0.timeout.duration)" } ?? "none"
            explanation.note("attempt timeout", "\(limit) from the request's \(EnvoyHeader.attemptTimeout)")
        }
        for (share, selection) in route.selections(for: request, forward.shares) {
            explainHead(of: request, selection, &explanation)
            if let fault = selection.fault?.configuration {
                explanation.note("fault", "\(share.cluster): \(fault.summary)\(fault.mode.note)")
            }
            if let limiter = selection.rateLimiter {
                let limit = limiter.configuration
                explanation.note(
                    "rate limit",
                    "\(limit.tokensPerFill) per \(limit.fillInterval.duration)\(limit.mode.note)"
                )
            }
            if let keyed = selection.keyedRateLimit?.configuration { explanation.note("rate limit", keyed.summary) }
            for line in selection.filters?.summary ?? [] { explanation.note("filter", line) }
            explanation.note("cluster", "\(share.cluster), weight \(share.weight)")
            // Those that have facts of their own are not told twice.
            let told: Set<PolicySlot> = [.fault, .rateLimit, .totalTimeout, .retry, .attemptTimeout]
            for policy in selection.stack(of: route).policies where !told.contains(policy.slot) {
                explanation.note("policy", policy.description)
                let isShared = policy.slot == .cache || policy.slot == .coalescing
                if isShared, policy.mode != .disabled {
                    for reason in clients.reasonsNotShared { explanation.note("", "it \(reason)") }
                }
            }
            if !selection.deadlineHeaders.isEmpty {
                explanation.note("deadline headers", selection.deadlineHeaders.names)
            }
            if selection.hasExpiredRequests {
                explanation.note("policy", "expired requests: about what this process serves, does nothing here")
            }
            guard let cluster = selection.cluster else {
                explanation.note("", "it does not exist: requests fail with 503 and the flag NC")
                continue
            }
            let labels = route.route.labels(ofShare: share)
            if !labels.isEmpty {
                let isOfNone = !(cluster.members + [cluster]).contains { $0.subsets != nil }
                let note = isOfNone ? ", of which nobody asks: the cluster has no subsets" : ""
                explanation.note("endpoint labels", labels.labelSummary + note)
            }
            if !cluster.members.isEmpty {
                explainMembers(of: cluster, &explanation)
                continue
            }
            explain(cluster, &explanation)
        }
    }

    /// The clusters that a cluster is made of, and what each of their priorities has of the traffic.
    private func explainMembers(of cluster: ClusterRuntime, _ explanation: inout Explanation) {
        let load = cluster.aggregate?.load(at: clock.now)
        var priority = 0
        for member in cluster.members {
            let places = priority..<(priority + member.groups.count)
            let share = places.reduce(0) { $0 + (load?.healthy[$1] ?? 0) + (load?.degraded[$1] ?? 0) }
            let part = "\(share)% of the traffic to \(cluster.cluster.name)"
            explanation.note("cluster", "\(member.cluster.name), with \(part)")
            priority = places.upperBound
            explain(member, &explanation)
        }
    }

    /// What each priority has of the traffic, where there is more to say than that the only one has all of it.
    private func explainPriorities(_ cluster: ClusterRuntime, _ explanation: inout Explanation, at now: MeshInstant) {
        let load = cluster.picker.load(at: now)
        guard load.healthy.count > 1 || load.panics.contains(true) || load.degraded.contains(where: { $0 > 0 }) else {
            return
        }
        for priority in load.healthy.indices {
            let degraded = load.degraded[priority]
            explanation.note(
                "priority",
                "\(priority): \(load.healthy[priority])% of the traffic"
                    + (degraded > 0 ? ", and \(degraded)% to degraded endpoints" : "")
                    + (load.panics[priority] ? ", in panic: all endpoints are used" : "")
            )
        }
    }

    private func explain(_ cluster: ClusterRuntime, _ explanation: inout Explanation) {
        let now = clock.now
        explanation.note("load balancing", cluster.cluster.loadBalancing.policy.summary)
        for line in cluster.structureSummary { explanation.note("", line) }
        if let detection = cluster.cluster.outlierDetection {
            explanation.note("outlier detection", detection.description)
        }
        if let summary = cluster.cluster.healthCheck?.summary { explanation.note("health check", summary) }
        if let breaker = cluster.cluster.circuitBreaker {
            let name = cluster.cluster.name
            let isOfMesh = snapshot?.resources.clusters[name]?.circuitBreaker == nil
            let place = isOfMesh ? "mesh" : "cluster \(name)"
            let description = PolicyDescription(breaker, in: .circuitBreaker, name: name, place: place)
            explanation.note("policy", "each endpoint's \(description)")
        }
        if let summary = cluster.loadStatisticsSummary(at: now) { explanation.note("load statistics", summary) }
        explanation.note("concurrency limit", "\(cluster.cluster.concurrencyLimit.maximumRequests) requests")
        explanation.note("connections", cluster.cluster.connectionSummary)
        if let proxy = cluster.cluster.proxySummary { explanation.note("proxy", proxy) }
        let secrets = loadSnapshot().secrets[cluster.cluster.secrets]
        if let secrets { explanation.note("secrets", secrets.summary) }
        let names = cluster.cluster.peerNames
        if !names.isEmpty { explanation.note("peer names", names.map(\.summary).joined(separator: ", ")) }
        explainHosts(of: cluster.cluster, &explanation, at: now)
        explainPriorities(cluster, &explanation, at: now)
        if cluster.endpoints.isEmpty { explanation.note("endpoint", "none: requests fail with 503 and the flag UH") }
        for endpoint in cluster.endpoints {
            let ejected = endpoint.ejectedUntil.load(ordering: .relaxed)
            var state = "\(endpoint.health)"
            if ejected > now.nanoseconds {
                state = "ejected for \(MeshInstant(nanoseconds: ejected).elapsed(since: now).duration)"
            }
            if let checked = endpoint.checker?.summary { state += " (\(checked))" }
            if let breaker = cluster.live.breakerState(of: endpoint.endpoint.address), breaker != .closed {
                state += ", circuit breaker \(breaker.label)"
            }
            let active = endpoint.activeRequests.load(ordering: .relaxed)
            let security = endpoint.endpoint.security == .plaintext ? "plaintext" : "mutual TLS"
            let proxy = endpoint.endpoint.proxy.map { ", through the proxy \($0)" } ?? ""
            let connection = "\(active) active, \(security)\(proxy)"
            let load = endpoint.loadSummary(
                at: now,
                outOfBand: loadReports.summary(of: endpoint, in: cluster, at: now)
            )
            explanation.note("endpoint", "\(endpoint.endpoint.addressSummary) \(state), \(connection)\(load)")
        }
    }
}

extension PolicyMode {
    /// Behind a policy's values: nothing if it acts.
    var note: String { self == .enforce ? "" : " [\(rawValue)]" }
}

extension HeaderRateLimitConfiguration {
    /// The limit in words.
    var summary: String {
        let limit = keyed.limit
        return "\(limit.tokensPerFill) per \(limit.fillInterval.duration) for each value of \(header)\(mode.note)"
    }
}

extension FaultConfiguration {
    /// The faults in words.
    var summary: String {
        let rate = responseRate.map { "responses at \($0)" }
        let delay = delay.map { delay in
            if delay.isByHeader { return "delay that requests ask for, for \(delay.percentage)" }
            let longest = delay.upTo.map { " to \($0.duration)" } ?? ""
            return "delay of \(delay.duration.duration)\(longest) for \(delay.percentage)"
        }
        let abort = abort.map { abort in
            if abort.isByHeader { return "abort that requests ask for, for \(abort.percentage)" }
            let answer = abort.grpcStatus.map { "gRPC status \($0)" } ?? "\(abort.status)"
            return "abort with \(answer) for \(abort.percentage)"
        }
        return [rate, delay, abort].compactMap { $0 }.joined(separator: ", ")
    }
}
