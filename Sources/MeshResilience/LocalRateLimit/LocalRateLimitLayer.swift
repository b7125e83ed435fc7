// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// What a local rate limit is asked about one request.
public struct LocalRateLimitQuestion: Sendable {
    /// Who is asked.
    public var limiter: LocalRateLimiter
    /// What the request is counted under.
    public var descriptors: [RateLimitDescriptor]
    /// The share of requests above the limit that are refused (`filter_enforced`).
    public var enforced: FractionalPercent

    /// Creates a question.
    public init(
        _ limiter: LocalRateLimiter,
        descriptors: [RateLimitDescriptor] = [],
        enforced: FractionalPercent = .all
    ) {
        self.limiter = limiter
        self.descriptors = descriptors
        self.enforced = enforced
    }
}

/// Where a `LocalRateLimitLayer` finds what to ask about a request. Called on the request path, from any thread.
public protocol LocalRateLimitQuestionSource: Sendable {
    /// What is asked about a request; `nil` if nothing is.
    func question(for request: some RequestHead, context: CallContext) -> LocalRateLimitQuestion?
    /// The request is refused with this answer, which may be added to.
    func refused(_ reply: inout LocalReply, request: some RequestHead, context: CallContext)
    /// The request would have been refused, and goes on; it may be marked.
    func marked(_ request: inout some RequestHead, context: CallContext)
}

extension LocalRateLimitQuestionSource {
    /// Adds nothing.
    public func refused(_ reply: inout LocalReply, request: some RequestHead, context: CallContext) {}
    /// Marks nothing.
    public func marked(_ request: inout some RequestHead, context: CallContext) {}
}

/// Refuses requests whose descriptors have used up their buckets. It stands outside the retries: a request counts once.
public struct LocalRateLimitLayer<Base: Transport, Source: LocalRateLimitQuestionSource>: Transport
where Base.Request: RequestHead, Base.Response: ResponseHead {
    @usableFromInline let base: Base
    @usableFromInline let source: Source

    /// Creates the layer.
    public init(_ base: Base, source: Source) {
        self.base = base
        self.source = source
    }

    /// Sends if every bucket of the request has a token for it.
    @inlinable
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        guard let question = source.question(for: request, context: context) else {
            return try await base.send(request, context: &context)
        }
        var request = request
        let ruling = question.limiter.rule(question.descriptors, enforced: question.enforced)
        switch ruling.verdict {
        case .passed: break
        case .marked: source.marked(&request, context: context)
        case .refused:
            let context = context
            throw question.limiter.refusal(ruling, of: request) { [request] reply in
                source.refused(&reply, request: request, context: context)
            }
        }
        guard !ruling.responseHeaders.isEmpty else { return try await base.send(request, context: &context) }
        do {
            var response = try await base.send(request, context: &context)
            for header in ruling.responseHeaders { response.appendValue(header.value, for: header.name) }
            return response
        } catch var error as MeshError {
            // An answer of the mesh itself passes the filters as one of the upstream does.
            for header in ruling.responseHeaders { error.localReply?.appendValue(header.value, for: header.name) }
            throw error
        }
    }

    /// Ends the exchange.
    @inlinable
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        base.finish(&context, ending)
    }
}
