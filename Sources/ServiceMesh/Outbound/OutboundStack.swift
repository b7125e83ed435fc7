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
    /// Inside the attempt's deadline, so that the peer hears the earlier of both.
    public typealias Headers = DeadlineHeaderLayer<Attempt, SelectionSources.Headers>
    /// The attempt's deadline where the route has one of the policies around it.
    public typealias GuardedAttemptDeadline = DeadlineLayer<Headers, SelectionSources.AttemptTimeout>
    /// Outside the attempt's deadline, so that an attempt that took too long is a failure to it and not a cancellation.
    public typealias Breaker = CircuitBreakerLayer<GuardedAttemptDeadline, SelectionSources.Breakers>
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
    /// Outside the retries: a request is copied once, however many attempts it takes.
    public typealias Copies = MirrorLayer<OutOfLine<Retries>, AttemptSlot>
    /// Outside the copies, which leave as the request does; inside all that decides by what the caller wrote.
    public typealias Edits = EditLayer<Copies>
    /// Outside the retries: what it refuses must not be tried again at once.
    public typealias Admission = OptionalLayers<
        Retries, AdmissionControlLayer<Edits, SelectionSources.Admission>, SelectionNeeds.Tries
    >
    /// Outside the retries, so that all attempts and their waits share it.
    public typealias RouteDeadline = DeadlineLayer<Admission, SelectionSources.RouteTimeout>
    /// Outside the retries: a request counts once, however many attempts it takes.
    public typealias RateLimit = RateLimitLayer<RouteDeadline, SelectionSources.RateLimit>
    /// Outside the rate limit and the retries, so that retries do not mask an injected abort.
    public typealias Fault = FaultLayer<RateLimit, SelectionSources.Fault>
    /// Inside the filters, the faults among them: a route that answers by itself has them, too.
    public typealias Answers = AnswerLayer<OutOfLine<RateLimit>>
    /// The same faults, where the route may answer by itself.
    public typealias GuardedFault = FaultLayer<Answers, SelectionSources.Fault>
    /// Outside the retries: a response tells of the endpoint that gave it, on whichever attempt.
    public typealias Sessions = SessionLayer<GuardedFault>
    /// Inside the local limit, which costs nothing: what that refuses, the service is not asked about.
    public typealias GlobalLimit = GlobalRateLimitLayer<Sessions, SelectionSources.GlobalRateLimits>
    /// Inside the buffer's limit: what is too large is refused whether there is a token for it or not.
    public typealias LocalLimit = LocalRateLimitLayer<GlobalLimit, SelectionSources.LocalRateLimits>
    /// Inside the header changes, whose answers all of these get.
    public typealias Buffer = BufferLayer<LocalLimit>
    /// Outside every filter that answers by itself; inside the filter that changes what the route has changed.
    public typealias Replies = ReplyLayer<Buffer>
    /// Outside the other filters, which look at the heads as it leaves them.
    public typealias Mutations = HeaderMutationLayer<Replies>
    /// Outside the retries, as the other rate limits are, and outside the faults with them: one path has none of all.
    public typealias KeyedLimit = HeaderRateLimitLayer<Mutations, SelectionSources.KeyedRateLimits>
    /// Outside everything that costs something: what is refused for its unimportance has cost nothing yet.
    public typealias Shedding = LoadSheddingLayer<KeyedLimit, SelectionSources.LoadShedding>
    /// Outside everything that belongs to one request: those who share it have it in common.
    public typealias Coalesced = CoalescingLayer<
        Shedding, SelectionSources.Coalescings<Leaf.Request, Leaf.Response>
    >
    /// Outside the coalescing: an answer from memory waits for nobody.
    public typealias Cached = ResponseCacheLayer<Coalesced, SelectionSources.Caches<Leaf.Request, Leaf.Response>>
    /// Outside every policy: it answers in place of whatever fails.
    public typealias Fallback = LocalAnswerLayer<Cached>
    /// Outside the fallback: pages are to see that answer, too.
    public typealias CrossOrigin = CORSLayer<Fallback>
    /// The whole request: past policies that the route does not have.
    public typealias Guarded = OptionalLayers<Fault, CrossOrigin, SelectionNeeds.Request>
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
    ///   - replay: How responses are held for several callers; without it response caches and coalescing do not act,
    ///     which `Mesh.explain` and the observers say.
    ///   - requestMiddleware: The application's own, once a request; the first is the outermost.
    ///   - attemptMiddleware: The application's own, once an attempt. With any, response caches and coalescing do not act
    ///     unless `replay` allows it.
    public init(
        mesh: Mesh,
        leaf: Leaf,
        replay: ResponseReplay<Leaf.Request, Leaf.Response>? = nil,
        requestMiddleware: [any Middleware<Leaf.Request, Leaf.Response>] = [],
        attemptMiddleware: [any Middleware<Leaf.Request, Leaf.Response>] = []
    ) {
        let clock = mesh.clock
        let attempt = Attempt(leaf, mesh: mesh)
        let observers = mesh.observers
        let deadline = AttemptDeadline(
            attempt,
            scope: .attempt,
            source: .init(),
            clock: clock,
            observers: observers
        )
        let classifier = mesh.configuration.classifier
        let guardedDeadline = GuardedAttemptDeadline(
            Headers(attempt, source: .init(), clock: clock),
            scope: .attempt,
            source: .init(),
            clock: clock,
            observers: observers
        )
        let breaker = Breaker(guardedDeadline, source: .init(), classifier: classifier)
        let limit = Limit(Places(breaker, source: .init()), source: .init())
        let hedges = Hedges(GuardedAttemptSlot(attemptMiddleware, around: limit), source: .init())
        let slot = AttemptSlot(attemptMiddleware, around: deadline)
        let retries = Retries(
            Attempts(slot, guarded: hedges),
            source: .init(),
            clock: clock,
            random: mesh.random,
            observers: observers
        )
        let edits = Edits(Copies(OutOfLine(retries), copies: slot, mesh: mesh), mesh: mesh)
        let admission = Admission(retries, guarded: AdmissionControlLayer(edits, source: .init()))
        let routeDeadline = RouteDeadline(
            admission,
            scope: .request,
            source: .init(),
            clock: clock,
            observers: observers
        )
        let rateLimit = RateLimit(routeDeadline, source: .init())
        let fault = Fault(rateLimit, source: .init())
        let client = SharingClient(replay, hasAttemptMiddleware: !attemptMiddleware.isEmpty, observers: observers)
        let answers = Answers(OutOfLine(rateLimit), mesh: mesh)
        let sessions = Sessions(GuardedFault(answers, source: .init()))
        let limits = LocalLimit(GlobalLimit(sessions, source: .init(mesh)), source: .init(mesh))
        let mutations = Mutations(Replies(Buffer(limits), mesh: mesh), mesh: mesh)
        let shedding = Shedding(KeyedLimit(mutations, source: .init()), source: .init())
        let coalesced = Coalesced(shedding, source: .init(client))
        let fallback = Fallback(Cached(coalesced, source: .init(client)), mesh: mesh)
        mesh.clients.noteClient(hindrance: client.hindrance)
        let routes = Routes(Guarded(fault, guarded: CrossOrigin(fallback, mesh: mesh)), mesh: mesh)
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
