// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import MeshHTTP
import MeshTesting
import NIOCore
import ServiceMesh
import Testing

/// Our client and our server, and a deadline that passes while a body is on its way.
@Suite(.timeLimit(.minutes(5))) struct DeadlineInBodyIntegrationTests {
    /// Whose body it is, and what keeps it from ending.
    enum Body: String, CaseIterable, Sendable {
        /// The handler writes as much as is taken, for ever.
        case streamed = "/streamed"
        /// The handler has written a part, and waits.
        case paused = "/paused"
        /// The caller has sent a part, and waits; the handler has not answered yet.
        case uploaded = "/uploaded"
        /// The caller sends as much as is taken, for ever; the handler reads it all and has not answered yet.
        case flooded = "/flooded"
        /// Both bodies are under way.
        case echoed = "/echoed"

        var isUpload: Bool { self == .uploaded || self == .flooded || self == .echoed }
    }

    private let drain = ServerDrain()
    private let clock = ManualClock()
    private let observer = RecordingObserver()

    private func stack(enforcing: Bool) throws -> InboundStack {
        let mesh = try Mesh(MeshConfiguration(observers: [observer], isDisabled: false))
        return InboundStack(
            mesh: mesh,
            address: EndpointAddress(host: "127.0.0.1", port: 9080),
            configuration: InboundConfiguration(enforcesCallerDeadline: enforcing),
            drain: drain
        )
    }

    /// The deadline is the caller's alone: the server learns of it by the end of the exchange.
    @Test(arguments: Body.allCases, [ConnectionOptions.HTTPVersion.http1, .http2])
    func `a caller's deadline in the middle of a body ends the exchange and the handler behind it`(
        body: Body,
        version: ConnectionOptions.HTTPVersion
    ) async throws {
        let (begun, cancelled, reading, release) = (Signal(), Signal(), Signal(), Signal())
        try await serving(stack: stack(enforcing: false)) { request in
            try await Self.answer(request, { begun.set() }, { cancelled.set() }, reading, release)
        } while: { server, address in
            let endpoint = Endpoint(address: address, connection: ConnectionOptions(httpVersion: version))
            try await withTransport {
                $0.clock = clock
            } _: { transport in
                // Another exchange of the same connection, over HTTP/2: it must not notice.
                async let other = transport.exchange(.get("/held"), with: endpoint)
                await reading.wait()
                let error = await meshError {
                    try await ask(for: body, transport, endpoint, timeout: .milliseconds(20)) { await begun.wait() }
                }
                #expect(error?.code == .deadlineExceeded)
                #expect(error?.requestState == (body.isUpload && body != .echoed ? .maybeSent : .answered))
                await cancelled.wait()
                while drain.requestsUnderWay > 1 { try await transport.settle() }
                release.set()
                #expect(try await other.body == "held")
                #expect(try await transport.exchange(.get("/held"), with: endpoint).body == "held")
                try await drain.untilIdle()
                try await transport.settle()
                #expect(transport.statistics.activeRequests == 0 && transport.statistics.pendingRequests == 0)
                // Over HTTP/1.1 the connection went with its exchange; over HTTP/2 there was never another one.
                #expect(transport.statistics.connections == 1 && transport.statistics.idleConnections == 1)
                while server.openConnections > 1 { try await transport.settle() }
            }
        }
        #expect(observer.requests.count == 3)
    }

    /// Both ends know the deadline, and both keep it: whichever is first, the caller hears of its end.
    ///
    /// The server's is up to a millisecond shorter, because its header has whole ones. Its answer is a 504 before the
    /// head, and the end of the exchange behind it.
    @Test(arguments: Body.allCases, [ConnectionOptions.HTTPVersion.http1, .http2])
    func `a deadline that both ends keep leaves nothing on either`(
        body: Body,
        version: ConnectionOptions.HTTPVersion
    ) async throws {
        let (begun, cancelled, reading, release) = (Recorder<Body>(), Recorder<Body>(), Signal(), Signal())
        release.set()
        try await serving(stack: stack(enforcing: true)) { request in
            try await Self.answer(request, { begun.append(body) }, { cancelled.append(body) }, reading, release)
        } while: { server, address in
            let endpoint = Endpoint(address: address, connection: ConnectionOptions(httpVersion: version))
            try await withTransport { transport in
                for _ in 0..<5 {
                    let error = await meshError {
                        try await ask(for: body, transport, endpoint, timeout: .milliseconds(100)) {}
                    }
                    let isServers = error?.code == .connectionClosed && error?.requestState == .answered
                    #expect(error?.code == .deadlineExceeded || isServers, "\(error.map { "\($0)" } ?? "")")
                }
                #expect(try await transport.exchange(.get("/held"), with: endpoint).body == "held")
                try await drain.untilIdle()
                try await transport.settle()
                #expect(transport.statistics.activeRequests == 0 && transport.statistics.pendingRequests == 0)
                while server.openConnections > 1 { try await transport.settle() }
                // Handlers run on to their own end, a moment after their callers were told.
                while cancelled.all.count < begun.all.count { try await transport.settle() }
            }
        }
        // On a busy machine a deadline may pass before the request is there.
        #expect(cancelled.all == begun.all)
    }

    /// Asks, and makes the deadline pass once the body is on its way.
    private func ask(
        for body: Body,
        _ transport: HTTPTransport,
        _ endpoint: Endpoint,
        timeout: Nanoseconds,
        begun: @escaping @Sendable () async -> Void
    ) async throws {
        var context = transport.callContext(endpoint, timeout: timeout)
        var request = OutboundRequest.get(body.rawValue)
        if body.isUpload {
            request = .post(
                body.rawValue,
                .written { writer in
                    try await writer.write(ByteBuffer(string: "half"))
                    if body != .echoed {
                        await begun()
                        clock.advance(by: timeout)
                    }
                    while body == .flooded { try await writer.write(ByteBuffer(repeating: 0, count: 1 << 16)) }
                    try await ServerCancellationIntegrationTests.untilCancelled()
                }
            )
        }
        try await transport.withResponse(to: request, context: &context) { response in
            if response.statusCode == 504 { throw MeshError(.deadlineExceeded, origin: .upstream, message: "504") }
            for try await _ in response.body { clock.advance(by: timeout) }
        }
    }

    private static func answer(
        _ request: InboundRequest,
        _ begun: @escaping @Sendable () -> Void,
        _ cancelled: @escaping @Sendable () -> Void,
        _ reading: Signal,
        _ release: Signal
    ) async throws -> InboundResponse {
        let path = request.head.path ?? ""
        @Sendable func untilCancelled(_ work: () async throws -> Void) async throws -> Never {
            begun()
            try? await work()
            do {
                // What ends the body ends the task that serves it, too.
                try await ServerCancellationIntegrationTests.untilCancelled()
            } catch {
                cancelled()
                throw error
            }
        }
        switch Body(rawValue: path) {
        case .streamed:
            return InboundResponse(
                body: .written { writer in
                    try await untilCancelled {
                        while true { try await writer.write(ByteBuffer(repeating: 0, count: 1 << 14)) }
                    }
                }
            )
        case .paused:
            return InboundResponse(
                body: .written { writer in
                    try await untilCancelled { try await writer.write(ByteBuffer(string: "half")) }
                }
            )
        case .uploaded, .flooded:
            var bytes = request.body.makeAsyncIterator()
            guard try await bytes.next() != nil else { return InboundResponse(status: .badRequest) }
            try await untilCancelled { while try await bytes.next() != nil {} }
        case .echoed:
            return InboundResponse(
                body: .written { writer in
                    try await untilCancelled { for try await chunk in request.body { try await writer.write(chunk) } }
                }
            )
        case nil:
            reading.set()
            await release.wait()
            return InboundResponse(body: .text("held"))
        }
    }
}
