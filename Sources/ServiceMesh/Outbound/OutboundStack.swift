// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import MeshResilience

/// Every layer that an outbound request passes, in the one order that is right.
///
/// An adapter fixes it to its own request and response in a non-generic struct, so that the whole nest is specialised.
public struct OutboundStack<Leaf: Transport>: Transport
where Leaf.Request: RequestHead, Leaf.Response: ResponseHead {
    // Innermost first. Each line says what it must stand inside of, and why.

    /// An attempt ends where the leaf says it ends: limits and statistics must see exactly that.
    public typealias Attempt = AttemptLayer<Leaf>
    /// Outside the pick, so that the time that an attempt waits for a connection counts.
    public typealias AttemptDeadline = DeadlineLayer<Attempt, SelectionSources.AttemptTimeout>
    /// Outside the attempt's deadline, so that an attempt that took too long is a failure to it and not a cancellation.
    public typealias Breaker = CircuitBreakerLayer<AttemptDeadline, SelectionSources.Breakers>
    /// Outside the breaker: what an open circuit refuses needs no place for long.
    public typealias Places = BulkheadLayer<Breaker, SelectionSources.Bulkheads>
    /// Outside the bulkhead: a queue that grows in there is a latency, at which the limit shrinks.
    public typealias Limit = AdaptiveLimitLayer<Places, SelectionSources.AdaptiveLimits>
    /// Outside the attempt's policies: the application sees each attempt with its outcome.
    public typealias GuardedAttemptSlot = MiddlewareSlot<Limit>
    /// Outside everything that belongs to one attempt: each hedge is one.
    public typealias Hedges = HedgeLayer<GuardedAttemptSlot, SelectionSources.Hedges>
    /// The same slot where the route has none of these policies.
    public typealias AttemptSlot = MiddlewareSlot<AttemptDeadline>
    /// The attempts of one try: past policies that the route does not have.
    public typealias Attempts = OptionalLayers<AttemptSlot, Hedges, SelectionNeeds.Attempt>
    /// Outside every attempt: one follows the other.
    public typealias Retries = RetryLayer<Attempts, SelectionSources.Retries>
    /// Outside the retries: what it refuses must not be tried again at once.
    public typealias Admission = OptionalLayers<
        Retries, AdmissionControlLayer<Retries, SelectionSources.Admission>, SelectionNeeds.Admission
    >
    /// Outside the retries, so that all attempts and their waits share it.
    public typealias RouteDeadline = DeadlineLayer<Admission, SelectionSources.RouteTimeout>
    /// Outside the retries: a request counts once, however many attempts it takes.
    public typealias RateLimit = RateLimitLayer<RouteDeadline, SelectionSources.RateLimit>
    /// Outside the rate limit and the retries, so that retries do not mask an injected abort.
    public typealias Fault = FaultLayer<RateLimit, SelectionSources.Fault>
    /// Outside everything that costs something: what is refused for its unimportance has cost nothing yet.
    public typealias Shedding = LoadSheddingLayer<Fault, SelectionSources.LoadShedding>
    /// Outside every policy: it answers in place of whatever fails.
    public typealias Fallback = LocalAnswerLayer<Shedding>
    /// The whole request: past policies that the route does not have.
    public typealias Guarded = OptionalLayers<Fault, Fallback, SelectionNeeds.Request>
    /// Outside everything that reads its policy from the route.
    public typealias Routes = RouteLayer<Guarded>
    /// Outside route selection: the application may change what is routed by.
    public typealias RequestSlot = MiddlewareSlot<Routes>
    /// Outermost: it sees what every other layer does, and the end of the body.
    public typealias Telemetry = TelemetryLayer<RequestSlot>

    /// What stands in its place while the mesh is disabled: the application's own middleware and nothing of the mesh.
    public typealias Disabled = MiddlewareSlot<MiddlewareSlot<PassThroughLayer<Leaf>>>

    @usableFromInline let stack: Telemetry
    @usableFromInline let disabled: Disabled
    @usableFromInline let isDisabled: Bool

    /// Builds the stack over a transport.
    /// - Parameters:
    ///   - mesh: The mesh whose configuration decides.
    ///   - leaf: What carries one request to one endpoint.
    ///   - requestMiddleware: The application's own, once a request; the first is the outermost.
    ///   - attemptMiddleware: The application's own, once an attempt.
    public init(
        mesh: Mesh,
        leaf: Leaf,
        requestMiddleware: [any Middleware<Leaf.Request, Leaf.Response>] = [],
        attemptMiddleware: [any Middleware<Leaf.Request, Leaf.Response>] = []
    ) {
        let clock = mesh.clock
        let attempt = Attempt(leaf, mesh: mesh)
        let deadline = AttemptDeadline(attempt, scope: .attempt, source: .init(), clock: clock)
        let classifier = mesh.configuration.classifier
        let breaker = Breaker(deadline, source: .init(), classifier: classifier)
        let limit = Limit(Places(breaker, source: .init()), source: .init())
        let hedges = Hedges(GuardedAttemptSlot(attemptMiddleware, around: limit), source: .init())
        let retries = Retries(
            Attempts(AttemptSlot(attemptMiddleware, around: deadline), guarded: hedges),
            source: .init(),
            clock: clock,
            random: mesh.random,
            observers: mesh.observers
        )
        let admission = Admission(retries, guarded: AdmissionControlLayer(retries, source: .init()))
        let routeDeadline = RouteDeadline(admission, scope: .request, source: .init(), clock: clock)
        let rateLimit = RateLimit(routeDeadline, source: .init())
        let fault = Fault(rateLimit, source: .init())
        let fallback = Fallback(Shedding(fault, source: .init()), mesh: mesh)
        let routes = Routes(Guarded(fault, guarded: fallback), mesh: mesh)
        self.stack = Telemetry(RequestSlot(requestMiddleware, around: routes), mesh: mesh)
        self.disabled = Disabled(
            requestMiddleware,
            around: MiddlewareSlot(attemptMiddleware, around: PassThroughLayer(leaf))
        )
        self.isDisabled = mesh.isDisabled
    }

    /// Sends a request through the mesh.
    /// - Throws: `MeshError` for everything that the mesh or the network refuses, with the route, cluster, endpoint and
    ///   attempt that it concerns.
    @inlinable
    public func send(_ request: Leaf.Request, context: inout CallContext) async throws -> Leaf.Response {
        guard !isDisabled else { return try await disabled.send(request, context: &context) }
        return try await stack.send(request, context: &context)
    }

    /// Ends the exchange of a request whose `send` returned.
    @inlinable
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        guard !isDisabled else { return disabled.finish(&context, ending) }
        stack.finish(&context, ending)
    }
}
