// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import AsyncHTTPClient
import HTTPTypes
public import MeshCore
public import MeshHTTP
import NIOCore

/// AsyncHTTPClient as the mesh's transport, for those who must keep it: its pool, its proxies, its HTTP/2.
///
/// ```swift
/// let transport = AsyncHTTPClientTransport()
/// let client = MeshHTTPClient(mesh: mesh, transport: transport)
/// ```
/// It dials the context's endpoint, whatever the request's authority says, and treats header fields as `HTTPTransport`
/// does. Use that one where you can: AsyncHTTPClient does not do all that a mesh's transport should.
/// - **Identity**: endpoints with mutual TLS are refused, unless the configuration has a TLS configuration for them;
///   the peer's SPIFFE identity is never checked.
/// - **Request state**: a failed connection attempt is `notSent`. A deadline that passes is `maybeSent` until the head
///   is there, since AsyncHTTPClient does not say whether the request was still waiting for a connection.
/// - **Trailers**: those of a request are refused, those of a response are lost.
/// - **Endpoint options**: connect timeout and limits are those of AsyncHTTPClient's configuration. HTTP/2 without TLS,
///   and a proxy of the endpoint's, are refused.
/// - **Paths**: `*` is refused; AsyncHTTPClient escapes what its URL type does not take as it is.
/// - **Streamed bodies**: the rest of their responses that nobody reads closes its connection.
public final class AsyncHTTPClientTransport: Transport {
    /// What is sent.
    public typealias Request = OutboundRequest
    /// What comes back.
    public typealias Response = OutboundResponse

    /// How the transport behaves.
    public let configuration: Configuration
    private let clients: ClientDirectory

    /// Creates a transport. Call `shutdown` when it is not needed any more, or use `withAsyncHTTPClientTransport`:
    /// AsyncHTTPClient traps in debug builds when it is dropped without.
    public init(_ configuration: Configuration = Configuration()) {
        self.configuration = configuration
        self.clients = ClientDirectory(configuration)
    }

    /// Sends a request to the context's endpoint and returns at the response's head.
    ///
    /// Writes `traceparent` and `tracestate` of the context's trace, and `x-envoy-expected-rq-timeout-ms` if there is a
    /// deadline, in place of any that the request has.
    /// - Throws: `MeshError`: `connectionFailed`, `connectionClosed`, `protocolViolation`, `deadlineExceeded`,
    ///   `attemptTimeout` for AsyncHTTPClient's own read and write timeouts, `overflow`, `cancelled`, `invalidRequest`;
    ///   what the producer of a streamed body throws.
    public func send(_ request: OutboundRequest, context: inout CallContext) async throws -> OutboundResponse {
        context.requestState = .notSent
        guard let endpoint = context.endpoint else {
            throw MeshError(.noHealthyUpstream, origin: .local, message: "no endpoint was picked for the request")
        }
        do {
            let now = try checkedNow(context)
            let wire = try ClientRequest(request, to: endpoint, context: context, now: now)
            let timing = ExchangeTiming(context, now: now)
            let (client, target) = try clients.client(for: endpoint)
            let response =
                if let produce = request.body.producer {
                    try await StreamedExchange.open(
                        try wire.streamed(target),
                        by: produce,
                        on: client,
                        timing: timing,
                        clock: configuration.clock
                    )
                } else {
                    try await BufferedExchange.open(
                        try wire.buffered(target, body: request.body),
                        on: client,
                        timing: timing,
                        configuration: configuration
                    )
                }
            context.requestState = .answered
            context.openExchanges += 1
            context.exchange = response.exchange
            return OutboundResponse(response.head, foreignBody: response.exchange)
        } catch var error as MeshError {
            error.endpoint = endpoint.address
            context.requestState = error.requestState
            throw error
        } catch {
            context.requestState = .maybeSent
            throw error
        }
    }

    /// Ends the exchange in the context's hands: its connection is free if the response was read, or has little left.
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        // By their classes: to ask for a conformance takes a lookup.
        if let exchange = context.exchange as? BufferedExchange {
            exchange.finish()
        } else if let exchange = context.exchange as? StreamedExchange {
            exchange.finish()
        } else {
            return
        }
        context.exchange = nil
        context.openExchanges -= 1
    }

    /// Takes no more requests, fails those under way, and returns when every connection is closed.
    /// - Throws: What AsyncHTTPClient throws, `alreadyShutdown` the second time.
    public func shutdown() async throws {
        try await clients.shutDown()
    }

    /// The clock costs more than the comparison: it is read only for a request with a deadline.
    private func checkedNow(_ context: CallContext) throws(MeshError) -> MeshInstant {
        guard !context.headDeadline.isNever else { return context.startedAt }
        let now = configuration.clock.now
        guard context.headDeadline.hasPassed(at: now) else { return now }
        throw MeshError(.deadlineExceeded, origin: .local, message: "the deadline passed before the attempt")
    }
}

/// Makes a transport for the time of `body`, and shuts it down.
/// - Throws: What `body` throws.
public func withAsyncHTTPClientTransport<Result>(
    _ configuration: AsyncHTTPClientTransport.Configuration = AsyncHTTPClientTransport.Configuration(),
    _ body: (AsyncHTTPClientTransport) async throws -> Result
) async throws -> Result {
    let transport = AsyncHTTPClientTransport(configuration)
    let result: Result
    do {
        result = try await body(transport)
    } catch {
        try await transport.shutdown()
        throw error
    }
    try await transport.shutdown()
    return result
}
