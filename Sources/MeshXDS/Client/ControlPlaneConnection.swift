// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import GRPCNIOTransportHTTP2
import MeshConfig
import MeshCore
import Synchronization

/// One control plane of a list: a stream to it, opened again whenever it ends.
final class ControlPlaneConnection: Sendable {
    private struct State {
        var stream: ADSSession.Stream?
        /// What observers were told last: whether it is connected.
        var isConnected: Bool?
        /// Whether it counts as well (gRFC A78): a server that is merely silent does.
        var isWell: Bool?
    }

    /// How long a connection and a stream on it may take: gRPC's `MIN_CONNECT_TIMEOUT`. SwiftNIO's bound ends with the
    /// connection, though a server that accepts one need not say anything on it.
    private static let patience = Nanoseconds.seconds(20)

    private let server: Bootstrap.Server
    /// What events of control planes call it, and what those of sources do.
    private let serverName: String
    private let name: String
    /// Its place in its list, and the list's.
    private let position: Int
    private let list: Int
    private let variant: XDSVariant
    private let node: Bootstrap.Node
    private let session: ADSSession
    private let statistics: LoadStatisticsReporter
    private let sink: ConfigSink
    private let state = Mutex(State())

    init(
        to server: Bootstrap.Server,
        named serverName: String,
        at position: Int,
        of list: Int,
        variant: XDSVariant,
        node: Bootstrap.Node,
        session: ADSSession,
        statistics: LoadStatisticsReporter,
        sink: ConfigSink
    ) {
        self.server = server
        self.serverName = serverName
        self.name = Bootstrap.Server.sourceName(of: serverName)
        self.position = position
        self.list = list
        self.variant = variant
        self.node = node
        self.session = session
        self.statistics = statistics
        self.sink = sink
    }

    /// Follows the control plane until the task is cancelled.
    func run(backoff: ReconnectBackoff, clock: any MeshClock, random: MeshRandom) async {
        var backoff = backoff
        while !Task.isCancelled {
            let start = clock.now
            var reason = "the control plane ended the stream before it answered"
            var isFailure = false
            do {
                try await follow(clock)
            } catch {
                reason = self.reason(error)
                isFailure = Self.isLasting(error)
            }
            let stream = state.withLock { $0.stream.take() }
            let hadResponse = await session.streamEnded(
                stream?.id,
                to: position,
                of: list,
                isFailure: isFailure,
                sink
            )
            if Task.isCancelled { break }
            // A stream that answered may end for good reasons; that there is no other one would be news (gRFC A57).
            if !hadResponse { tell(isConnected: false, reason: reason) }
            let lasted = clock.now.elapsed(since: start)
            let wait = backoff.streamEnded(hadResponse: hadResponse, lasted: lasted, random: random.unitInterval())
            guard (try? await clock.sleep(until: clock.now.advanced(by: wait))) != nil else { break }
        }
        if state.withLock({ $0.isConnected }) == true {
            sink.notice(.sourceConnection(source: name, isConnected: false, reason: "it is not needed any more"))
        }
        sink.notice(.controlPlane(server: serverName, .released))
    }

    /// Whether what ended a stream will end the next one, too, whatever came before it: a response that is too long or that
    /// nobody can read, a request that the server does not take, too much to do.
    private static func isLasting(_ error: any Error) -> Bool {
        [.resourceExhausted, .internalError, .invalidArgument].contains((error as? RPCError)?.code)
    }

    private func reason(_ error: any Error) -> String {
        // What grpc-swift-nio-transport 2.9 says of a message that is longer than it may be, and of nothing else that is
        // likely.
        guard (error as? RPCError)?.message.hasPrefix("Failed to decode message") == true else { return "\(error)" }
        return "a response is longer than \(server.maximumMessageBytes) bytes (max_xds_message_size): \(error)"
    }

    /// - Parameter isSilent: Whether nothing has failed, and it has only not answered yet.
    private func tell(isConnected: Bool, isSilent: Bool = false, reason: String?) {
        let (isChange, hasChangedHealth) = state.withLock { state in
            defer {
                state.isConnected = isConnected
                if !isSilent { state.isWell = isConnected }
            }
            return (state.isConnected != isConnected, !isSilent && state.isWell != isConnected)
        }
        if hasChangedHealth { sink.notice(.controlPlane(server: serverName, isConnected ? .connected : .failed)) }
        // Each reason why it is away is news.
        guard isChange || !isConnected else { return }
        sink.notice(.sourceConnection(source: name, isConnected: isConnected, reason: reason))
    }

