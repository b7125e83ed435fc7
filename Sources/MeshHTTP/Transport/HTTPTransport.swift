// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
public import MeshCore
import NIOCore
import NIOPosix

/// The mesh's data plane: one request to one endpoint, over connections of HTTP/1.1 or HTTP/2 that are kept and reused.
///
/// It dials the context's endpoint, whatever the request's authority says. Its connections belong to the event loops of
/// its group, so there is nothing to run; `shutdown` closes them, and `withHTTPTransport` calls it. A request of a task
/// that runs on one of the loops (`executors`) is sent without leaving its thread.
///
/// - The endpoint says which version of HTTP is spoken (`ConnectionOptions`), how long connections live and how many
///   requests they carry. `send` returns at the response's head; a streamed request body goes on being sent meanwhile.
/// - A request that the peer says it has not looked at (GOAWAY, REFUSED_STREAM) is sent again by itself, twice at most.
/// - A kept connection that the peer closes as the request is written fails with `connectionClosed` and
///   `requestState` `maybeSent`: the peer may have acted, and whether to try again is decided above.
public final class HTTPTransport: Transport {
    /// What is sent.
    public typealias Request = OutboundRequest
    /// What comes back.
    public typealias Response = OutboundResponse

    /// How the transport behaves.
    public let configuration: Configuration
    /// Task executors on the loops of the connections.
    public let executors: EventLoopExecutors
    let pools: PoolRegistry

    /// Creates a transport. Call `shutdown` when it is not needed any more, or use `withHTTPTransport`.
    public init(_ configuration: Configuration = Configuration()) {
        self.configuration = configuration
        self.executors = EventLoopExecutors(configuration.eventLoopGroup)
        self.pools = PoolRegistry(configuration: configuration, executors: executors)
    }

    /// How many connections and waiting requests there are.
    public var statistics: Statistics { pools.statistics }

    // MARK: Exchanges

    /// Sends a request to the context's endpoint and returns at the response's head.
    ///
    /// Writes `traceparent` and `tracestate` of the context's trace, and `x-envoy-expected-rq-timeout-ms` if there is a
    /// deadline, in place of any that the request has.
    /// - Throws: `MeshError`: `connectionFailed`, `connectionClosed`, `protocolViolation`, `deadlineExceeded`,
    ///   `overflow`, `cancelled`, `invalidRequest`; what the producer of a streamed body throws.
    public func send(_ request: OutboundRequest, context: inout CallContext) async throws -> OutboundResponse {
        context.requestState = .notSent
        guard var endpoint = context.endpoint else {
            throw MeshError(.noHealthyUpstream, origin: .local, message: "no endpoint was picked for the request")
        }
        // gRPC is spoken over HTTP/2, whatever a cluster that serves other requests, too, says of these.
        if context.isRPC, endpoint.connection.httpVersion != .http2 { endpoint.connection.httpVersion = .http2 }
        let exchange = Exchange(
            try WireRequest(
                request,
                trace: context.trace,
                deadline: context.isRPC ? context.deadline : context.headDeadline,
                endpoint: endpoint,
                now: try checkedNow(context, endpoint),
                call: context.isRPC ? WireRequest.Call(attempt: context.attempt) : nil
            ),
            to: endpoint,
            deadline: context.deadline,
            headDeadline: context.headDeadline,
            loop: currentLoop,
            highWatermark: configuration.bodyBufferLimit
        )
        do {
            let head = try await head(of: exchange, for: request.body)
            context.requestState = .answered
            context.openExchanges += 1
            context.exchange = exchange
            return OutboundResponse(head, exchange: exchange)
        } catch {
            context.requestState = exchange.requestState
            throw error
        }
    }

    /// Ends the exchange in the context's hands: its connection is free if the response was read, or has little left.
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        guard let exchange = context.exchange as? Exchange else { return }
        context.exchange = nil
        context.openExchanges -= 1
        exchange.finish(ending)
    }

    private func head(of exchange: Exchange, for body: RequestBody) async throws -> HTTPResponse {
        guard let produce = body.producer else { return try await exchange.head(from: pools) }
        exchange.beginUpload(on: exchange.loop.map { executors[$0] }, produce)
        do {
            return try await exchange.head(from: pools)
        } catch {
            // Whoever tries again must not meet the producer of this attempt.
            await exchange.uploadEnded()
            throw error
        }
    }

    /// The clock costs more than the comparison: it is read only for a request with a deadline.
    private func checkedNow(_ context: CallContext, _ endpoint: Endpoint) throws(MeshError) -> MeshInstant {
        guard !context.headDeadline.isNever else { return context.startedAt }
        let now = configuration.clock.now
        guard context.headDeadline.hasPassed(at: now) else { return now }
        var error = MeshError(.deadlineExceeded, origin: .local, message: "the deadline passed before the attempt")
        error.endpoint = endpoint.address
        throw error
    }

    private var currentLoop: Int? {
        MultiThreadedEventLoopGroup.currentEventLoop.flatMap { executors.index(of: $0) }
    }

    // MARK: Connections

    /// Closes idle connections now and busy ones as their exchanges end: new ones are made under the current identity.
    public func closeIdleConnections() {
        pools.condemnConnections()
    }

    /// Closes connections to every endpoint but these: busy ones as their exchanges end.
    ///
    /// Not needed for memory's sake: an endpoint without connections takes none. It frees connections to endpoints that
    /// are gone before their idle timeout does.
    public func retain(endpoints: some Sequence<Endpoint>) {
        pools.condemnConnections(except: Set(endpoints.map { EndpointKey($0) }))
    }

    /// Takes no more requests, fails those that wait for a connection, and returns when every connection is closed.
    ///
    /// Exchanges under way may end by themselves. When the grace period is over, or the task is cancelled, they fail, and
    /// connections that are still being made are left to be closed when they are.
    public func shutdown(gracePeriod: Duration = .seconds(5)) async {
        await pools.shutDown(gracePeriod: Nanoseconds(gracePeriod))
    }
}

/// Makes a transport for the time of `body`, and shuts it down.
/// - Throws: What `body` throws.
public func withHTTPTransport<Result>(
    _ configuration: HTTPTransport.Configuration = HTTPTransport.Configuration(),
    _ body: (HTTPTransport) async throws -> Result
) async throws -> Result {
    let transport = HTTPTransport(configuration)
    let result: Result
    do {
        result = try await body(transport)
    } catch {
        await transport.shutdown(gracePeriod: .zero)
        throw error
    }
    await transport.shutdown()
    return result
}
