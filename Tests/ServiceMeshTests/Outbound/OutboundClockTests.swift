// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshTesting
import Synchronization
import Testing

@testable import ServiceMesh

/// Counts how often it is read.
private final class CountingClock: MeshClock {
    let clock = ManualClock()
    let reads = Atomic(0)

    var now: MeshInstant {
        reads.wrappingAdd(1, ordering: .relaxed)
        return clock.now
    }

    func sleep(until deadline: MeshInstant) async throws { try await clock.sleep(until: deadline) }
}

/// Lets time pass before it calls what is below, and passes a 503 over once if it is told to.
private struct Dawdler: Middleware {
    let clock: ManualClock
    var sendsTwice = false

    func intercept(
        _ request: InMemoryRequest,
        context: inout CallContext,
        next: Next<InMemoryRequest, InMemoryResponse>
    ) async throws -> InMemoryResponse {
        clock.advance(by: .seconds(5))
        let response = try await next(request, context: &context)
        guard sendsTwice, response.statusCode == 503 else { return response }
        next.discard(&context)
        clock.advance(by: .seconds(5))
        return try await next(request, context: &context)
    }
}

/// A request reads the clock seldom, and never believes a time that is over.
@Suite struct OutboundClockTests {
    private static let start = MeshInstant(nanoseconds: 1_000_000_000)

    private static func after(_ seconds: UInt64) -> Deadline {
        Deadline(start.advanced(by: .seconds(seconds)))
    }

    @Test func `a request under many policies reads the clock when it is routed and when it ends`() async throws {
        let clock = CountingClock()
        let mesh = try Mesh(clock: clock, random: MeshRandom(seed: 1))
        try mesh.apply(
            Given.simple(
                timeout: .seconds(10),
                retry: Given.retry(perTryTimeout: .seconds(1)),
                fault: FaultConfiguration(abort: .init(status: 503, percentage: .none)),
                rateLimit: RateLimitConfiguration(maximumTokens: 10, tokensPerFill: 1, fillInterval: .seconds(1)),
                circuitBreaker: CircuitBreakerConfiguration()
            )
        )
        let stack = OutboundStack(mesh: mesh, leaf: InMemoryTransport([.status(200)]))
        // The first one makes the breaker.
        for isFirst in [true, false] {
            var context = mesh.makeContext()
            let before = clock.reads.load(ordering: .relaxed)
            #expect(try await stack.withResponse(to: InMemoryRequest(), context: &context) { $0.statusCode } == 200)
            if !isFirst { #expect(clock.reads.load(ordering: .relaxed) - before == 2) }
        }
    }

    @Test func `a route's and an attempt's timeouts begin after an injected delay`() async throws {
        let fixture = try MeshFixture(
            Given.simple(
                timeout: .seconds(10),
                retry: Given.retry(perTryTimeout: .seconds(1)),
                fault: FaultConfiguration(delay: .init(duration: .seconds(5), percentage: .all))
            )
        )
        await withTaskGroup(of: Void.self) { group in
            group.addTask { _ = await fixture.send() }
            await fixture.clock.waitForSleepers()
            fixture.clock.advance(by: .seconds(5))
        }
        let sent = try #require(fixture.network.sent.first)
        #expect(sent.deadline == Self.after(15) && sent.headDeadline == Self.after(6))
    }

    @Test func `a wait for a turn is no part of the route's timeout`() async throws {
        let fixture = try MeshFixture(
            Given.simple(
                timeout: .seconds(10),
                rateLimit: RateLimitConfiguration(
                    maximumTokens: 1,
                    tokensPerFill: 1,
                    fillInterval: .seconds(3),
                    maximumWait: .seconds(5)
                )
            )
        )
        await fixture.send()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { _ = await fixture.send() }
            await fixture.clock.waitForSleepers()
            fixture.clock.advance(by: .seconds(3))
        }
        #expect(fixture.network.sent.map(\.deadline) == [Self.after(10), Self.after(13)])
    }

    @Test func `each attempt's timeout begins with it, after the wait before it`() async throws {
        var retry = Given.retry(attempts: 3, perTryTimeout: .seconds(1))
        retry.backoff = Backoff(base: .seconds(2), maximum: .seconds(2))
        let fixture = try MeshFixture(Given.simple(retry: retry)) { _, number in .status(number < 2 ? 503 : 200) }
        var starts: [MeshInstant] = [fixture.clock.now]
        await withTaskGroup(of: Void.self) { group in
            group.addTask { _ = await fixture.send() }
            for _ in 0..<2 {
                await fixture.clock.waitForSleepers()
                fixture.clock.advance(by: .seconds(2))
                starts.append(fixture.clock.now)
            }
        }
        let expected = starts.map { Deadline(.seconds(1), after: $0) }
        #expect(fixture.network.sent.map(\.headDeadline) == expected)
    }

    @Test func `time that middleware takes is over for what is below it`() async throws {
        let clock = ManualClock()
        let network = InMemoryTransport(clock: clock) { _, number in .status(number == 0 ? 503 : 200) }
        let mesh = try Mesh(clock: clock, random: MeshRandom(seed: 1))
        let retry = Given.retry(on: .connectFailure, perTryTimeout: .seconds(1))
        try mesh.apply(Given.simple(timeout: .seconds(100), retry: retry))
        let stack = OutboundStack(
            mesh: mesh,
            leaf: network,
            requestMiddleware: [Dawdler(clock: clock, sendsTwice: true)],
            attemptMiddleware: [Dawdler(clock: clock)]
        )
        var context = mesh.makeContext()
        _ = try await stack.withResponse(to: InMemoryRequest(), context: &context) { $0.statusCode }
        // Five seconds above the route, and five more above the attempt, twice.
        #expect(network.sent.map(\.headDeadline) == [Self.after(11), Self.after(21)])
        #expect(network.sent.map(\.deadline) == [Self.after(105), Self.after(105)])
    }
}
