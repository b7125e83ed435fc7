// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import GRPCNIOTransportHTTP2
import MeshBalancing
import MeshConfig
import MeshCore
import Synchronization

/// Tells the control planes of one list what became of the requests, while a cluster says that they want to know.
final class LoadStatisticsReporter: Sendable {
    private typealias Service = Envoy_Service_LoadStats_V3_LoadReportingService

    private let node: Bootstrap.Node
    private let source: String
    private let clock: any MeshClock
    private let random: MeshRandom
    private let machine: Mutex<LoadStatisticsStateMachine>

    init(
        node: Bootstrap.Node,
        source: String,
        servers: Int,
        backoff: ReconnectBackoff,
        clock: any MeshClock,
        random: MeshRandom
    ) {
        self.node = node
        self.source = source
        self.clock = clock
        self.random = random
        machine = Mutex(LoadStatisticsStateMachine(servers: servers, backoff: backoff))
    }

    /// Reports over a connection, until the task is cancelled.
    /// - Parameter server: The place of the connection's server in the bootstrap's list.
    func run(on client: GRPCClient<HTTP2ClientTransport.Posix>, to server: Int, _ sink: ConfigSink) async {
        guard let feed = sink.loadStatistics?.feed(of: source) else { return }
        await withDiscardingTaskGroup { group in
            // Who ends the stop ends the reporting.
            var stop: AsyncStream<Never>.Continuation?
            for await isWanted in feed.wishes() {
                if !isWanted {
                    stop?.finish()
                    stop = nil
                } else if stop == nil {
                    let (ending, continuation) = AsyncStream.makeStream(of: Never.self)
                    stop = continuation
                    group.addTask { await self.report(on: client, to: server, feed, sink, until: ending) }
                }
            }
        }
    }

    private func report(
        on client: GRPCClient<HTTP2ClientTransport.Posix>,
        to server: Int,
        _ feed: LoadStatisticsFeed,
        _ sink: ConfigSink,
        until stop: AsyncStream<Never>
    ) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { for await _ in stop {} }
            group.addTask { await self.keepStream(on: client, to: server, feed, sink) }
            await group.next()
            group.cancelAll()
        }
    }

    /// Opens a stream whenever there is none.
    private func keepStream(
        on client: GRPCClient<HTTP2ClientTransport.Posix>,
        to server: Int,
        _ feed: LoadStatisticsFeed,
        _ sink: ConfigSink
    ) async {
        while true {
            let start = max(machine.withLock { $0.nextAttempt(at: server) }, clock.now)
            guard (try? await clock.sleep(until: start)) != nil, !Task.isCancelled else { return }
            let stream = machine.withLock { $0.attemptBegan(at: server, at: clock.now) }
            var reason = "the control plane ended the stream"
            do {
                try await follow(client, stream, feed, sink)
            } catch {
                reason = "\(error)"
            }
            guard !Task.isCancelled else { return machine.withLock { $0.streamGivenUp(stream) } }
            let draw = random.unitInterval()
            let ending = machine.withLock { $0.streamEnded(stream, at: clock.now, random: draw) }
            // A stream that was of use may end for good reasons; that there is no other one would be news (gRFC A57).
            guard let ending, ending.failuresInRow > 0 else { continue }
            notice(.failed(reason: reason, inRow: ending.failuresInRow), sink)
        }
    }

    private func follow(
        _ client: GRPCClient<HTTP2ClientTransport.Posix>,
        _ stream: LoadStatisticsStateMachine.Stream,
        _ feed: LoadStatisticsFeed,
        _ sink: ConfigSink
    ) async throws {
        // A server that reads slowly is told less often, and nothing is lost by it.
        let (reports, due) = AsyncStream.makeStream(of: LoadStatisticsWish.self, bufferingPolicy: .bufferingNewest(1))
        try await Service.Client(wrapping: client).streamLoadStats(
            request: StreamingClientRequest { [self] writer in
                try await writer.write(Envoy_Service_LoadStats_V3_LoadStatsRequest(node: node))
                for await wish in reports {
                    let now = clock.now
                    let reports = feed.take(wish.clusters, at: now)
                    do {
                        try await writer.write(Envoy_Service_LoadStats_V3_LoadStatsRequest(reports))
                    } catch {
                        feed.restore(reports, at: now)
                        throw error
                    }
                    notice(.sent(clusters: reports.count), sink)
                }
            }
        ) { [self] response in
            defer { due.finish() }
            let parts = try response.accepted.get().bodyParts
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await self.keepTime(of: stream, due) }
                group.addTask {
                    for try await case .message(let message) in parts {
                        self.received(LoadStatisticsWish(message), on: stream, sink)
                    }
                }
                defer { group.cancelAll() }
                try await group.next()
            }
        }
    }

    private func received(
        _ wish: LoadStatisticsWish,
        on stream: LoadStatisticsStateMachine.Stream,
        _ sink: ConfigSink
    ) {
        guard machine.withLock({ $0.wishReceived(wish, on: stream, at: clock.now) }) else { return }
        notice(.asked(interval: wish.interval, clusters: wish.clusters?.count, ignored: wish.ignored), sink)
    }

    /// Says when a report is due, until the task is cancelled.
    private func keepTime(
        of stream: LoadStatisticsStateMachine.Stream,
        _ due: AsyncStream<LoadStatisticsWish>.Continuation
    ) async throws {
        while true {
            // An interval that begins during this sleep is no shorter than it: none is overslept.
            let latest = clock.now.advanced(by: LoadStatisticsWish.minimumInterval)
            let next = machine.withLock { $0.nextReport(on: stream) } ?? latest
            try await clock.sleep(until: min(next, latest))
            if let wish = machine.withLock({ $0.timePassed(on: stream, at: clock.now) }) { due.yield(wish) }
        }
    }

    private func notice(_ event: LoadStatisticsEvent, _ sink: ConfigSink) {
        sink.notice(.loadStatistics(source: source, event))
    }
}
