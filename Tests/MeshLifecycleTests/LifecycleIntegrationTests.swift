// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import Logging
import MeshConfig
import MeshCore
import MeshHTTP
import MeshLifecycle
import MeshTesting
import NIOCore
import ServiceLifecycle
import ServiceMesh
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(5))) struct LifecycleIntegrationTests {
    /// Something that happens once, and that others wait for.
    private final class Signal: Sendable {
        private let stream: AsyncStream<Void>
        private let continuation: AsyncStream<Void>.Continuation

        init() {
            (stream, continuation) = AsyncStream.makeStream()
        }

        func set() { continuation.finish() }
        func wait() async { for await _ in stream {} }
    }

    /// What happened, in order, and who waits for it.
    private final class Log: Sendable {
        private let entries = Mutex<[String]>([])
        private let changes = AsyncStream.makeStream(of: Void.self)

        var all: [String] { entries.withLock { $0 } }

        func append(_ entry: String) {
            entries.withLock { $0.append(entry) }
            changes.continuation.yield()
        }

        /// Waits until an entry is there. For one task at a time.
        func wait(for entry: String) async {
            var changes = changes.stream.makeAsyncIterator()
            while !all.contains(entry) { _ = await changes.next() }
        }
    }

    private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    @Test func `a shutdown drains, finishes what is under way, and only then leaves the registry`() async throws {
        let log = Log()
        let (entered, leave) = (Signal(), Signal())
        let clock = ManualClock()
        let registry = MeshHTTPServer { request in
            let body = String(buffer: try await request.body.collect(upTo: 4096))
            log.append("\(request.head.method)" + (body.hasPrefix(#"{"state""#) ? " \(body)" : ""))
            return InboundResponse(body: .text(#"{"leaseSeconds":9}"#))
        }
        try await withAddress(of: registry) { controlPlane in
            let mesh = try Mesh(MeshConfiguration(isDisabled: false))
            let drain = ServerDrain()
            let address = EndpointAddress(host: "127.0.0.1", port: 9080)
            let stack = InboundStack(
                mesh: mesh,
                address: address,
                configuration: InboundConfiguration(readinessPath: "/readyz"),
                drain: drain
            )
            let transport = HTTPTransport()
            let registration = InstanceRegistration(
                controlPlane: controlPlane,
                token: "token",
                instance: Instance(id: "reviews-1", service: "reviews", address: address.host, port: 9080),
                transport: transport
            )
            let (ports, listening) = AsyncStream.makeStream(of: EndpointAddress.self)
            let server = MeshHTTPServer(stack: stack) { _ in
                entered.set()
                await leave.wait()
                log.append("finished")
                return InboundResponse(body: .text("finished"))
            }
            let group = ServiceGroup(
                services: [
                    MeshService(mesh),
                    TransportService(transport),
                    RegistrationService(registration, drain: drain),
                    ListeningServer(server: server, listening: listening),
                    DrainService(drain, propagationDelay: .seconds(5), clock: clock),
                ],
                logger: Self.logger
            )
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                var addresses = ports.makeAsyncIterator()
                let own = try #require(await addresses.next())
                await log.wait(for: "POST")
                try await withHTTPTransport { client in
                    async let response = client.get("/", from: own)
                    await entered.wait()
                    #expect(try await client.get("/readyz", from: own).body == "ready")

                    await group.triggerGracefulShutdown()
                    await clock.waitForSleepers()
                    await log.wait(for: #"PUT {"state":"draining"}"#)
                    let readiness = try await client.get("/readyz", from: own)
                    #expect(readiness.status == 503 && readiness.body == "draining")
                    clock.advance(by: .seconds(5))
                    try await drain.untilStopping()
                    #expect(!log.all.contains("DELETE"))
                    leave.set()
                    #expect(try await response.body == "finished")
                }
                try await tasks.next()
            }
        }
        // The lease may be renewed meanwhile, which says nothing new.
        let said = log.all.filter { $0 != "PUT" }.reduce(into: [String]()) { if $0.last != $1 { $0.append($1) } }
        #expect(said == ["POST", #"PUT {"state":"draining"}"#, "finished", "DELETE"])
    }

    /// A `ServerService` that says where it listens.
    private struct ListeningServer: Service {
        let server: MeshHTTPServer
        let listening: AsyncStream<EndpointAddress>.Continuation

        func run() async throws {
            try await withGracefulShutdownHandler {
                try await server.run { listening.yield($0) }
            } onGracefulShutdown: {
                server.drain.beginStopping()
            }
        }
    }

    @Test func `every service ends a group of its own without an error`() async throws {
        let drain = ServerDrain()
        let transport = HTTPTransport()
        let registration = InstanceRegistration(
            controlPlane: EndpointAddress(host: "127.0.0.1", port: 1),
            token: "token",
            instance: Instance(id: "reviews-1", service: "reviews", address: "127.0.0.1", port: 9080),
            transport: transport
        )
        let services: [any Service] = [
            MeshService(try Mesh(MeshConfiguration(isDisabled: false))), TransportService(transport),
            RegistrationService(registration, drain: drain), ServerService(MeshHTTPServer { _ in InboundResponse() }),
            DrainService(ServerDrain(), propagationDelay: .zero),
        ]
        for service in services {
            let group = ServiceGroup(services: [service], logger: Self.logger)
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                await group.triggerGracefulShutdown()
                try await tasks.next()
            }
        }
    }

    private func withAddress(
        of server: MeshHTTPServer,
        _ body: (EndpointAddress) async throws -> Void
    ) async throws {
        let (addresses, listening) = AsyncStream.makeStream(of: EndpointAddress.self)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run { listening.yield($0) } }
            var iterator = addresses.makeAsyncIterator()
            let address = try #require(await iterator.next())
            do {
                try await body(address)
            } catch {
                group.cancelAll()
                throw error
            }
            server.drain.beginStopping()
            try await group.next()
        }
    }
}

extension HTTPTransport {
    fileprivate func get(_ path: String, from address: EndpointAddress) async throws -> (status: Int, body: String) {
        var context = CallContext(now: configuration.clock.now)
        context.endpoint = Endpoint(address: address)
        let head = HTTPRequest(method: .get, scheme: "http", authority: "reviews", path: path)
        return try await withResponse(to: OutboundRequest(head), context: &context) { response in
            (response.statusCode, String(buffer: try await response.body.collect(upTo: 4096)))
        }
    }
}
