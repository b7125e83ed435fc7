// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import Hummingbird
import HummingbirdCore
import HummingbirdHTTP2
import MeshCore
import MeshHTTP
import MeshHummingbird
import MeshTesting
import NIOCore
import NIOPosix
import ServiceMesh
import Testing

/// Our client and Hummingbird behind the mesh's middleware, and a deadline that passes while a body is on its way.
@Suite(.timeLimit(.minutes(5))) struct DeadlineInBodyIntegrationTests {
    /// Whose body it is, and what keeps it from ending.
    enum Body: String, CaseIterable, Sendable {
        /// The handler writes as much as is taken, for ever.
        case streamed = "/streamed"
        /// The handler has written a part, and waits.
        case paused = "/paused"
        /// The caller has sent a part, and waits; the handler has not answered yet.
        case uploaded = "/uploaded"
        /// Both bodies are under way.
        case echoed = "/echoed"
    }

    private let clock = ManualClock()
    /// What the handlers have seen: bodies that were begun, and tasks that were cancelled.
    private let begun = (all: Recorder<Body>(), once: Signal())
    private let cancelled = (all: Recorder<Body>(), once: Signal())
    private let held = (entered: Signal(), release: Signal())

    /// The deadline is the caller's alone: the server learns of it by the end of the exchange.
    @Test(arguments: Body.allCases, [ConnectionOptions.HTTPVersion.http1, .http2])
    func `a caller's deadline in the middle of a body ends the exchange and the handler behind it`(
        body: Body,
        version: ConnectionOptions.HTTPVersion
    ) async throws {
        var fixture = InboundFixture()
        fixture.configuration.enforcesCallerDeadline = false
        if version == .http2 { fixture.server = .plaintextHTTP2() }
        let drain = fixture.drain
        try await fixture.serving(addRoutes) { address in
            let endpoint = Endpoint(address: address, connection: ConnectionOptions(httpVersion: version))
            try await withTransport(clock: clock) { transport in
                // Another exchange of the same connection, over HTTP/2: it must not notice.
                async let other = status(of: "/held", transport, endpoint)
                await held.entered.wait()
                let error = await deadlineError(body, transport, endpoint, timeout: .milliseconds(20))
                #expect(error?.code == .deadlineExceeded)
                #expect(error?.requestState == (body == .uploaded ? .maybeSent : .answered))
                await cancelled.once.wait()
                while drain.requestsUnderWay > 1 { try await transport.settle() }
                held.release.set()
                #expect(try await other == 200)
                #expect(try await status(of: "/held", transport, endpoint) == 200)
                try await drain.untilIdle()
                try await transport.settle()
                #expect(transport.statistics.activeRequests == 0 && transport.statistics.pendingRequests == 0)
                // Over HTTP/1.1 the connection went with its exchange; over HTTP/2 there was never another one.
                #expect(transport.statistics.connections == 1 && transport.statistics.idleConnections == 1)
            }
        }
        #expect(fixture.observer.requests.count == 3)
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
        held.release.set()
        var fixture = InboundFixture()
        if version == .http2 { fixture.server = .plaintextHTTP2() }
        let drain = fixture.drain
        try await fixture.serving(addRoutes) { address in
            let endpoint = Endpoint(address: address, connection: ConnectionOptions(httpVersion: version))
            try await withTransport(clock: SystemClock()) { transport in
                for _ in 0..<5 {
                    let error = await deadlineError(body, transport, endpoint, timeout: .milliseconds(100))
                    let isServers = error?.code == .connectionClosed && error?.requestState == .answered
                    #expect(error?.code == .deadlineExceeded || isServers, "\(error.map { "\($0)" } ?? "")")
                }
                // A connection that nobody waits for any more is behind the server's door before this one.
                transport.closeIdleConnections()
                #expect(try await status(of: "/held", transport, endpoint) == 200)
                try await drain.untilIdle()
                try await transport.settle()
                #expect(transport.statistics.activeRequests == 0 && transport.statistics.pendingRequests == 0)
            }
        }
        // On a busy machine a deadline may pass before the request is there.
        #expect(cancelled.all.all == begun.all.all)
    }

    // MARK: The caller

    /// What comes of a request whose deadline passes once the body is on its way.
    private func deadlineError(
        _ body: Body,
        _ transport: HTTPTransport,
        _ endpoint: Endpoint,
        timeout: Nanoseconds
    ) async -> MeshError? {
        let now = transport.configuration.clock.now
        var context = CallContext(now: now, deadline: Deadline(timeout, after: now))
        context.endpoint = endpoint
        let isUpload = body == .uploaded || body == .echoed
        let request = OutboundRequest(
            HTTPRequest(method: isUpload ? .post : .get, scheme: "http", authority: "reviews", path: body.rawValue),
            body: isUpload
                ? .written { writer in
                    try await writer.write(ByteBuffer(string: "half"))
                    if body == .uploaded {
                        await begun.once.wait()
                        clock.advance(by: timeout)
                    }
                    try await untilCancelled()
                } : .none
        )
        do {
            try await transport.withResponse(to: request, context: &context) { response in
                if response.statusCode == 504 { throw MeshError(.deadlineExceeded, origin: .upstream, message: "504") }
                for try await _ in response.body { clock.advance(by: timeout) }
            }
            return nil
        } catch {
            return error as? MeshError
        }
    }

    private func status(of path: String, _ transport: HTTPTransport, _ endpoint: Endpoint) async throws -> Int {
        var context = CallContext(now: transport.configuration.clock.now)
        context.endpoint = endpoint
        let request = HTTPRequest(method: .get, scheme: "http", authority: "reviews", path: path)
        return try await transport.withResponse(to: OutboundRequest(request), context: &context) { response in
            _ = try await response.body.collect(upTo: 1024)
            return response.statusCode
        }
    }

    /// A transport on one event loop of its own.
    private func withTransport(clock: any MeshClock, _ body: (HTTPTransport) async throws -> Void) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        var configuration = HTTPTransport.Configuration(eventLoopGroup: group)
        configuration.clock = clock
        do {
            try await withHTTPTransport(configuration, body)
        } catch {
            try await group.shutdownGracefully()
            throw error
        }
        try await group.shutdownGracefully()
    }

    // MARK: The server

    private func addRoutes(_ router: Router<BasicMeshRequestContext>) {
        let (begun, cancelled, held) = (begun, cancelled, held)
        @Sendable func begin(_ body: Body) {
            begun.all.append(body)
            begun.once.set()
        }
        /// What ends the body has to end the task that serves it.
        @Sendable func untilCancelled(_ body: Body) async throws -> Never {
            do {
                try await MeshHummingbirdTests.untilCancelled()
            } catch {
                cancelled.all.append(body)
                cancelled.once.set()
                throw error
            }
        }
        router.get("streamed") { _, _ in
            Response(
                status: .ok,
                body: .init { writer in
                    begin(.streamed)
                    do {
                        while true { try await writer.write(ByteBuffer(repeating: 0, count: 1 << 14)) }
                    } catch {
                        try await untilCancelled(.streamed)
                    }
                }
            )
        }
        router.get("paused") { _, _ in
            Response(
                status: .ok,
                body: .init { writer in
                    begin(.paused)
                    do { try await writer.write(ByteBuffer(string: "half")) } catch {}
                    try await untilCancelled(.paused)
                }
            )
        }
        router.post("uploaded") { request, _ -> String in
            var bytes = request.body.makeAsyncIterator()
            guard (try? await bytes.next()) != nil else { throw HTTPError(.badRequest) }
            begin(.uploaded)
            do { while try await bytes.next() != nil {} } catch {}
            try await untilCancelled(.uploaded)
        }
        router.post("echoed") { request, _ in
            Response(
                status: .ok,
                body: .init { writer in
                    begin(.echoed)
                    do {
                        for try await chunk in request.body { try await writer.write(chunk) }
                    } catch {}
                    try await untilCancelled(.echoed)
                }
            )
        }
        router.get("held") { _, _ in
            held.entered.set()
            await held.release.wait()
            return "held"
        }
    }
}

extension HTTPTransport {
    /// Waits until the loops have done what they had in hand.
    fileprivate func settle() async throws {
        for loop in configuration.eventLoopGroup.makeIterator() { try await loop.submit {}.get() }
    }
}
