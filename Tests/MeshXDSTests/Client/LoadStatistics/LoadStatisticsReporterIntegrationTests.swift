// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import GRPCNIOTransportHTTP2
import MeshBalancing
import MeshConfig
import MeshCore
import MeshTesting
import SwiftProtobuf
import Synchronization
import Testing

@testable import MeshXDS

@Suite("Load reports to a control plane over loopback", .timeLimit(.minutes(5)))
struct LoadStatisticsReporterIntegrationTests {
    private typealias Request = Envoy_Service_LoadStats_V3_LoadStatsRequest
    private typealias Response = Envoy_Service_LoadStats_V3_LoadStatsResponse
    private typealias Service = Envoy_Service_LoadStats_V3_LoadReportingService

    /// Asks for all clusters each second, and keeps what it is told.
    private final class ScriptedService: Service.SimpleServiceProtocol {
        let requests: AsyncStream<Request>
        private let heard: AsyncStream<Request>.Continuation
        /// The streams that have ended.
        let endings: AsyncStream<Void>
        private let ended: AsyncStream<Void>.Continuation
        /// How many streams end at once.
        private let refusals: Mutex<Int>

        init(refusals: Int) {
            (requests, heard) = AsyncStream.makeStream(of: Request.self)
            (endings, ended) = AsyncStream.makeStream(of: Void.self)
            self.refusals = Mutex(refusals)
        }

        func streamLoadStats(
            request: RPCAsyncSequence<Request, any Error>,
            response: RPCWriter<Response>,
            context: ServerContext
        ) async throws {
            let isRefused = refusals.withLock { refusals in
                defer { refusals -= 1 }
                return refusals > 0
            }
            if isRefused { throw RPCError(code: .unavailable, message: "not yet") }
            defer { ended.yield() }
            var isFirst = true
            for try await message in request {
                heard.yield(message)
                guard isFirst else { continue }
                isFirst = false
                try await response.write(
                    .with {
                        $0.sendAllClusters = true
                        $0.loadReportingInterval.seconds = 1
                    }
                )
            }
        }
    }

    private static func withReporter(
        refusals: Int = 0,
        _ body: (LoadStatisticsBook, ManualClock, ScriptedService, AsyncStream<LoadStatisticsEvent>) async throws ->
            Void
    ) async throws {
        let (service, book, clock) = (ScriptedService(refusals: refusals), LoadStatisticsBook(), ManualClock())
        let (events, told) = AsyncStream.makeStream(of: LoadStatisticsEvent.self)
        let sink = ConfigSink(
            apply: { _ in 0 },
            notice: { if case .loadStatistics("x", let event) = $0 { told.yield(event) } },
            loadStatistics: LoadStatisticsFeed(book, source: "x")
        )
        let server = GRPCServer(
            transport: .http2NIOPosix(address: .ipv4(host: "127.0.0.1", port: 0), transportSecurity: .plaintext),
            services: [service]
        )
        let reporter = LoadStatisticsReporter(
            node: Bootstrap.Node(id: "n"),
            source: "x",
            servers: 1,
            backoff: ReconnectBackoff(),
            clock: clock,
            random: MeshRandom(seed: 1)
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.serve() }
            let port = try #require(try await server.listeningAddress?.ipv4?.port)
            group.addTask {
                try await withGRPCClient(
                    transport: .http2NIOPosix(
                        target: .ipv4(address: "127.0.0.1", port: port),
                        transportSecurity: .plaintext
                    )
                ) { await reporter.run(on: $0, to: 0, sink) }
            }
            try await body(book, clock, service, events)
            group.cancelAll()
            while let result = await group.nextResult() { _ = result }
        }
    }

    @Test func `what is counted arrives, each interval, and only once`() async throws {
        try await Self.withReporter { book, clock, service, events in
            let key = LoadStatisticsBook.Key(source: "x", cluster: "c", service: "")
            let statistics = book.statistics(of: key, at: clock.now)
            book.configurationChanged(to: [key])
            var (requests, told) = (service.requests.makeAsyncIterator(), events.makeAsyncIterator())
            let opening = await requests.next()
            #expect(opening?.node.id == "n")
            guard case .asked(.seconds(1), nil, [])? = await told.next() else {
                Issue.record("the control plane's wish was not told")
                return
            }
            statistics.dropped("throttle")
            clock.advance(by: .seconds(1))
            let report = try #require(await requests.next())
            #expect(report.clusterStats.map(\.totalDroppedRequests) == [1])
            #expect(report.clusterStats.first?.loadReportInterval.seconds == 1)
            #expect(!report.hasNode)
            guard case .sent(clusters: 1)? = await told.next() else {
                Issue.record("the report was not told of")
                return
            }
            clock.advance(by: .seconds(1))
            let next = await requests.next()
            #expect(next?.clusterStats.isEmpty == true)
        }
    }

    @Test func `a stream that is refused is opened again after the back-off`() async throws {
        try await Self.withReporter(refusals: 1) { book, clock, service, events in
            let key = LoadStatisticsBook.Key(source: "x", cluster: "c", service: "")
            _ = book.statistics(of: key, at: clock.now)
            book.configurationChanged(to: [key])
            var (requests, told) = (service.requests.makeAsyncIterator(), events.makeAsyncIterator())
            guard case .failed(_, inRow: 1)? = await told.next() else {
                Issue.record("the refusal was not told")
                return
            }
            clock.advance(by: .seconds(2))
            let opening = await requests.next()
            #expect(opening?.node.id == "n")
        }
    }

    @Test func `with nothing to tell there is no stream, and with nothing left it ends`() async throws {
        try await Self.withReporter { book, clock, service, events in
            let key = LoadStatisticsBook.Key(source: "x", cluster: "c", service: "")
            let statistics = book.statistics(of: key, at: clock.now)
            book.configurationChanged(to: [key])
            var (requests, told) = (service.requests.makeAsyncIterator(), events.makeAsyncIterator())
            _ = await requests.next()
            _ = await told.next()
            statistics.refusedOverLimit()
            book.configurationChanged(to: [])
            clock.advance(by: .seconds(1))
            let report = await requests.next()
            #expect(report?.clusterStats.map(\.totalDroppedRequests) == [1])
            // It stays for an interval more, so that its last report arrives.
            clock.advance(by: .seconds(1))
            for await _ in service.endings { break }
            // A cluster that comes back is told of on a stream of its own.
            _ = book.statistics(of: key, at: clock.now)
            book.configurationChanged(to: [key])
            var next = await requests.next()
            if next?.hasNode == false { next = await requests.next() }
            #expect(next?.node.id == "n")
        }
    }
}
