// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshTesting
import Testing

@testable import MeshResilience

@Suite struct GlobalRateLimiterTests {
    private let clock = ManualClock()
    private let observer = RecordingObserver()
    private let descriptors = [RateLimitDescriptor([.init("user", "alice")])]

    private func limiter(
        _ configuration: GlobalRateLimitConfiguration = GlobalRateLimitConfiguration(domain: "shop"),
        _ service: InMemoryRateLimitService
    ) throws -> GlobalRateLimiter {
        try GlobalRateLimiter(
            configuration,
            service: service,
            name: "route",
            observers: ObserverSet([observer]),
            clock: clock,
            random: MeshRandom(seed: 1)
        )
    }

    private func answering(_ verdict: RateLimitVerdict) -> InMemoryRateLimitService {
        InMemoryRateLimitService(clock: clock) { _, _ in .answer(verdict) }
    }

    private var failing: InMemoryRateLimitService {
        InMemoryRateLimitService { _, _ in
            .fail(MeshError(.connectionFailed, origin: .upstream, message: "connection refused"))
        }
    }

    @Test func `the service hears the domain, the descriptors and the earlier deadline`() async throws {
        let service = answering(RateLimitVerdict())
        let limiter = try limiter(GlobalRateLimitConfiguration(domain: "shop"), service)
        _ = try await limiter.ask(RateLimitQuestion(limiter, descriptors: descriptors, hits: 3))
        let early = Deadline(.milliseconds(5), after: clock.now)
        _ = try await limiter.ask(RateLimitQuestion(limiter, domain: "other", descriptors: descriptors), until: early)
        let timeout = Deadline(.milliseconds(20), after: clock.now)
        #expect(
            service.questions == [
                .init(domain: "shop", descriptors: descriptors, hits: 3, deadline: timeout),
                .init(domain: "other", descriptors: descriptors, hits: 0, deadline: early),
            ]
        )
        #expect(observer.decisions.isEmpty)
    }

    @Test func `nothing is asked without descriptors, nor while it is disabled`() async throws {
        let service = answering(RateLimitVerdict(isOverLimit: true))
        let limiter = try limiter(GlobalRateLimitConfiguration(domain: "shop", mode: .disabled), service)
        _ = try await limiter.ask(RateLimitQuestion(limiter, descriptors: descriptors))
        let enforcing = try self.limiter(GlobalRateLimitConfiguration(domain: "shop"), service)
        _ = try await enforcing.ask(RateLimitQuestion(enforcing, descriptors: []))
        #expect(service.questions.isEmpty)
    }

    @Test func `above the limit a request is refused with the service's body and fields, and marked`() async throws {
        let verdict = RateLimitVerdict(
            isOverLimit: true,
            statuses: [.init(isOverLimit: true, limit: .init(requestsPerUnit: 5, unit: .minute), reset: .seconds(7))],
            responseHeaders: [.init("x-plan", "free")],
            requestHeaders: [.init("x-never", "sent")],
            body: "slow down"
        )
        let limiter = try limiter(GlobalRateLimitConfiguration(domain: "shop", headers: .draft03), answering(verdict))
        let error = await #expect(throws: MeshError.self) {
            try await limiter.ask(RateLimitQuestion(limiter, descriptors: descriptors))
        }
        #expect(error?.code == .rateLimited && error?.shortCode == "RL" && error?.reason == .limit)
        #expect(error?.retryAfter == .seconds(7))
        #expect(
            error?.localReply
                == LocalReply(
                    status: 429,
                    body: "slow down",
                    headers: [
                        .init("x-plan", "free"), .init("x-envoy-ratelimited", "true"),
                        .init("x-ratelimit-limit", "5, 5;w=60"), .init("x-ratelimit-remaining", "0"),
                        .init("x-ratelimit-reset", "7"),
                    ]
                )
        )
        #expect(observer.decisions == [PolicyDecision(.rateLimit, name: "route", .refused, because: .limit)])
    }

    @Test func `below the limit a request takes fields along, both ways`() async throws {
        let verdict = RateLimitVerdict(
            responseHeaders: [.init("x-left", "9")],
            requestHeaders: [.init("x-plan", "free")],
            metadata: ["plan": .text("free")]
        )
        let limiter = try limiter(GlobalRateLimitConfiguration(domain: "shop"), answering(verdict))
        let passage = try await limiter.ask(RateLimitQuestion(limiter, descriptors: descriptors))
        #expect(passage.requestHeaders == verdict.requestHeaders && passage.responseHeaders == verdict.responseHeaders)
        #expect(passage.metadata == verdict.metadata)
    }

    @Test func `a share that is not enforced passes, and its answer is marked all the same`() async throws {
        let limiter = try limiter(
            GlobalRateLimitConfiguration(domain: "shop"),
            answering(RateLimitVerdict(isOverLimit: true))
        )
        let question = RateLimitQuestion(limiter, descriptors: descriptors, enforced: .none)
        let passage = try await limiter.ask(question)
        #expect(passage.responseHeaders == [.init("x-envoy-ratelimited", "true")])
        let decision = PolicyDecision(.rateLimit, name: "route", .refused, because: .limit, isEnforced: false)
        #expect(observer.decisions == [decision])
    }

    @Test func `an enforced share is drawn for each request`() async throws {
        let limiter = try limiter(
            GlobalRateLimitConfiguration(domain: "shop"),
            answering(RateLimitVerdict(isOverLimit: true))
        )
        let question = RateLimitQuestion(limiter, descriptors: descriptors, enforced: .init(numerator: 30))
        var refused = 0
        for _ in 0..<1_000 where (try? await limiter.ask(question)) == nil { refused += 1 }
        #expect((250...350).contains(refused))
    }

    @Test func `while the service fails, requests pass, or are refused where that is asked for`() async throws {
        let open = try limiter(GlobalRateLimitConfiguration(domain: "shop"), failing)
        #expect(try await open.ask(RateLimitQuestion(open, descriptors: descriptors)) == .init())
        let closed = try limiter(
            GlobalRateLimitConfiguration(domain: "shop", refusesOnFailure: true, failureStatus: 503),
            failing
        )
        let error = await #expect(throws: MeshError.self) {
            try await closed.ask(RateLimitQuestion(closed, descriptors: descriptors))
        }
        #expect(error?.code == .rateLimitUnavailable && error?.shortCode == "RLSE")
        #expect(error?.localReply == LocalReply(status: 503))
        #expect((error?.cause as? MeshError)?.code == .connectionFailed)
        #expect(
            observer.decisions == [
                PolicyDecision(.rateLimit, name: "route", .fellBack, because: .failure),
                PolicyDecision(.rateLimit, name: "route", .refused, because: .failure),
            ]
        )
    }

    @Test func `a share of the requests is refused while the service fails, whatever else is said`() async throws {
        let closed = try limiter(GlobalRateLimitConfiguration(domain: "shop", refusesOnFailure: true), failing)
        let half = RateLimitQuestion(closed, descriptors: descriptors, refusedOnFailure: .init(numerator: 50))
        var refused = 0
        for _ in 0..<1_000 where (try? await closed.ask(half)) == nil { refused += 1 }
        #expect((440...560).contains(refused))
    }

    @Test func `a service that does not answer holds no request longer than the timeout`() async throws {
        let clock = clock
        let slow = InMemoryRateLimitService(clock: clock) { _, _ in .answerAfter(.seconds(60), RateLimitVerdict()) }
        let limiter = try limiter(GlobalRateLimitConfiguration(domain: "shop", refusesOnFailure: true), slow)
        let started = clock.now
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                let error = await #expect(throws: MeshError.self) {
                    try await limiter.ask(RateLimitQuestion(limiter, descriptors: descriptors))
                }
                #expect(error?.code == .rateLimitUnavailable)
                #expect(clock.now.elapsed(since: started) <= .milliseconds(21))
            }
            // The service's wait and the wheel's.
            await clock.waitForSleepers(2)
            clock.advance(by: .milliseconds(21))
        }
    }

    @Test func `who gives up gets no decision`() async throws {
        let clock = clock
        let slow = InMemoryRateLimitService(clock: clock) { _, _ in .answerAfter(.seconds(60), RateLimitVerdict()) }
        let limiter = try limiter(GlobalRateLimitConfiguration(domain: "shop", refusesOnFailure: true), slow)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await #expect(throws: CancellationError.self) {
                    try await limiter.ask(RateLimitQuestion(limiter, descriptors: descriptors))
                }
            }
            await clock.waitForSleepers(2)
            group.cancelAll()
        }
        #expect(observer.decisions.isEmpty)
    }

    @Test func `in a dry run nothing is refused, and all is said`() async throws {
        for service in [answering(RateLimitVerdict(isOverLimit: true)), failing] {
            let limiter = try limiter(
                GlobalRateLimitConfiguration(domain: "shop", refusesOnFailure: true, mode: .observe),
                service
            )
            _ = try await limiter.ask(RateLimitQuestion(limiter, descriptors: descriptors))
        }
        #expect(observer.decisions.map(\.isEnforced) == [false, false])
    }

    @Test func `a configuration names every bound that is broken`() {
        let broken = GlobalRateLimitConfiguration(domain: "", timeout: .zero, refusalStatus: 200, failureStatus: 600)
        let error = #expect(throws: ConfigurationError.self) { try broken.validate() }
        #expect(error?.problems.map(\.path) == ["domain", "timeout", "refusalStatus", "failureStatus"])
    }
}
