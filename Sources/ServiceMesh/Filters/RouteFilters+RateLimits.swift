// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting

extension RouteFilters {
    /// What the local rate limit is asked about a request; `nil` if it is not asked.
    func localQuestion(
        for request: some RequestHead,
        _ context: CallContext,
        _ mesh: Mesh
    ) -> LocalRateLimitQuestion? {
        guard let limit = localLimit, limit.filter.enabled.share.contains(mesh.random.next()) else { return nil }
        // Without buckets of their own, descriptors change nothing.
        let descriptors =
            limit.filter.limit.limits.isEmpty
            ? []
            : limit.limits.descriptors(
                for: request,
                facts: rateLimitFacts(request, context, mesh),
                formats: { formatFacts(context, mesh) }
            )
        return LocalRateLimitQuestion(
            limit.limiter,
            descriptors: descriptors,
            enforced: limit.filter.enforced.share
        )
    }

    /// What the rate limit service is asked about a request; `nil` if it is not asked.
    func globalQuestion(
        for request: some RequestHead,
        _ context: CallContext,
        _ mesh: Mesh
    ) -> RateLimitQuestion? {
        guard let limit = globalLimit, !limit.limits.isEmpty, limit.filter.requests.contain(request),
            limit.filter.enabled.share.contains(mesh.random.next())
        else { return nil }
        let descriptors = limit.limits.descriptors(
            for: request,
            facts: rateLimitFacts(request, context, mesh),
            formats: { formatFacts(context, mesh) }
        )
        guard !descriptors.isEmpty else { return nil }
        return RateLimitQuestion(
            limit.limiter,
            domain: limit.domain,
            descriptors: descriptors,
            enforced: limit.filter.enforced.share,
            refusedOnFailure: limit.filter.refusedOnFailure?.share
        )
    }

    /// Adds the local limit's fields to a refusal.
    func refusedLocally(_ reply: inout LocalReply, _ request: some RequestHead, _ context: CallContext, _ mesh: Mesh) {
        localLimit?.refusalHeaders.apply(to: &reply, request: request, facts: formatFacts(context, mesh))
    }

    /// Adds the local limit's fields to a request that is above it and goes on.
    func mark(_ request: inout some RequestHead, _ context: CallContext, _ mesh: Mesh) {
        localLimit?.markHeaders.apply(to: &request, facts: formatFacts(context, mesh))
    }

    /// Adds the global limit's fields to a refusal.
    func refusedGlobally(_ reply: inout LocalReply, _ request: some RequestHead, _ context: CallContext, _ mesh: Mesh) {
        globalLimit?.refusalHeaders.apply(to: &reply, request: request, facts: formatFacts(context, mesh))
    }

    /// Why a request's body is too large; `nil` if it is not, or nobody knows.
    func sizeRefusal(of request: some RequestHead) -> MeshError? {
        guard let maximum = maximumRequestBytes, let length = request.knownBodyLength, length > maximum else {
            return nil
        }
        return MeshError(
            .requestTooLarge,
            origin: .downstream,
            message: "the request's body has \(length) bytes, and the route takes \(maximum)",
            localReply: LocalReply(status: 413, body: "Payload Too Large").adapted(to: request)
        )
    }

    /// Decides whether a request that came in may reach the handler.
    ///
    /// What filters change in heads does nothing here: the handler has its request already, and writes its own response.
    func admit(_ request: some RequestHead, _ context: inout CallContext, _ mesh: Mesh) async throws {
        if let refusal = sizeRefusal(of: request) { throw refusal }
        if let question = localQuestion(for: request, context, mesh) {
            let ruling = question.limiter.rule(question.descriptors, enforced: question.enforced)
            if ruling.verdict == .refused {
                throw question.limiter.refusal(ruling, of: request) { refusedLocally(&$0, request, context, mesh) }
            }
        }
        guard let question = globalQuestion(for: request, context, mesh) else { return }
        do {
            let passage = try await question.limiter.ask(question, until: context.deadline)
            context.noteMetadata(passage.metadata, of: question.limiter.configuration.metadataNamespace)
        } catch let error as MeshError {
            throw question.limiter.adapted(error, to: request) { refusedGlobally(&$0, request, context, mesh) }
        }
    }
}

extension GlobalRateLimitFilter.Requests {
    /// Whether a request is one of these, by what it says of itself.
    fileprivate func contain(_ request: some RequestHead) -> Bool {
        guard self != .both else { return true }
        return (request.value(of: "x-envoy-internal") == "true") == (self == .internal)
    }
}
