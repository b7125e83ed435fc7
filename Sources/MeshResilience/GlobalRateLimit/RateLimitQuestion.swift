// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// What a rate limit service is asked about one request.
public struct RateLimitQuestion: Sendable {
    /// Who asks.
    public var limiter: GlobalRateLimiter
    /// Whose limits they are; `nil` for the domain of the limiter's configuration.
    public var domain: String?
    /// What the request is counted under.
    public var descriptors: [RateLimitDescriptor]
    /// How many hits it counts for where a descriptor says nothing; 0 means 1.
    public var hits: UInt32
    /// The share of requests above the limit that are refused (`filter_enforced`).
    public var enforced: FractionalPercent
    /// The share of requests that are refused while the service cannot be asked; `nil` for what the configuration says
    /// (`failure_mode_deny_percent`).
    public var refusedOnFailure: FractionalPercent?

    /// Creates a question.
    public init(
        _ limiter: GlobalRateLimiter,
        domain: String? = nil,
        descriptors: [RateLimitDescriptor],
        hits: UInt32 = 0,
        enforced: FractionalPercent = .all,
        refusedOnFailure: FractionalPercent? = nil
    ) {
        self.limiter = limiter
        self.domain = domain
        self.descriptors = descriptors
        self.hits = hits
        self.enforced = enforced
        self.refusedOnFailure = refusedOnFailure
    }
}

/// Where a `GlobalRateLimitLayer` finds what to ask about a request: what routes say, or a rule of the application.
///
/// Called on the request path, from any thread.
public protocol RateLimitQuestionSource: Sendable {
    /// What is asked about a request; `nil` if nothing is.
    func question(for request: some RequestHead, context: CallContext) -> RateLimitQuestion?
    /// The request is refused with this answer, which may be added to.
    func refused(_ reply: inout LocalReply, request: some RequestHead, context: CallContext)
}

extension RateLimitQuestionSource {
    /// Adds nothing.
    public func refused(_ reply: inout LocalReply, request: some RequestHead, context: CallContext) {}
}
