// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What travels with one request through every layer: small, copied where a layer forks, never a dictionary.
public struct CallContext: Sendable {
    /// When nobody waits for the answer any more. Layers shorten it, none extends it.
    public var deadline: Deadline
    /// When the current attempt is given up if its response's head has not come; its body has until `deadline`.
    public var attemptDeadline: Deadline = .never
    /// When the request entered the mesh.
    public var startedAt: MeshInstant
    /// When the current attempt began.
    public var attemptStartedAt: MeshInstant
    /// The instant that a layer above has read, for those below that would read the clock again; `nil` if they must.
    ///
    /// Whoever waits, or calls what may wait, calls `timePassed` first: an attempt, middleware, a queue, a backoff.
    public var freshInstant: MeshInstant? = nil
    /// The current attempt, counted from 1; 0 before the first.
    public var attempt: Int = 0
    /// The trace that the request belongs to; its span is the current attempt's.
    public var trace: TraceContext
    /// The endpoint that the current attempt goes to.
    public var endpoint: Endpoint? = nil
    /// One random number for the whole request, by which shares of requests are chosen, so that all who ask get the same
    /// answer; 0 where the route asks for none.
    public var random: UInt64 = 0
    /// The hash by which consistent balancers pick, where the route has hash policies and they gave one.
    public var hash: UInt64? = nil
    /// How far the current attempt came. The transport keeps it exact.
    public var requestState: RequestState = .notSent
    /// The status code of the response in hand; 0 while there is none.
    public var responseStatus: Int = 0
    /// Whether the request is a gRPC call: its status stands in trailers, its connections are of HTTP/2, it has the timeouts
    /// that gRPC's clients have (gRFC A31), and an attempt that never left goes to the next endpoint by itself. Set by
    /// the adapter that made the request.
    public var isRPC: Bool = false
    /// Whether whoever makes the call makes its further attempts, too, as calls of their own: then the route's retries are
    /// left aside, so that attempts do not multiply.
    public var isRetriedByCaller: Bool = false
    /// The gRPC status of the response in hand, 0 to 16; -1 while it is not known. Of the call that is finished, the adapter
    /// that has read the trailers says it.
    public var rpcStatus: Int16 = -1
    /// The bytes of all messages that the attempt in hand has sent, without their prefixes, where it is a gRPC call and its
    /// adapter counts them.
    public var sentMessageBytes: UInt64 = 0
    /// The same of those that it has received.
    public var receivedMessageBytes: UInt64 = 0
    /// Whether the balancer wants to know when the current attempt is answered.
    public var observesAnswer: Bool = false
    /// Whether the balancer wants to know what the endpoint reports of its load with the current attempt's answer.
    public var observesLoad: Bool = false
    /// Which of the clusters that the selected one is made of the current attempt goes to, counted from 1; 0 for the selected
    /// one itself.
    public var clusterMember: UInt8 = 0
    /// Of a cluster that is made of others, the priority that the current attempt went to, among those of all of them.
    public var aggregatePriority: UInt8 = 0
    /// A delay was injected into this request.
    public var isDelayInjected: Bool = false
    /// How many responses wait for their `finish` in this context. A leaf transport counts its own.
    public var openExchanges: Int = 0
    /// The middleware that answered by itself; `nil` while the response in hand came from the leaf transport.
    ///
    /// What stands below that middleware opened nothing, and is not finished.
    @usableFromInline var answeredBy: ObjectIdentifier? = nil
    /// Whether the current attempt follows one that took too long.
    public var isTimeoutRetry: Bool = false
    /// The endpoints that earlier attempts went to and that a further attempt avoids.
    public var attemptedEndpoints: [EndpointAddress] = []
    /// The priorities that earlier attempts went to, where the route's retries avoid these.
    public var priorityHistory: PriorityHistory = PriorityHistory()
    /// Where the attempts are that run beside this one, as the module of the hedges knows it; `nil` if there are none.
    public var endpointsInUse: (any Sendable & AnyObject)? = nil
    /// The permit that the endpoint's circuit breaker gave the current attempt.
    public var circuitBreakerPermit: UInt64 = 0
    /// The breaker of a route or a cluster that waits for the end of the request; `heldPermits` says whether one does.
    public var routeBreaker: ObjectIdentifier? = nil
    /// The permit that it gave.
    public var routeBreakerPermit: UInt64 = 0
    /// When it gave it.
    public var routeBreakerAdmittedAt: MeshInstant = MeshInstant(nanoseconds: 0)
    /// When a load shedder admitted the request; `heldPermits` says whether one did.
    public var loadAdmittedAt: MeshInstant = MeshInstant(nanoseconds: 0)
    /// What layers hold for this request and give back when it ends.
    public var heldPermits: HeldPermits = []
    /// What an adaptive limit wants to know again: how many requests were under way, with this one, when it let it pass;
    /// with partitions, in the lower 24 bits, and the partition's number above them.
    public var inFlightAtStart: UInt32 = 0
    /// The request line, kept for whoever records the request when it has ended; `nil` while nobody listens.
    public var requestLine: RequestLine? = nil
    /// What answered in place of the transport below a layer (a fallback, a cache, another's call); `nil` while nothing did.
    public var standIn: (any Sendable & AnyObject)? = nil
    /// What the leaf transport needs to finish the exchange in hand.
    public var exchange: (any Sendable & AnyObject)? = nil
    /// What the observers keep for this request (spans, say).
    public var observation: (any Sendable & AnyObject)? = nil
    /// The configuration that an inbound request is decided by: loaded once, the same for every layer. An outbound
    /// request carries the `route` that was selected by it.
    public var snapshot: (any Sendable & AnyObject)? = nil
    /// The route that was selected, as the module that assembles the stack knows it.
    public var route: (any Sendable & AnyObject)? = nil
    /// The live state of the endpoint that was picked, likewise.
    public var pick: (any Sendable & AnyObject)? = nil
    /// How many bytes of the response's body a second its reader gets; 0 for as many as come. Adapters keep to it where
    /// they hand the body out.
    public var responseBytesPerSecond: UInt64 = 0
    /// What filters decided about this request and others want to know; `nil` while there is nothing.
    public var filterState: FilterState? = nil

