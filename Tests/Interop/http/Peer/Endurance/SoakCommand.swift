// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import HTTPTypes
import MeshCore
import MeshHTTP
import MeshResilience
import ServiceMesh
import Synchronization

/// An hour of a service's life, compressed: steady traffic, endpoints that come and go, callers that give up. Memory and
/// open files must stay where they are.
struct SoakCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "soak",
        abstract: "Runs traffic for a while and checks that memory and open files stay flat."
    )

    @Option(name: .customLong("soak"), help: "How many seconds to run.")
    var seconds = 300

    @Option(help: "How many callers there are at once.")
    var callers = 16

    @Option(help: "The seed of everything random.")
    var seed: UInt64 = 1

    func run() async throws {
        print("soak of \(seconds) s")
        let random = MeshRandom(seed: seed)
        let ledger = Replica.Ledger()
        let replicas = (0..<4).map { _ in Replica(ledger) }
        let fleet = try Fleet(
            retry: RetryPolicy(maximumAttempts: 3, conditions: [.reset, .connectFailure, .refusedStream]),
            connection: ConnectionOptions(maximumAge: .seconds(20), maximumRequests: 5000)
        )
        let isOver = SoakEnd()
        var samples: [ProcessFigures] = []
        try await withThrowingTaskGroup(of: Void.self) { group in
            let (listening, sink) = AsyncStream.makeStream(of: EndpointAddress.self)
            for replica in replicas { group.addTask { try await replica.run { sink.yield($0) } } }
            var addresses: [EndpointAddress] = []
            for await address in listening.prefix(replicas.count) { addresses.append(address) }
            try fleet.use(addresses)
            for caller in 0..<callers {
                let executor = caller % 2 == 0 ? fleet.transport.executors.next() : nil
                group.addTask(executorPreference: executor) { await self.call(fleet, random, isOver) }
            }
            for second in 0..<seconds {
                try await Pause.milliseconds(1000)
                samples.append(ProcessFigures.current())
                try fleet.use(
                    second % 5 == 0
                        ? addresses : addresses.prefix(1) + addresses.dropFirst().filter { _ in random.below(4) > 0 }
                )
            }
            isOver.set()
            // The traffic ends before the servers do.
            while fleet.transport.statistics.activeRequests + fleet.transport.statistics.pendingRequests > 0 {
                try await Pause.milliseconds(50)
            }
            for replica in replicas { replica.server.drain.beginStopping() }
            await fleet.transport.shutdown()
            try await group.waitForAll()
        }
        try judge(samples, requests: isOver.requests, failures: isOver.failures)
    }

    private func judge(_ samples: [ProcessFigures], requests: Int, failures: Int) throws {
        var verdicts = Verdicts()
        let quarter = samples.count / 4
        guard quarter > 0 else { throw ValidationError("four seconds at least") }
        // The first quarter is the warm-up: pools, caches and the allocator find their size.
        let early = samples[quarter..<(2 * quarter)]
        let late = samples.suffix(quarter)
        let memory = (median(early.compactMap(\.residentKB)), median(late.compactMap(\.residentKB)))
        let files = (early.compactMap(\.files).max() ?? 0, late.compactMap(\.files).max() ?? 0)
        print("\(requests) requests, \(failures) given up or failed")
        print("RSS each tenth in KiB: \(tenths(samples.compactMap(\.residentKB)))")
        verdicts.check("requests were made", requests > 100 * samples.count, "\(requests)")
        verdicts.check(
            "memory is flat: no more than 5 % and 4 MiB over the second quarter",
            Double(memory.1) <= Double(memory.0) * 1.05 + 4096,
            "\(memory.0) -> \(memory.1) KiB"
        )
        verdicts.check("open files are flat", files.1 <= files.0 + 16, "\(files.0) -> \(files.1)")
        try verdicts.conclude()
    }

    private func median(_ values: [Int]) -> Int {
        values.isEmpty ? 0 : values.sorted()[values.count / 2]
    }

    private func tenths(_ values: [Int]) -> [Int] {
        guard values.count >= 10 else { return values }
        return (0..<10).map { values[$0 * values.count / 10] }
    }

    private func call(_ fleet: Fleet, _ random: MeshRandom, _ end: SoakEnd) async {
        // Cancelled when something else has failed: the soak must end then, and say what.
        while !end.isOver, !Task.isCancelled {
            let service = random.below(2) == 0 ? Fleet.Service.http1 : .http2
            let isPost = random.below(3) == 0
            let request = HTTPRequest(
                method: isPost ? .post : .get,
                scheme: "http",
                authority: service.rawValue,
                path: isPost ? "/echo" : "/b/\(random.below(20_000))"
            )
            let body: RequestBody = isPost ? .bytes(BytePattern.bytes(at: 0, count: Int(random.below(20_000)))) : .none
            // One in a hundred waits for less than an answer takes.
            let timeout: Duration = random.below(100) == 0 ? .microseconds(300) : .seconds(10)
            do {
                _ = try await fleet.client.execute(request, body: body, timeout: timeout)
                end.count(isFailure: false)
            } catch {
                end.count(isFailure: true)
            }
        }
    }
}

/// When the soak ends, and what it did until then.
private final class SoakEnd: Sendable {
    private let flag = Atomic<Bool>(false)
    private let all = Atomic<Int>(0)
    private let failed = Atomic<Int>(0)

    var isOver: Bool { flag.load(ordering: .relaxed) }
    var requests: Int { all.load(ordering: .relaxed) }
    var failures: Int { failed.load(ordering: .relaxed) }

    func set() {
        flag.store(true, ordering: .relaxed)
    }

    func count(isFailure: Bool) {
        all.wrappingAdd(1, ordering: .relaxed)
        if isFailure { failed.wrappingAdd(1, ordering: .relaxed) }
    }
}
