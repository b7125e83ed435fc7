// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

/// Limits on one request's retries beside `maximumAttempts`: gRPC's ceiling, Kitex's ChainStop, Finagle's share.
@Suite struct RetryLimitsTests {
    private let clock = SteppingClock()

    private func send(
        _ network: InMemoryTransport,
        _ policy: RetryPolicy,
        budget: RetryBudget? = nil,
        request: InMemoryRequest = InMemoryRequest(),
        observers: ObserverSet = .none
    ) async throws -> Result<Int, MeshError> {
        let contract = TransportContract(network)
        let layer = RetryLayer(
            contract,
            source: FixedPolicy(try Retry(policy, budget: budget)),
            clock: clock,
            random: MeshRandom(seed: 1),
            observers: observers
        )
        defer { #expect(contract.violations.isEmpty) }
        var context = CallContext(now: clock.now)
        do {
            return .success(try await layer.withResponse(to: request, context: &context) { $0.statusCode })
        } catch let error as MeshError {
            return .failure(error)
        }
    }

    @Test func `row 98: gRPC clamps nine attempts to five, and without its ceiling there are nine`() async throws {
        let free = InMemoryTransport([.status(503)])
        _ = try await send(free, RetryPolicy(maximumAttempts: 9, conditions: .serverError, backoff: .none))
        #expect(free.sent.count == 9)
        let policy = RetryPolicy.grpc(
            maximumAttempts: 9,
            initialBackoff: .milliseconds(10),
            maximumBackoff: .milliseconds(20),
            backoffMultiplier: 2,
            conditions: .grpcUnavailable
        )
        let unavailable = InMemoryResponse(200, headers: ["grpc-status": "14"])
        let clamped = InMemoryTransport([.respond(unavailable)])
        _ = try await send(clamped, policy)
        #expect(clamped.sent.count == 5 && policy.effectiveAttempts == 5)
        // Row 75, in flight: bounded, and spread by a fifth to both sides.
        let bounds = [(8, 12), (16, 24), (16, 24), (16, 24)] as [(UInt64, UInt64)]
        #expect(clock.waits.count == 4)
        for (wait, bound) in zip(clock.waits, bounds) {
            #expect(wait >= .milliseconds(bound.0) && wait <= .milliseconds(bound.1))
        }
    }

    @Test(arguments: [
        (RetryPolicy.ChainStop.attemptCount, "x-envoy-attempt-count", "2", 1),
        (.attemptCount, "x-envoy-attempt-count", "1", 3), (.attemptCount, "x-envoy-attempt-count", "many", 3),
        (.attemptCount, "x-retry", "2", 3), (.header("x-retry"), "x-retry", "yes", 1),
        (.header("x-retry"), "x-envoy-attempt-count", "2", 3),
    ])
    func `row 99: a request that came in as a retry is not retried here`(
        chainStop: RetryPolicy.ChainStop,
        name: String,
        value: String,
        attempts: Int
    ) async throws {
        let policy = RetryPolicy(
            maximumAttempts: 3,
            conditions: .serverError,
            backoff: .none,
            chainStop: chainStop
        )
        let network = InMemoryTransport([.status(503)])
        let request = InMemoryRequest(headers: [(HeaderName(name), value)])
        _ = try await send(network, policy, request: request)
        #expect(network.sent.count == attempts)
        var off = policy
        off.chainStop = nil
        let unaware = InMemoryTransport([.status(503)])
        _ = try await send(unaware, off, request: request)
        #expect(unaware.sent.count == 3)
    }

    @Test func `row 99: our own retries are marked for those behind us`() async throws {
        let policy = RetryPolicy(maximumAttempts: 3, conditions: .serverError, backoff: .none, chainStop: .attemptCount)
        let network = InMemoryTransport([.status(503)])
        _ = try await send(network, policy)
        #expect(network.sent.map { $0.request.value(of: "x-envoy-attempt-count") } == [nil, "2", "3"])
    }

    private func requeueBudget() throws -> RetryBudget {
        try RetryBudget(RetryBudgetConfiguration(percent: 0, minimumPerSecond: 10, timeToLive: .seconds(1)))
    }

    private func exhaustions(_ observer: RecordingObserver) -> Int {
        observer.events.count { if case .retryBudgetExhausted = $0 { true } else { false } }
    }

    @Test func `row 88: a request may use up half of the balance, and its error is not retried further out`()
        async throws
    {
        let observer = RecordingObserver()
        let network = InMemoryTransport([.refuseConnection])
        let result = try await send(
            network,
            .requeue(share: 0.5),
            budget: requeueBudget(),
            observers: ObserverSet([observer])
        )
        #expect(network.sent.count == 1 + 5)
        guard case .failure(let error) = result else {
            Issue.record("\(result)")
            return
        }
        #expect(error.code == .retriesExhausted && error.reason == .budget)
        #expect((error.cause as? MeshError)?.code == .connectionFailed)
        #expect(exhaustions(observer) == 0)
        var outer = RetryStateMachine(RetryPolicy(conditions: RetryConditions(rawValue: .max)), startedAt: clock.now)
        let action = outer.attemptEnded(
            .error(error.code, error.requestState),
            isIdempotent: true,
            isReplayable: true,
            deadline: .never,
            at: clock.now,
            random: 0
        )
        #expect(action == .stop(.notRetriable))
    }

    @Test func `row 89: with a share above the balance the budget ends it`() async throws {
        let observer = RecordingObserver()
        let network = InMemoryTransport([.refuseConnection])
        let result = try await send(
            network,
            .requeue(share: 2),
            budget: requeueBudget(),
            observers: ObserverSet([observer])
        )
        #expect(network.sent.count == 1 + 10 && exhaustions(observer) == 1)
        guard case .failure(let error) = result else {
            Issue.record("\(result)")
            return
        }
        #expect(error.code == .retriesExhausted)
    }

    @Test func `row 90: a success needs no requeue, one failure one, and what always fails its share`() async throws {
        let budget = try requeueBudget()
        var requeues: [Int] = []
        for script in [[.status(200)], [.refuseConnection, .status(200)], [.refuseConnection]]
            as [[InMemoryTransport.Step]]
        {
            let network = InMemoryTransport(script)
            _ = try await send(network, .requeue(share: 0.5), budget: budget)
            requeues.append(network.sent.count - 1)
        }
        // The one requeue leaves nine; half of that, rounded up, is five.
        #expect(requeues == [0, 1, 5])
    }

    @Test func `no share of any balance is no number`() {
        for (share, balance) in [(0.0, Double.infinity), (1000, .infinity), (0.5, -3), (0, 0), (0.2, .nan)] {
            var machine = RetryStateMachine(
                .requeue(share: share),
                startedAt: clock.now,
                budgetBalance: balance
            )
            let action = machine.attemptEnded(
                .error(.connectionFailed, .notSent),
                isIdempotent: true,
                isReplayable: true,
                deadline: .never,
                at: clock.now,
                random: 0
            )
            #expect(action == (share == 1000 ? .retry(after: .zero) : .stop(.shareExhausted)))
        }
    }
}
