// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshTesting
import Synchronization
import Testing

@Suite struct MiddlewareSlotTests {
    typealias NextCall = Next<InMemoryRequest, InMemoryResponse>

    /// A middleware of one closure that counts its endings.
    final class Probe: Middleware {
        typealias Body =
            @Sendable (InMemoryRequest, inout CallContext, NextCall) async throws -> InMemoryResponse

        let finishes = Atomic<Int>(0)
        private let body: Body

        init(_ body: @escaping Body) { self.body = body }

        func intercept(
            _ request: InMemoryRequest,
            context: inout CallContext,
            next: NextCall
        ) async throws -> InMemoryResponse {
            try await body(request, &context, next)
        }

        func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
            finishes.wrappingAdd(1, ordering: .relaxed)
        }

        var finishCount: Int { finishes.load(ordering: .relaxed) }
    }

    struct Refused: Error {}

    private let network = InMemoryTransport([.status(200)])

    private static let passing: Probe.Body = { request, context, next in try await next(request, context: &context) }

    private func run(_ middleware: [Probe]) async throws -> (status: Int, violations: [String], open: Int) {
        let contract = TransportContract(network)
        let slot = MiddlewareSlot(middleware, around: contract)
        var context = CallContext(now: MeshInstant(nanoseconds: 1))
        let status = try await slot.withResponse(to: InMemoryRequest(), context: &context) { $0.statusCode }
        return (status, contract.violations, context.openExchanges)
    }

    @Test func `an empty slot is not there`() async throws {
        let (status, violations, open) = try await run([])
        #expect(status == 200 && violations.isEmpty && open == 0)
    }

    @Test func `the first middleware is the outermost, and each is finished once`() async throws {
        let order = Mutex<[String]>([])
        let probes = ["a", "b"].map { name in
            Probe { request, context, next in
                order.withLock { $0.append(name) }
                return try await next(request, context: &context)
            }
        }
        let (_, violations, open) = try await run(probes)
        #expect(order.withLock { $0 } == ["a", "b"])
        #expect(probes.map(\.finishCount) == [1, 1])
        #expect(violations.isEmpty && open == 0)
    }

    @Test func `a middleware that answers by itself is finished, and nothing below it is`() async throws {
        let outer = Probe(Self.passing)
        let answering = Probe { _, _, _ in InMemoryResponse(304) }
        let inner = Probe(Self.passing)
        let (status, violations, open) = try await run([outer, answering, inner])
        #expect(status == 304)
        #expect([outer, answering, inner].map(\.finishCount) == [1, 1, 0])
        #expect(network.sent.isEmpty && violations.isEmpty && open == 0)
    }

    @Test func `a middleware that throws after next leaves no exchange open`() async throws {
        let inner = Probe(Self.passing)
        let throwing = Probe { request, context, next in
            _ = try await next(request, context: &context)
            throw Refused()
        }
        let contract = TransportContract(network)
        let slot = MiddlewareSlot([throwing, inner], around: contract)
        var context = CallContext(now: MeshInstant(nanoseconds: 1))
        await #expect(throws: Refused.self) { _ = try await slot.send(InMemoryRequest(), context: &context) }
        #expect(contract.violations.isEmpty && context.openExchanges == 0 && network.openExchanges == 0)
        #expect(throwing.finishCount == 0)
        #expect(inner.finishCount == 1)
    }

    @Test func `a middleware that calls next twice and discards the first answer keeps the account straight`()
        async throws
    {
        let twice = Probe { request, context, next in
            _ = try await next(request, context: &context)
            next.discard(&context)
            return try await next(request, context: &context)
        }
        let inner = Probe(Self.passing)
        let (status, violations, open) = try await run([twice, inner])
        #expect(status == 200 && network.sent.count == 2)
        #expect(violations.isEmpty && open == 0)
        #expect(twice.finishCount == 1)
        #expect(inner.finishCount == 2)
    }

    @Test func `a middleware that discards what it got and answers by itself is finished alone`() async throws {
        let replacing = Probe { request, context, next in
            _ = try await next(request, context: &context)
            next.discard(&context)
            return InMemoryResponse(203)
        }
        let inner = Probe(Self.passing)
        let (status, violations, open) = try await run([replacing, inner])
        #expect(status == 203 && violations.isEmpty && open == 0)
        #expect(replacing.finishCount == 1)
        #expect(inner.finishCount == 1)
    }

    @Test func `an answer of an inner middleware that an outer one discards is finished once`() async throws {
        let outer = Probe { request, context, next in
            _ = try await next(request, context: &context)
            next.discard(&context)
            next.discard(&context)
            return InMemoryResponse(201)
        }
        let inner = Probe { _, _, _ in InMemoryResponse(304) }
        let (status, violations, open) = try await run([outer, inner])
        #expect(status == 201 && violations.isEmpty && open == 0)
        #expect(outer.finishCount == 1)
        #expect(inner.finishCount == 1)
    }
}