    /// Creates the context of a new request.
    /// - Parameters:
    ///   - now: The instant at which the request enters the mesh.
    ///   - deadline: When nobody waits for the answer any more.
    ///   - trace: The trace that the request belongs to.
    @inlinable
    public init(now: MeshInstant, deadline: Deadline = .never, trace: TraceContext = .none) {
        self.deadline = deadline
        self.startedAt = now
        self.attemptStartedAt = now
        self.trace = trace
    }

    /// Something has waited, or will: whoever wants to know the time reads the clock.
    ///
    /// Never inlined: where it is called after an asynchronous call, the compiler sees that the caller's executor is needed
    /// there, and makes sure of it there and not behind the place where ways meet, one of which made sure of it already.
    @inline(never)
    public mutating func timePassed() {
        freshInstant = nil
    }

    /// The current instant: the one that was read already while nothing has waited since, or else the clock's.
    @inlinable
    public func instant(by clock: any MeshClock) -> MeshInstant {
        freshInstant ?? clock.now
    }

    /// The earlier of both deadlines: what a transport enforces until the response's head.
    @inlinable
    public var headDeadline: Deadline {
        min(deadline, attemptDeadline)
    }
}

/// The part of a request that logs and metrics name it by.
public struct RequestLine: Sendable {
    /// The method.
    public var method: String
    /// The authority that was asked for.
    public var authority: String
    /// The path with its query.
    public var path: String

    /// Takes the request line of a request.
    public init(_ request: borrowing some RequestHead) {
        self.method = request.method
        self.authority = request.authority ?? ""
        self.path = request.path
    }
}
