// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct RateLimitLayerTests {
    private let clock = ManualClock()

    @Test func `the layer refuses before anything is sent`() async throws {
        let network = InMemoryTransport([.status(200)], clock: clock)
        let contract = TransportContract(network)
        let limiter = try RateLimiter(RateLimitConfiguration(rate: 1, per: .seconds(1)), clock: clock)
        let layer = RateLimitLayer(contract, source: FixedPolicy(limiter))
        var context = CallContext(now: clock.now)
        let status = try await layer.withResponse(to: InMemoryRequest(), context: &context) { $0.statusCode }
        #expect(status == 200)
        let error = await #expect(throws: MeshError.self) {
            _ = try await layer.send(InMemoryRequest(), context: &context)
        }
        #expect(error?.code == .rateLimited)
        #expect(network.sent.count == 1 && contract.violations.isEmpty)
    }

    @Test func `the layer waits, but not past the request's deadline`() async throws {
        let clock = clock
        let network = InMemoryTransport([.status(200)], clock: clock)
        let contract = TransportContract(network)
        let limit = RateLimitConfiguration(rate: 1, per: .seconds(1), maximumWait: .seconds(10))
        let layer = RateLimitLayer(contract, source: FixedPolicy(try RateLimiter(limit, clock: clock)))
        var first = CallContext(now: clock.now)
        try await layer.withResponse(to: InMemoryRequest(), context: &first) { _ in }
        var hopeless = CallContext(now: clock.now, deadline: Deadline(.milliseconds(999), after: clock.now))
        let error = await #expect(throws: MeshError.self) {
            _ = try await layer.send(InMemoryRequest(), context: &hopeless)
        }
        #expect(error?.reason == .deadline)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                var context = CallContext(now: clock.now, deadline: Deadline(.seconds(2), after: clock.now))
                try? await layer.withResponse(to: InMemoryRequest(), context: &context) { _ in }
            }
            await clock.waitForSleepers()
            #expect(network.sent.count == 1)
            clock.advance(by: .seconds(1))
        }
        #expect(network.sent.count == 2 && contract.violations.isEmpty)
    }

    @Test func `a request that is cancelled while it waits was never sent`() async throws {
        let clock = clock
        let network = InMemoryTransport([.status(200)], clock: clock)
        let contract = TransportContract(network)
        let limit = RateLimitConfiguration(rate: 1, per: .seconds(1), maximumWait: .seconds(10))
        let limiter = try RateLimiter(limit, clock: clock)
        try limiter.acquire()
        let layer = RateLimitLayer(contract, source: FixedPolicy(limiter))
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                var context = CallContext(now: clock.now)
                await #expect(throws: CancellationError.self) {
                    _ = try await layer.send(InMemoryRequest(), context: &context)
                }
                #expect(context.openExchanges == 0)
            }
            await clock.waitForSleepers()
            group.cancelAll()
        }
        #expect(network.sent.isEmpty && contract.violations.isEmpty && limiter.availablePermits == 0)
    }

    @Test func `each key of a request has its own limit, and a request without a key has none`() async throws {
        let network = InMemoryTransport([.status(200)], clock: clock)
        let contract = TransportContract(network)
        let limit = KeyedRateLimitConfiguration(limit: RateLimitConfiguration(rate: 1, per: .seconds(1)))
        let limiter = try KeyedRateLimiter<String>(limit, clock: clock)
        let layer = KeyedRateLimitLayer(contract, source: FixedPolicy(limiter), key: .header("x-user"))
        var passed: [String] = []
        for user in ["ann", "ann", "ben", "", "", "ann"] {
            var context = CallContext(now: clock.now)
            let request = user.isEmpty ? InMemoryRequest() : InMemoryRequest(headers: [("x-user", user)])
            if (try? await layer.withResponse(to: request, context: &context) { _ in }) != nil { passed.append(user) }
        }
        #expect(passed == ["ann", "ben", "", ""])
        #expect(network.sent.count == 4 && contract.violations.isEmpty && limiter.keyCount == 2)
        #expect(RateLimitKey { $0.path }.key(of: InMemoryRequest(path: "/x")) == "/x")
    }

    @Test func `a keyed request waits within its deadline, and gives its turn back when it is cancelled`() async throws
    {
        let clock = clock
        let network = InMemoryTransport([.status(200)], clock: clock)
        let limit = RateLimitConfiguration(rate: 1, per: .seconds(1), maximumWait: .seconds(5))
        let limiter = try KeyedRateLimiter<String>(KeyedRateLimitConfiguration(limit: limit), clock: clock)
        try limiter.acquire(for: "GET")
        let layer = KeyedRateLimitLayer(network, source: FixedPolicy(limiter), key: RateLimitKey { $0.method })
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                var context = CallContext(now: clock.now)
                await #expect(throws: CancellationError.self) {
                    _ = try await layer.send(InMemoryRequest(), context: &context)
                }
            }
            await clock.waitForSleepers()
            #expect(limiter.availablePermits(for: "GET") == -1)
            group.cancelAll()
        }
        #expect(limiter.availablePermits(for: "GET") == 0 && network.sent.isEmpty)
    }

    @Test func `without a limiter the layer is not there`() async throws {
        let network = InMemoryTransport([.status(204)], clock: clock)
        let layer = RateLimitLayer(network, source: FixedPolicy<RateLimiter>(nil))
        var context = CallContext(now: clock.now)
        #expect(try await layer.withResponse(to: InMemoryRequest(), context: &context) { $0.statusCode } == 204)
    }
}
