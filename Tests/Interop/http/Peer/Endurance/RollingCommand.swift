// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import HTTPTypes
import MeshCore
import MeshHTTP
import MeshResilience
import NIOCore
import ServiceMesh
import Synchronization

/// Three servers are restarted one after the other under constant load: nobody may notice, and nothing may be done
/// twice.
struct RollingCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rolling",
        abstract: "Restarts three servers in turn under load over HTTP/1.1 and HTTP/2, and counts failed requests."
    )

    @Option(help: "How often each server is restarted.")
    var rounds = 5

    @Option(help: "How many callers there are at once, for each version of HTTP.")
    var callers = 8

    @Option(help: "Milliseconds that a server serves on while callers are told to go elsewhere.")
    var propagation: UInt64 = 500

    func run() async throws {
        var verdicts = Verdicts()
        for service in Fleet.Service.allCases {
            let restarts = try await roll(service)
            let name = service == .http1 ? "HTTP/1.1" : "HTTP/2"
            verdicts.check("\(name): every server was restarted \(rounds) times", restarts.count == 3 * rounds)
            verdicts.check("\(name): no request failed", restarts.failures.isEmpty, restarts.summary)
            verdicts.check(
                "\(name): no POST was done twice",
                restarts.doneTwice.isEmpty,
                "\(restarts.doneTwice.prefix(3))"
            )
            verdicts.check(
                "\(name): every POST was done",
                restarts.done == restarts.posts,
                "\(restarts.done) of \(restarts.posts)"
            )
        }
        try verdicts.conclude()
    }

    private struct Restarts {
        var count = 0
        var requests = 0
        var posts = 0
        var failures: [String] = []
        var doneTwice: [String] = []
        var done = 0

        var summary: String { "\(failures.count) of \(requests)\(failures.first.map { ", the first: \($0)" } ?? "")" }
    }

    /// What callers have seen.
    private final class Log: Sendable {
        let isOver = Atomic<Bool>(false)
        let next = Atomic<Int>(0)
        let posts = Atomic<Int>(0)
        let failures = Mutex<[String]>([])
    }

    private func roll(_ service: Fleet.Service) async throws -> Restarts {
        let ledger = Replica.Ledger()
        let fleet = try Fleet(
            retry: RetryPolicy(maximumAttempts: 3, conditions: [.reset, .connectFailure, .refusedStream])
        )
        let log = Log()
        var restarts = Restarts()
        try await withThrowingTaskGroup(of: Void.self) { group in
            var serving: [(Replica, EndpointAddress)] = []
            for _ in 0..<3 { serving.append(try await start(ledger, in: &group)) }
            try fleet.use(serving.map(\.1))
            // The last requests end before the last servers do.
            try await withThrowingTaskGroup(of: Void.self) { load in
                for caller in 0..<callers {
                    let executor = caller % 2 == 0 ? fleet.transport.executors.next() : nil
                    load.addTask(executorPreference: executor) { await self.call(fleet, service, log) }
                }
                for index in 0..<(3 * rounds) {
                    try await Pause.milliseconds(100)
                    let leaving = serving[index % 3]
                    // What a control plane does with an instance that says that it drains.
                    leaving.0.server.drain.beginDraining()
                    try fleet.use(serving.map(\.1).filter { $0 != leaving.1 })
                    try await Pause.milliseconds(propagation)
                    leaving.0.server.drain.beginStopping()
                    serving[index % 3] = try await start(ledger, in: &group)
                    try fleet.use(serving.map(\.1))
                    restarts.count += 1
                }
                log.isOver.store(true, ordering: .relaxed)
                try await load.waitForAll()
            }
            for (replica, _) in serving { replica.server.drain.beginStopping() }
            try await group.waitForAll()
        }
        await fleet.transport.shutdown()
        restarts.requests = log.next.load(ordering: .relaxed)
        restarts.posts = log.posts.load(ordering: .relaxed)
        restarts.failures = log.failures.withLock { $0 }
        restarts.doneTwice = ledger.doneTwice
        restarts.done = ledger.doneCount
        return restarts
    }

    /// Starts a server and waits until it listens.
    private func start(
        _ ledger: Replica.Ledger,
        in group: inout ThrowingTaskGroup<Void, any Error>
    ) async throws -> (Replica, EndpointAddress) {
        let replica = Replica(ledger)
        let (listening, sink) = AsyncStream.makeStream(of: EndpointAddress.self)
        group.addTask { try await replica.run { sink.yield($0) } }
        for await address in listening { return (replica, address) }
        throw CancellationError()
    }

    private func call(_ fleet: Fleet, _ service: Fleet.Service, _ log: Log) async {
        while !log.isOver.load(ordering: .relaxed), !Task.isCancelled {
            let number = log.next.wrappingAdd(1, ordering: .relaxed).oldValue
            let isPost = number % 2 == 0
            if isPost { log.posts.wrappingAdd(1, ordering: .relaxed) }
            let request = HTTPRequest(
                method: isPost ? .post : .get,
                scheme: "http",
                authority: service.rawValue,
                path: isPost ? "/sum/\(number)" : "/b/100"
            )
            do {
                let (response, body) = try await fleet.client.execute(request, body: isPost ? .text("12345") : .none)
                let isGood = response.status == .ok && body.readableBytes == (isPost ? 1 : 100)
                if !isGood { log.failures.withLock { $0.append("\(request.method) status \(response.status)") } }
            } catch {
                log.failures.withLock { $0.append("\(request.method) \(error)") }
            }
        }
    }
}
