// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import MeshCore
import MeshHTTP
import MeshResilience
import ServiceMesh

/// Requests that are cancelled at random, over a network that breaks, to servers that break off and come and go: at the
/// end nothing may be left.
struct ChaosCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chaos",
        abstract: "Cancels requests, breaks connections and changes endpoints at random, and counts what is left over."
    )

    @Option(help: "How many requests to make, over HTTP/1.1 and HTTP/2 together.")
    var requests = 100_000

    @Option(help: "How many callers there are at once.")
    var callers = 64

    @Option(help: "The seed of everything random.")
    var seed: UInt64 = 1

    func run() async throws {
        print("chaos of \(requests) requests, seed \(seed)")
        var verdicts = Verdicts()
        // The event loops and whatever else the process keeps for good.
        _ = try await shake(requests: 200, seed: seed &+ 1)
        let before = ProcessFigures.current()
        let result = try await shake(requests: requests, seed: seed)
        let after = ProcessFigures.current()
        print("outcomes: \(result.outcomes)")
        print("connections: \(result.connections)")
        print(
            "open files \(before.files ?? -1) -> \(after.files ?? -1), RSS \(before.residentKB ?? -1) -> \(after.residentKB ?? -1) KiB"
        )
        verdicts.check("every request has ended", result.ended == requests, "\(result.ended) of \(requests)")
        verdicts.check("some were answered", result.answered > requests / 4, "\(result.answered)")
        verdicts.check("no answer had wrong bytes", result.wrong == 0, "\(result.wrong)")
        verdicts.check(
            "no request is under way",
            result.idle.activeRequests == 0 && result.idle.pendingRequests == 0,
            "\(result.idle)"
        )
        verdicts.check("no connection is left", result.end == HTTPTransport.Statistics(), "\(result.end)")
        verdicts.check("no server has a request under way", result.servedUnderWay == 0, "\(result.servedUnderWay)")
        verdicts.check("no server has a connection", result.serverConnections == 0, "\(result.serverConnections)")
        verdicts.check("no POST was done twice", result.doneTwice.isEmpty, "\(result.doneTwice.prefix(5))")
        verdicts.check(
            "no file is left open",
            after.files ?? 0 <= before.files ?? 0,
            "\(before.files ?? 0) -> \(after.files ?? 0)"
        )
        try verdicts.conclude()
    }

    private func shake(requests: Int, seed: UInt64) async throws -> ChaosResult {
        let random = MeshRandom(seed: seed)
        let ledger = Replica.Ledger()
        let replicas = (0..<4).map { _ in Replica(ledger) }
        var retry = RetryPolicy(maximumAttempts: 3)
        retry.conditions = [.reset, .connectFailure, .refusedStream]
        let fleet = try Fleet(
            retry: retry,
            connection: ConnectionOptions(maximumRequests: 500, maximumConcurrentStreams: 50)
        )
        var result = ChaosResult()
        try await withThrowingTaskGroup(of: Void.self) { group in
            let (listening, sink) = AsyncStream.makeStream(of: EndpointAddress.self)
            for replica in replicas { group.addTask { try await replica.run { sink.yield($0) } } }
            var relays: [ShakyRelay] = []
            for await address in listening.prefix(replicas.count) {
                relays.append(try await ShakyRelay(to: address, breakOneIn: 400, random: random))
            }
            let addresses = relays.map(\.address)
            try fleet.use(addresses)
            let load = ChaosLoad(fleet: fleet, random: random, requests: requests)
            result = try await load.run(callers: callers, churning: addresses)
            await fleet.transport.shutdown(gracePeriod: .seconds(10))
            result.end = fleet.transport.statistics
            for relay in relays { try await relay.close() }
            for replica in replicas { replica.server.drain.beginStopping() }
            try await group.waitForAll()
        }
        result.servedUnderWay = replicas.reduce(0) { $0 + $1.server.drain.requestsUnderWay }
        result.serverConnections = replicas.reduce(0) { $0 + $1.server.openConnections }
        result.doneTwice = ledger.doneTwice
        result.connections = fleet.counter.snapshot
        return result
    }
}