    /// Opens a stream and follows it to its end; a server that accepts none in time is given up.
    private func follow(_ clock: any MeshClock) async throws {
        let end = clock.now.advanced(by: Self.patience)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                try await self.follow()
                return true
            }
            group.addTask {
                try await clock.sleep(until: end)
                guard self.state.withLock({ $0.stream }) == nil else { return false }
                throw RPCError(
                    code: .deadlineExceeded,
                    message: "the control plane has not accepted a stream in \(Self.patience.seconds) s"
                )
            }
            while let isOver = try await group.next(), !isOver {}
        }
    }

    private func follow() async throws {
        var config = HTTP2ClientTransport.Posix.Config.defaults
        // A control plane that vanished without a word is found out; gRPC's xDS channels ping every 5 minutes.
        config.connection.keepalive = .init(time: .seconds(300), timeout: .seconds(20), allowWithoutCalls: false)
        let transport = try HTTP2ClientTransport.Posix(
            target: server.target,
            transportSecurity: server.credentials == .tls ? .tls : .plaintext,
            config: config
        )
        var options = CallOptions.defaults
        // Our own back-off decides when to try again, and says so; a call that waits by itself would hide it.
        options.waitForReady = false
        options.maxResponseMessageBytes = server.maximumMessageBytes
        // grpc-swift-nio-transport 2.9 bounds what a client receives by this one.
        options.maxRequestMessageBytes = server.maximumMessageBytes
        let callOptions = options
        try await withGRPCClient(transport: transport) { client in
            // Ends with this stream, whose connection it is on.
            async let _ = statistics.run(on: client, to: position, sink)
            let ads = Envoy_Service_Discovery_V3_AggregatedDiscoveryService.Client(wrapping: client)
            switch variant {
            case .stateOfTheWorld:
                try await ads.streamAggregatedResources(
                    request: StreamingClientRequest { writer in
                        try await self.send { opening, request in
                            guard case .stateOfTheWorld(let request) = request else { return }
                            let fields = self.session.ignoredFields(of: self.list)
                            try await writer.write(opening.word(request, ignoring: fields))
                        }
                    },
                    options: callOptions
                ) { response in
                    defer { self.endSending() }
                    try await self.receive(try response.accepted.get().bodyParts) { ADSResponse($0) }
                }
            case .delta:
                try await ads.deltaAggregatedResources(
                    request: StreamingClientRequest { writer in
                        try await self.send { opening, request in
                            guard case .delta(let request) = request else { return }
                            let fields = self.session.ignoredFields(of: self.list)
                            try await writer.write(opening.word(request, ignoring: fields))
                        }
                    },
                    options: callOptions
                ) { response in
                    defer { self.endSending() }
                    try await self.receive(try response.accepted.get().bodyParts) { ADSResponse($0) }
                }
            }
        }
    }

    /// Sends what there is to say until the stream ends.
    private func send(_ write: (inout StreamOpening, ADSRequest) async throws -> Void) async throws {
        // Only now is there a stream: what is waited for is waited for from here on.
        guard let stream = await session.streamOpened(to: position, of: list) else { return }
        state.withLock { $0.stream = stream }
        var opening = StreamOpening(node: node)
        for await _ in stream.signals {
            for request in session.nextRequests(on: stream) { try await write(&opening, request) }
            if session.takeSilence(on: stream) {
                tell(
                    isConnected: false,
                    isSilent: true,
                    reason: "the control plane has not answered yet, and is waited for"
                )
            }
        }
    }

    /// Nothing more will be sent: whatever the server answered, the stream is over.
    private func endSending() {
        state.withLock { $0.stream }?.end()
    }

    private func receive<Message>(
        _ parts: RPCAsyncSequence<StreamingClientResponse<Message>.Contents.BodyPart, any Error>,
        _ read: (Message) -> ADSResponse?
    ) async throws {
        // After a failure only a response shows that the control plane is well again (gRFC A78).
        if state.withLock({ $0.isConnected }) == nil { tell(isConnected: true, reason: nil) }
        for try await case .message(let message) in parts {
            guard let stream = state.withLock({ $0.stream }) else { return }
            tell(isConnected: true, reason: nil)
            if let received = await session.responseReceived(read(message), on: stream, sink) {
                sink.notice(.controlPlane(server: serverName, received))
            }
        }
    }
}

extension Bootstrap.Server {
    /// What events call it.
    var sourceName: String { Self.sourceName(of: uri) }

    static func sourceName(of server: String) -> String { "xds \(server)" }

    /// The server as gRPC's resolvers take it.
    fileprivate var target: any ResolvableTarget {
        var name = uri[...]
        for scheme in ["unix://", "unix:"] where name.hasPrefix(scheme) {
            return .unixDomainSocket(path: String(name.dropFirst(scheme.count)))
        }
        for scheme in ["dns:///", "dns:", "ipv4:", "ipv6:"] where name.hasPrefix(scheme) {
            name = name.dropFirst(scheme.count)
            break
        }
        let defaultPort: UInt16 = credentials == .tls ? 443 : 80
        guard let address = EndpointAddress(authority: String(name), defaultPort: defaultPort) else {
            return .dns(host: String(name), port: Int(defaultPort))
        }
        return address.resolvableTarget
    }
}
