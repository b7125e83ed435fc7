// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct CircuitBreakerLayerTests {
    typealias Contract = TransportContract<InMemoryTransport>
    typealias Layer = CircuitBreakerLayer<Contract, FixedPolicy<CircuitBreaker>>

    /// A breaker over a network that follows a script.
    struct Bench {
        let clock = ManualClock()
        let breaker: CircuitBreaker
        let network: InMemoryTransport
        let contract: Contract
        let layer: Layer

        init(
            _ script: [InMemoryTransport.Step],
            _ configuration: CircuitBreakerConfiguration = CircuitBreakerConfiguration(minimumCalls: 1),
            classifier: ResponseClassifier = .standard
        ) throws {
            breaker = try CircuitBreaker(configuration, clock: clock)
            network = InMemoryTransport(script, clock: clock)
            contract = TransportContract(network)
            layer = CircuitBreakerLayer(contract, source: FixedPolicy(breaker), classifier: classifier)
        }

        func send() async throws -> Int {
            var context = CallContext(now: clock.now)
            let status = try await layer.withResponse(to: InMemoryRequest(), context: &context) { $0.statusCode }
            #expect(context.heldPermits.isEmpty && context.openExchanges == 0)
            return status
        }
    }

    @Test func `it opens on answers that fail, and refuses before anything is sent`() async throws {
        let bench = try Bench([.status(503), .status(200)])
        #expect(try await bench.send() == 503)
        let error = await #expect(throws: MeshError.self) { _ = try await bench.send() }
        #expect(error?.code == .circuitOpen && error?.retryAfter == .seconds(5))
        #expect(bench.network.sent.count == 1)
        bench.clock.advance(by: .seconds(5))
        #expect(try await bench.send() == 200)
        #expect(bench.breaker.state == .closed)
        #expect(bench.contract.violations.isEmpty)
    }

    @Test func `errors of the network count, and what a layer below refused does not`() async throws {
        let refused = MeshError(.overflow, origin: .local, message: "full")
        let bench = try Bench([.fail(refused), .refuseConnection])
        await #expect(throws: MeshError.self) { _ = try await bench.send() }
        #expect(bench.breaker.metrics.calls == 0)
        await #expect(throws: MeshError.self) { _ = try await bench.send() }
        #expect(bench.breaker.metrics.failures == 1)
        #expect(bench.contract.violations.isEmpty)
    }

    @Test func `an answer that begins well is held until its body has ended`() async throws {
        let bench = try Bench([.status(200)])
        let broken = MeshError(.connectionClosed, origin: .upstream, requestState: .answered, message: "reset")
        let endings: [(ExchangeEnding, calls: Int, failures: Int)] = [
            (.completed, 1, 0), (.discarded, 2, 0), (.cancelled, 2, 0), (.failed(CancellationError()), 2, 0),
            (.failed(broken), 3, 1),
        ]
        for (ending, calls, failures) in endings {
            var context = CallContext(now: bench.clock.now)
            let before = bench.breaker.metrics.calls
            _ = try await bench.layer.send(InMemoryRequest(), context: &context)
            #expect(context.heldPermits == .circuitBreaker)
            #expect(bench.breaker.metrics.calls == before)
            bench.layer.finish(&context, ending)
            #expect(context.heldPermits.isEmpty)
            let metrics = bench.breaker.metrics
            #expect(metrics.calls == calls && metrics.failures == failures)
        }
        #expect(bench.contract.violations.isEmpty)
    }

    @Test(arguments: [false, true])
    func `row 57: what the classifier calls a success closes Linkerd's breaker, a 503 as well`(
        isDeclared: Bool
    ) async throws {
        var configuration = CircuitBreakerConfiguration.linkerd
        configuration.initialState = .halfOpen
        let lenient = ResponseClassifier(status: { _ in .success })
        let bench = try Bench([.status(503)], configuration, classifier: isDeclared ? lenient : .standard)
        #expect(try await bench.send() == 503)
        #expect((bench.breaker.state == .closed) == isDeclared)
        #expect((bench.breaker.metrics.cause == .recovered) == isDeclared)
    }

    @Test(arguments: [
        InMemoryResponse(429, headers: ["retry-after": "30"]),
        InMemoryResponse(200, headers: ["grpc-status": "8", "grpc-retry-pushback-ms": "30000"]),
    ])
    func `answers of overload fail a probe, and say for how long, where they are recognised`(
        response: InMemoryResponse
    ) async throws {
        var configuration = CircuitBreakerConfiguration.linkerd
        configuration.initialState = .halfOpen
        configuration.maximumRetryAfter = .seconds(300)
        var bench = try Bench([.respond(response)], configuration)
        _ = try await bench.send()
        #expect(bench.breaker.admit(at: bench.clock.now) == .refused(retryAfter: .seconds(30)))
        #expect(bench.contract.violations.isEmpty)
        configuration.recognizesOverload = false
        bench = try Bench([.respond(response)], configuration)
        _ = try await bench.send()
        #expect(bench.breaker.state == .closed)
    }

    @Test func `a request is timed from its permit to the end of its exchange`() async throws {
        let configuration = CircuitBreakerConfiguration(
            failureRate: nil,
            minimumCalls: 1,
            slowCallRate: 1,
            slowCallDuration: .seconds(1)
        )
        let bench = try Bench([.status(200)], configuration)
        var context = CallContext(now: bench.clock.now)
        _ = try await bench.layer.send(InMemoryRequest(), context: &context)
        bench.clock.advance(by: .milliseconds(1_001))
        bench.layer.finish(&context, .completed)
        #expect(bench.breaker.metrics.slowCalls == 1 && bench.breaker.permit(at: bench.clock.now) == 0)
    }

    @Test(arguments: [false, true])
    func `a request that is cancelled on its way or at its body leaks no probe`(atBody: Bool) async throws {
        let configuration = CircuitBreakerConfiguration(initialState: .halfOpen)
        let step: InMemoryTransport.Step = atBody ? .status(200) : .respondAfter(.seconds(9), InMemoryResponse(200))
        let bench = try Bench([step, .status(200)], configuration)
        let task = Task {
            var context = CallContext(now: bench.clock.now)
            return try await bench.layer.withResponse(to: InMemoryRequest(), context: &context) { response in
                try await bench.clock.sleep(until: bench.clock.now.advanced(by: .seconds(9)))
                return response.statusCode
            }
        }
        await bench.clock.waitForSleepers()
        #expect(bench.breaker.metrics.probesOut == 1)
        task.cancel()
        await #expect(throws: CancellationError.self) { _ = try await task.value }
        #expect(bench.breaker.metrics.probesOut == 0 && bench.breaker.state == .halfOpen)
        #expect(try await bench.send() == 200)
        #expect(bench.breaker.state == .closed)
        #expect(bench.contract.violations.isEmpty)
    }

    @Test func `of two layers in a stack both count every request once`() async throws {
        let bench = try Bench([.status(200), .status(200), .status(500)])
        let outer = try CircuitBreaker(CircuitBreakerConfiguration(), clock: bench.clock)
        let stack = CircuitBreakerLayer(bench.layer, source: FixedPolicy(outer))
        for _ in 0..<3 {
            var context = CallContext(now: bench.clock.now)
            _ = try await stack.withResponse(to: InMemoryRequest(), context: &context) { $0.statusCode }
            #expect(context.heldPermits.isEmpty)
        }
        for breaker in [outer, bench.breaker] {
            #expect(breaker.metrics.calls == 3 && breaker.metrics.failures == 1)
        }
        #expect(bench.contract.violations.isEmpty)
    }

    @Test(arguments: [PolicyMode.observe, .disabled])
    func `a breaker that does not act lets every request pass`(mode: PolicyMode) async throws {
        let bench = try Bench([.status(503)], CircuitBreakerConfiguration(minimumCalls: 1, mode: mode))
        for _ in 0..<5 { #expect(try await bench.send() == 503) }
        #expect(bench.network.sent.count == 5)
        #expect(bench.breaker.metrics.refused == (mode == .observe ? 4 : 0))
        #expect(bench.contract.violations.isEmpty)
    }

    @Test func `without a breaker the layer is not there`() async throws {
        let contract = TransportContract(InMemoryTransport([.status(500)]))
        let layer = CircuitBreakerLayer(contract, source: FixedPolicy<CircuitBreaker>(nil))
        var context = CallContext(now: MeshInstant(nanoseconds: 1))
        let status = try await layer.withResponse(to: InMemoryRequest(), context: &context) { $0.statusCode }
        #expect(status == 500 && context.heldPermits.isEmpty && contract.violations.isEmpty)
    }
}
