// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import GRPCCore
import HTTPTypes
public import MeshCore
public import MeshHTTP

/// Another transport of grpc-swift as what carries the mesh's calls: one of it for each endpoint.
///
/// ```swift
/// let connections = EndpointTransports { endpoint in
///     try HTTP2ClientTransport.Posix(
///         target: .ipv4(address: endpoint.address.host, port: Int(endpoint.address.port ?? 0)),
///         transportSecurity: .plaintext
///     )
/// }
/// let transport = try MeshClientTransport.mesh(target: "xds:///greeter", sources: [source], transport: connections)
/// ```
/// The mesh decides as ever which endpoint a call goes to, and what happens when it fails. Use `HTTPTransport` where you
/// can: this one copies every message once more, starts a task for each attempt, and its parts are what they are:
/// - **Calls only**: a request that is no RPC is refused.
/// - **Security**: endpoints that are to be reached by TLS are refused, unless `securesEndpoints` says that `make` looks at
///   `Endpoint.security`. What secrets a control plane names, no other transport knows.
/// - **Authority**: every call has the one that `make` gives the endpoint's transport; rewriting it (gRFC A81) has no effect.
/// - **Connections**: how many, and for how long, is theirs to say; the endpoint's options have no effect, but for its
///   connect timeout.
/// - **Compression**: what the mesh's transport has compressed is unfolded again, and handed on with the wish to compress it
///   that way, which is theirs to heed.
/// - **Reading**: a reader that pauses leaves up to four messages here.
public final class EndpointTransports<Base: ClientTransport>: Transport {
    /// What is sent.
    public typealias Request = OutboundRequest
    /// What comes back.
    public typealias Response = OutboundResponse

    private let directory: TransportDirectory<Base>
    private let securesEndpoints: Bool
    private let clock: any MeshClock
    private let coders = MessageCoders(MessageCompression())

    /// Creates a transport; call `shutdown` when it is not needed any more.
    /// - Parameters:
    ///   - maximumEndpoints: How many transports there may be at a time, at least 1. Beyond, the one that was unused for longest
    ///     goes; if all are in use, calls to further endpoints fail. Default 1024.
    ///   - securesEndpoints: Whether `make` makes what `Endpoint.security` asks for. Default `false`: such endpoints are
    ///     refused, rather than reached without protection.
    ///   - clock: The clock that deadlines go by: the mesh's.
    ///   - make: Makes the transport of an endpoint, when it is first called.
    public init(
        maximumEndpoints: Int = 1024,
        securesEndpoints: Bool = false,
        clock: any MeshClock = SystemClock(),
        make: @escaping @Sendable (Endpoint) throws -> Base
    ) {
        self.directory = TransportDirectory(limit: max(1, maximumEndpoints), make: make)
        self.securesEndpoints = securesEndpoints
        self.clock = clock
    }

    /// How many endpoints have a transport at the moment.
    public var endpointCount: Int { directory.count }

    /// Calls the context's endpoint and returns at the response's head.
    /// - Throws: `MeshError`: `connectionFailed`, `connectionClosed`, `deadlineExceeded`, `attemptTimeout`, `overflow`,
    ///   `cancelled`, `invalidRequest` for what is no RPC; what the producer of a streamed body throws.
    public func send(_ request: OutboundRequest, context: inout CallContext) async throws -> OutboundResponse {
        context.requestState = .notSent
        guard let endpoint = context.endpoint else {
            throw MeshError(.noHealthyUpstream, origin: .local, message: "no endpoint was picked for the call")
        }
        do {
            let call = try RelayedRequest(request, to: endpoint, context: context, coders: coders, now: clock.now)
            try check(endpoint)
            let (base, place) = try directory.transport(for: endpoint)
            let exchange = RelayedExchange { [directory] in directory.release(place) }
            exchange.start(call, on: base, clock: clock)
            let head: HTTPResponse
            do {
                head = try await exchange.head()
            } catch {
                exchange.finish()
                throw error
            }
            context.requestState = .answered
            context.openExchanges += 1
            context.exchange = exchange
            return OutboundResponse(head, foreignBody: exchange)
        } catch var error as MeshError {
            error.endpoint = endpoint.address
            context.requestState = error.requestState
            throw error
        } catch {
            context.requestState = .maybeSent
            throw error
        }
    }

    /// Ends the exchange in the context's hands. A call whose response was not read to its end is cancelled.
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        guard let exchange = context.exchange as? RelayedExchange else { return }
        exchange.finish()
        context.exchange = nil
        context.openExchanges -= 1
    }

    /// Takes no more calls, and returns when those under way have ended and every transport is closed. A task that is
    /// cancelled waits for no call.
    public func shutdown() async {
        await directory.shutDown()
    }

    private func check(_ endpoint: Endpoint) throws(MeshError) {
        guard endpoint.proxy == nil else { throw Self.refusal("another transport takes no proxy for an endpoint") }
        guard endpoint.secrets == nil else {
            throw Self.refusal("another transport cannot use secrets of a control plane, which the endpoint wants")
        }
        guard endpoint.security == .plaintext || securesEndpoints else {
            throw Self.refusal("the endpoint wants TLS, and nothing says that its transport is made with it")
        }
    }

    private static func refusal(_ message: String) -> MeshError {
        MeshError(.connectionFailed, origin: .local, message: message)
    }
}
