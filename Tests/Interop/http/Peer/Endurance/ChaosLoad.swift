// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import MeshHTTP
import NIOCore
import NIOPosix
import Synchronization

/// Callers that ask for all kinds of things, and change their minds.
struct ChaosLoad: Sendable {
    let fleet: Fleet
    let random: MeshRandom
    let requests: Int

    /// What a request is to bring.
    private struct Job {
        var request: HTTPRequest
        var body = RequestBody.none
        var expected: Int?
    }

    private final class Tally: Sendable {
        let next = Atomic<Int>(0)
        let wrong = Atomic<Int>(0)
        let outcomes = Mutex<[String: Int]>([:])

        func count(_ outcome: String) {
            outcomes.withLock { $0[outcome, default: 0] += 1 }
        }
    }

    /// Makes all requests while the set of endpoints changes.
    func run(callers: Int, churning addresses: [EndpointAddress]) async throws -> ChaosResult {
        let tally = Tally()
        try await withThrowingTaskGroup(of: Void.self) { group in
            let churn = Task { try await self.churn(addresses) }  // awaited below
            for caller in 0..<callers {
                // Half of them live on an event loop, as handlers do.
                let executor = caller % 2 == 0 ? fleet.transport.executors.next() : nil
                group.addTask(executorPreference: executor) {
                    while true {
                        let number = tally.next.wrappingAdd(1, ordering: .relaxed).oldValue
                        guard number < self.requests else { return }
                        tally.count(await self.ask(number, tally))
                    }
                }
            }
            try await group.waitForAll()
            churn.cancel()
            _ = await churn.result
        }
        var result = ChaosResult()
        // What was given up ends on the loops a moment later.
        for _ in 0..<3 {
            for loop in fleet.transport.configuration.eventLoopGroup.makeIterator() { try await loop.submit {}.get() }
        }
        try await Pause.milliseconds(1500)
        result.idle = fleet.transport.statistics
        result.outcomes = tally.outcomes.withLock { $0 }
        result.wrong = tally.wrong.load(ordering: .relaxed)
        return result
    }

    /// Endpoints come and go, all but one at a time.
    private func churn(_ addresses: [EndpointAddress]) async throws {
        while true {
            try await Pause.milliseconds(20 + random.below(60))
            let kept = addresses.filter { _ in random.below(3) > 0 }
            try fleet.use(kept.isEmpty ? [addresses[Int(random.below(UInt64(addresses.count)))]] : kept)
        }
    }

    private func ask(_ number: Int, _ tally: Tally) async -> String {
        let job = makeJob(number)
        // One in eight changes its mind, at any moment.
        guard random.below(8) == 0 else { return await perform(job, tally) }
        let patience = random.below(4)
        return await withTaskGroup(of: String?.self) { group in
            group.addTask { await self.perform(job, tally) }
            group.addTask {
                try? await Pause.milliseconds(patience)
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            let second = await group.next() ?? nil
            return first ?? second ?? "lost"
        }
    }

    private func perform(_ job: Job, _ tally: Tally) async -> String {
        do {
            let count = try await fleet.client.withResponse(to: job.request, body: job.body, timeout: .seconds(20)) {
                response in
                guard response.statusCode == 200 else { return -response.statusCode }
                // Some readers have seen enough before the end.
                guard random.below(16) > 0 else { return job.expected ?? 0 }
                return try await read(response.body)
            }
            guard let expected = job.expected else { return "answered" }
            guard count != expected else { return "answered" }
            if count >= 0 { tally.wrong.wrappingAdd(1, ordering: .relaxed) }
            return count < 0 ? "status \(-count)" : "wrong"
        } catch let error as MeshError {
            return "\(error.code) \(error.requestState)"
        } catch {
            return "\(type(of: error))"
        }
    }

    private func read(_ body: ResponseBody) async throws -> Int {
        var count = 0
        for try await chunk in body { count += chunk.readableBytes }
        return count
    }

    private func makeJob(_ number: Int) -> Job {
        let service = random.below(2) == 0 ? Fleet.Service.http1 : .http2
        func request(_ method: HTTPRequest.Method, _ path: String) -> HTTPRequest {
            HTTPRequest(method: method, scheme: "http", authority: service.rawValue, path: path)
        }
        let size = Int(random.below(32) == 0 ? random.below(200_000) : random.below(2_000))
        switch random.below(10) {
        case 0..<5: return Job(request: request(.get, "/b/\(size)"), expected: size)
        case 5:
            let body = RequestBody.bytes(BytePattern.bytes(at: 0, count: size))
            return Job(request: request(.post, "/sum/\(number)"), body: body, expected: "\(size)".utf8.count)
        case 6, 7: return Job(request: request(.post, "/echo"), body: streamed(size), expected: size)
        case 8: return Job(request: request(.get, "/slow/\(random.below(8))"), expected: 4)
        default: return Job(request: request(.get, "/broken/\(size)"))
        }
    }

    private func streamed(_ size: Int) -> RequestBody {
        .written(isReplayable: true) { writer in
            var sent = 0
            while sent < size {
                let count = min(10_000, size - sent)
                try await writer.write(BytePattern.bytes(at: sent, count: count))
                sent += count
            }
        }
    }
}
