// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct AdaptiveLimitTests {
    private let clock = ManualClock()
    private let observer = RecordingObserver()

    private func limit(
        _ algorithm: any LimitAlgorithm,
        _ configuration: AdaptiveLimitConfiguration = AdaptiveLimitConfiguration()
    ) throws -> AdaptiveLimit {
        try AdaptiveLimit(
            algorithm: algorithm,
            configuration: configuration,
            name: "reviews",
            observers: ObserverSet([observer]),
            clock: clock,
            random: MeshRandom(seed: 1)
        )
    }

    @Test func `a call tells how long it took, how many were under way and whether it was dropped`() async throws {
        let heard = Shared<[LimitSample]>([])
        let limit = try limit(RecordingLimit(heard: heard))
        let outer = try await limit.acquire()
        clock.advance(by: .milliseconds(5))
        #expect(try await limit.run { limit.inFlight } == 2)
        clock.advance(by: .milliseconds(5))
        outer.ended(.dropped)
        #expect(heard.value.map(\.rtt) == [.zero, .milliseconds(10)])
        #expect(heard.value.map(\.inFlight) == [2, 1])
        #expect(heard.value.map(\.isDrop) == [false, true])
        #expect(limit.inFlight == 0 && observer.decisions.isEmpty)
    }

    @Test func `above the limit a call is shed with Envoy's answer`() async throws {
        let limit = try limit(FixedLimit(limit: 1))
        let permit = try await limit.acquire()
        let error = await #expect(throws: MeshError.self) { try await limit.run {} }
        #expect(error?.code == .shed && error?.reason == .limit && error?.origin == .local)
        #expect(error?.localReply == LocalReply(status: 503, body: "reached concurrency limit"))
        #expect(observer.decisions == [PolicyDecision(.adaptiveLimit, name: "reviews", .refused, because: .limit)])
        permit.ended(.completed)
    }

    @Test func `a permit that is dropped gives its place back and says nothing`() async throws {
        let heard = Shared<[LimitSample]>([])
        let limit = try limit(RecordingLimit(heard: heard))
        do {
            let permit = try await limit.acquire()
            _ = consume permit
        }
        #expect(limit.inFlight == 0 && heard.value.isEmpty)
    }

    @Test func `row 122: once the limit of 10 is used up, partitions of 0.3 and 0.7 still get 3 and 7`() async throws {
        let configuration = AdaptiveLimitConfiguration(partitions: [
            .init("live", share: 0.3), .init("batch", share: 0.7),
        ])
        let limit = try limit(FixedLimit(limit: 10), configuration)
        let held = PermitBag()
        for _ in 0..<10 { held.keep(try await limit.acquire()) }
        func fill(_ partition: String?) async -> Int {
            var admitted = 0
            while let permit = try? await limit.acquire(partition: partition) {
                held.keep(permit)
                admitted += 1
            }
            return admitted
        }
        #expect(await fill("live") == 3)
        #expect(await fill("batch") == 7)
        #expect(await fill("unknown") == 0)
        #expect(await fill(nil) == 0)
        #expect(limit.inFlight == 20 && limit.inFlight(in: "live") == 3 && limit.inFlight(in: "batch") == 7)
        held.end(.ignored)
        #expect(limit.inFlight == 0 && limit.inFlight(in: "live") == 0 && limit.inFlight(in: "batch") == 0)
        #expect(await fill("live") == 10, "while there is room, a partition is no limit")
        held.end(.ignored)
    }

    @Test func `row 123: five calls that wait for an adaptive limit are served newest first`() async throws {
        let limit = try limit(FixedLimit(limit: 1), AdaptiveLimitConfiguration(maximumQueued: 100))
        let served = Shared<[Int]>([])
        try await withThrowingTaskGroup(of: Void.self) { group in
            let first = Shared(true)
            group.addTask { [clock] in
                try await limit.run {
                    while first.value { try await clock.sleep(until: MeshInstant(nanoseconds: 1_500_000_000)) }
                }
            }
            await clock.waitForSleepers(1)
            for number in 0..<5 {
                group.addTask { try await limit.run { served.update { $0.append(number) } } }
                await clock.waitForSleepers(number + 2)
            }
            first.update { $0 = false }
            clock.advance(by: .milliseconds(500))
            try await group.waitForAll()
        }
        #expect(served.value == [4, 3, 2, 1, 0])
        #expect(limit.inFlight == 0 && limit.queued == 0 && limit.unsettled == 0)
    }

    @Test func `a growing limit admits who waits, and every change is told`() async throws {
        var algorithm = RecordingLimit(heard: Shared([]))
        algorithm.limit = 2
        algorithm.next = 3
        let limit = try limit(algorithm, AdaptiveLimitConfiguration(maximumQueued: 9))
        let first = PermitBag()
        first.keep(try await limit.acquire())
        let second = try await limit.acquire()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<2 { group.addTask { try await limit.run {} } }
            await clock.waitForSleepers(2)
            first.end(.completed)
            try await group.waitForAll()
        }
        #expect(limit.limit == 3)
        second.ended(.ignored)
        #expect(observer.decisions.map(\.action) == [.queued, .queued, .changed])
        #expect(observer.decisions.last?.reason == .recovered)
        let shrinking = try self.limit(AIMDLimit(.serviceTalk))
        try await shrinking.acquire().ended(.dropped)
        #expect(shrinking.limit == 40 && observer.decisions.last?.reason == .failures)
    }

    @Test func `a call that is cancelled while it waits leaves nothing behind`() async throws {
        let heard = Shared<[LimitSample]>([])
        var algorithm = RecordingLimit(heard: heard)
        algorithm.limit = 1
        let limit = try limit(
            algorithm,
            AdaptiveLimitConfiguration(partitions: [.init("live", share: 1)], maximumQueued: 9)
        )
        let permit = try await limit.acquire(partition: "live")
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await #expect(throws: CancellationError.self) { try await limit.run(partition: "live") {} }
            }
            await clock.waitForSleepers()
            group.cancelAll()
        }
        #expect(limit.queued == 0 && limit.unsettled == 0 && limit.inFlight(in: "live") == 1)
        permit.ended(.ignored)
        #expect(heard.value.isEmpty && limit.inFlight == 0 && limit.inFlight(in: "live") == 0)
    }

    @Test func `observing learns and tells, and lets everybody pass`() async throws {
        let limit = try limit(AIMDLimit(.init(initial: 1, minimum: 1)), AdaptiveLimitConfiguration(mode: .observe))
        let first = try await limit.acquire()
        let second = try await limit.acquire()
        #expect(limit.inFlight == 1, "what would have been shed does not count")
        second.ended(.dropped)
        first.ended(.completed)
        #expect(limit.limit == 2)
        #expect(observer.decisions.map(\.action) == [.refused, .changed])
        #expect(observer.decisions.allSatisfy { !$0.isEnforced })
    }

    @Test func `disabled it learns nothing and refuses nobody`() async throws {
        let heard = Shared<[LimitSample]>([])
        let limit = try limit(RecordingLimit(heard: heard), AdaptiveLimitConfiguration(mode: .disabled))
        for _ in 0..<20 { try await limit.run { #expect(limit.inFlight == 0) } }
        #expect(heard.value.isEmpty && observer.events.isEmpty)
    }

    @Test func `many tasks at once leave exact counts`() async throws {
        let limit = try AdaptiveLimit(
            algorithm: AIMDLimit(.init(initial: 4, minimum: 1, maximum: 9)),
            configuration: AdaptiveLimitConfiguration(
                partitions: [.init("a", share: 0.5), .init("b", share: 0.5)],
                maximumQueued: 1_000,
                maximumWait: .forever
            )
        )
        let served = Shared(0)
        let timeout = MeshError(.attemptTimeout, origin: .upstream, requestState: .maybeSent, message: "")
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for call in 0..<500 {
                        try? await limit.run(partition: task.isMultiple(of: 2) ? "a" : "b") {
                            await Task.yield()
                            served.update { $0 += 1 }
                            if call % 7 == 0 { throw timeout }
                        }
                    }
                }
            }
        }
        #expect(served.value == 4_000 && (1...9).contains(limit.limit))
        #expect(limit.inFlight == 0 && limit.unsettled == 0 && limit.inFlight(in: "a") == 0)
    }

    @Test(arguments: [
        (200, LimitEnding.completed), (404, .completed), (429, .dropped), (500, .ignored), (503, .dropped),
        (504, .dropped), (0, .completed),
    ])
    func `a status says whether a call was dropped`(status: Int, ending: LimitEnding) {
        #expect(LimitEnding(status: status) == ending)
    }

    @Test func `an error says whether a call was dropped`() {
        func ending(_ code: MeshError.Code, _ origin: MeshError.Origin, _ state: RequestState) -> LimitEnding {
            LimitEnding(error: MeshError(code, origin: origin, requestState: state, message: ""))
        }
        #expect(ending(.attemptTimeout, .local, .maybeSent) == .dropped)
        #expect(ending(.deadlineExceeded, .upstream, .maybeSent) == .dropped)
        #expect(ending(.deadlineExceeded, .local, .notSent) == .ignored, "it never left this process")
        #expect(ending(.overflow, .upstream, .answered) == .dropped)
        #expect(ending(.overflow, .local, .notSent) == .ignored)
        #expect(ending(.connectionFailed, .upstream, .notSent) == .ignored)
        #expect(LimitEnding(error: CancellationError()) == .ignored)
    }

    @Test func `the example of the documentation compiles and runs`() async throws {
        let limit = try AdaptiveLimit(
            AdaptiveLimitConfiguration(
                algorithm: .envoyGradient,
                partitions: [.init("live", share: 0.7), .init("batch", share: 0.3)],
                partitionHeader: "x-traffic"
            ),
            name: "reviews"
        )
        #expect(try await limit.run(partition: "live") { limit.inFlight(in: "live") } == 1)
    }

    @Test func `what an operation throws when its caller gives up says nothing of the peer`() async throws {
        let (limit, clock) = (try limit(AIMDLimit(AIMDLimit.Configuration(minimum: 1))), clock)
        let call = Task {
            try await limit.run {
                try? await clock.sleep(until: MeshInstant(nanoseconds: 60_000_000_000))
                throw MeshError(.deadlineExceeded, origin: .upstream, requestState: .maybeSent, message: "late")
            }
        }
        await clock.waitForSleepers()
        call.cancel()
        await #expect(throws: MeshError.self) { try await call.value }
        #expect(limit.limit == 20 && limit.inFlight == 0)
    }

    @Test func `an algorithm that begins at nothing lets one call pass, or it would never learn`() async throws {
        let limit = try limit(FixedLimit(limit: 0))
        #expect(limit.limit == 1)
        #expect(try await limit.run { 7 } == 7)
    }
}
