// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct RetryLayerTests {
    private let clock = ManualClock()
    // A back-off that is always zero: nothing waits, so that no test has to advance the clock.
    private static let atOnce = Backoff(base: Nanoseconds(rawValue: 1), maximum: Nanoseconds(rawValue: 1))

    private static func retry(_ policy: RetryPolicy, _ budget: RetryBudget?) -> Retry? {
        try? Retry(policy, budget: budget, name: "reviews")
    }

    /// Sends one request through retries over a network, and checks the contract.
    private func send(
        _ script: [InMemoryTransport.Step],
        _ policy: RetryPolicy,
        budget: RetryBudget? = nil,
        request: InMemoryRequest = InMemoryRequest(),
        observers: ObserverSet = .none
    ) async -> (result: Result<Int, any Error>, network: InMemoryTransport, context: CallContext) {
        let network = InMemoryTransport(script, clock: clock)
        let contract = TransportContract(network)
        let layer = RetryLayer(
            contract,
            source: FixedPolicy(Self.retry(policy, budget)),
            clock: clock,
            random: MeshRandom(seed: 1),
            observers: observers
        )
        var context = CallContext(now: clock.now)
        context.endpoint = Endpoint(address: EndpointAddress(host: "a", port: 1))
        let result: Result<Int, any Error>
        do {
            result = .success(try await layer.withResponse(to: request, context: &context) { $0.statusCode })
        } catch {
            result = .failure(error)
        }
        #expect(contract.violations.isEmpty)
        #expect(context.openExchanges == 0)
        return (result, network, context)
    }

    private func error(_ result: Result<Int, any Error>) -> MeshError? {
        if case .failure(let error) = result { error as? MeshError } else { nil }
    }

    @Test func `a failed answer is discarded and the next one returned`() async throws {
        let policy = RetryPolicy(maximumAttempts: 3, conditions: .serverError, backoff: Self.atOnce)
        let (result, network, context) = await send([.status(503), .refuseConnection, .status(200)], policy)
        #expect(try result.get() == 200)
        #expect(network.sent.map(\.attempt) == [1, 2, 3])
        #expect(context.attemptedEndpoints.count == 2)
        guard case .discarded = network.endings[0], case .completed = network.endings[1] else {
            Issue.record("\(network.endings)")
            return
        }
    }

    @Test func `the last failed answer goes to the caller as it is`() async throws {
        let policy = RetryPolicy(maximumAttempts: 2, conditions: .serverError, backoff: Self.atOnce)
        let (result, network, _) = await send([.status(500), .status(503)], policy)
        #expect(try result.get() == 503)
        #expect(network.sent.count == 2)
    }

    @Test func `when every attempt failed the error says so and keeps the last cause`() async {
        let policy = RetryPolicy(maximumAttempts: 3, conditions: .connectFailure, backoff: Self.atOnce)
        let (result, network, _) = await send([.refuseConnection], policy)
        let failure = error(result)
        #expect(network.sent.count == 3)
        #expect(failure?.code == .retriesExhausted && failure?.attempt == 3)
        #expect((failure?.cause as? MeshError)?.code == .connectionFailed)
    }

    @Test func `a POST is sent again if it never left, and not if it may have arrived`() async {
        let policy = RetryPolicy(conditions: [.serverError, .connectFailure], backoff: Self.atOnce)
        let post = InMemoryRequest(method: "POST")
        let unsent = await send([.refuseConnection, .status(200)], policy, request: post)
        #expect(unsent.network.sent.count == 2)
        let maybeSent = await send([.closeConnection, .status(200)], policy, request: post)
        #expect(maybeSent.network.sent.count == 1)
        #expect(error(maybeSent.result)?.code == .connectionClosed)
        let answered = await send([.status(503), .status(200)], policy, request: post)
        #expect(answered.network.sent.count == 1)
    }

    @Test func `a body that cannot be replayed is sent once`() async {
        let policy = RetryPolicy(conditions: .serverError, backoff: Self.atOnce, replay: .always)
        let (_, network, _) = await send([.status(503)], policy, request: InMemoryRequest(isReplayable: false))
        #expect(network.sent.count == 1)
    }

    @Test func `a gRPC status in the headers is a failure too`() async throws {
        let policy = RetryPolicy(conditions: .grpcUnavailable, backoff: Self.atOnce)
        let unavailable = InMemoryResponse(200, headers: ["grpc-status": "14"])
        let (_, network, _) = await send([.respond(unavailable), .status(200)], policy)
        #expect(network.sent.count == 2)
        let fine = InMemoryResponse(200, headers: ["grpc-status": "0"])
        #expect(await send([.respond(fine)], policy).network.sent.count == 1)
    }

    @Test func `a header of the answer that the policy names is retried, whatever the status`() async throws {
        var policy = RetryPolicy(conditions: .retriableHeaders, backoff: Self.atOnce)
        policy.retriableHeaders = [HeaderMatcher("x-again", .value(StringMatcher(.exact("yes"))))]
        let asked = InMemoryTransport.Step.respond(InMemoryResponse(200, headers: ["x-again": "yes"]))
        let other = InMemoryTransport.Step.respond(InMemoryResponse(503, headers: ["x-again": "no"]))
        #expect(await send([asked, .status(200)], policy).network.sent.count == 2)
        #expect(await send([other, .status(200)], policy).network.sent.count == 1)
        policy.conditions = .grpcCancelled
        #expect(await send([asked, .status(200)], policy).network.sent.count == 1)
    }

    @Test func `only requests with a header that the policy names are sent again`() async throws {
        var policy = RetryPolicy(conditions: .serverError, backoff: Self.atOnce)
        policy.retriableRequestHeaders = [
            HeaderMatcher("x-safe", .present(true)), HeaderMatcher("x-b", .present(true)),
        ]
        let named = InMemoryRequest(headers: [(name: "x-b", value: "1")])
        #expect(await send([.status(503), .status(200)], policy, request: named).network.sent.count == 2)
        #expect(await send([.status(503), .status(200)], policy).network.sent.count == 1)
    }

    @Test func `an empty budget refuses the retry, and somebody hears of it`() async throws {
        let observer = RecordingObserver()
        let budget = try RetryBudget(RetryBudgetConfiguration(percent: 0, minimumPerSecond: 1, timeToLive: .seconds(1)))
        let policy = RetryPolicy(maximumAttempts: 5, conditions: .serverError, backoff: Self.atOnce)
        let (result, network, _) = await send(
            [.status(503)],
            policy,
            budget: budget,
            observers: ObserverSet([observer])
        )
        #expect(try result.get() == 503)
        #expect(network.sent.count == 2)
        #expect(observer.decisions.map(\.action) == [.retried, .refused])
        #expect(observer.decisions.map(\.reason) == [.failure, .budget])
        #expect(observer.decisions.allSatisfy { $0.name == "reviews" && $0.policy == .retry && $0.isEnforced })
    }

    @Test(arguments: [InMemoryTransport.Step.status(503), .refuseConnection])
    func `an empty budget is reported under its cluster's name`(step: InMemoryTransport.Step) async throws {
        let observer = RecordingObserver()
        let configuration = RetryBudgetConfiguration(percent: 0, minimumPerSecond: 1, timeToLive: .seconds(1))
        let policy = RetryPolicy(
            maximumAttempts: 5,
            conditions: [.serverError, .connectFailure],
            backoff: Self.atOnce
        )
        _ = await send(
            [step],
            policy,
            budget: try RetryBudget(configuration, cluster: "reviews-v1"),
            observers: ObserverSet([observer])
        )
        let clusters = observer.events.compactMap { event -> String? in
            if case .retryBudgetExhausted(let cluster) = event { cluster } else { nil }
        }
        #expect(clusters == ["reviews-v1"])
    }

    @Test func `ten always failing requests share the budget's retries`() async throws {
        let budget = try RetryBudget(
            RetryBudgetConfiguration(percent: 50, minimumPerSecond: 0, timeToLive: .seconds(10))
        )
        let policy = RetryPolicy(maximumAttempts: 5, conditions: .serverError, backoff: Self.atOnce)
        var attempts = 0
        for _ in 0..<10 { attempts += await send([.status(503)], policy, budget: budget).network.sent.count }
        #expect(attempts == 15)
    }

    @Test func `without a policy the layer only numbers the attempt`() async throws {
        let network = InMemoryTransport([.status(503)], clock: clock)
        let layer = RetryLayer(network, source: FixedPolicy<Retry>(nil), clock: clock, random: MeshRandom(seed: 1))
        var context = CallContext(now: clock.now)
        let status = try await layer.withResponse(to: InMemoryRequest(), context: &context) { $0.statusCode }
        #expect(status == 503 && network.sent.map(\.attempt) == [1])
    }

    @Test func `a caller that gives up during the wait gets its cancellation, and nothing stays open`() async {
        let network = InMemoryTransport([.status(503)], clock: clock)
        let contract = TransportContract(network)
        let policy = RetryPolicy(conditions: .serverError, backoff: Backoff(base: .seconds(1)))
        let layer = RetryLayer(
            contract,
            source: FixedPolicy(Self.retry(policy, nil)),
            clock: clock,
            random: MeshRandom(seed: 1)
        )
        let clock = clock
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
        #expect(network.sent.count == 1 && contract.violations.isEmpty)
    }

    @Test func `a retry is judged by the request's deadline, not by what an attempt's timeout left of it`() async throws
    {
        let clock = clock
        let network = InMemoryTransport(clock: clock) { _, number in
            // The answer comes after the attempt's deadline, as it may: the deadline is the transport's to enforce.
            clock.advance(by: .milliseconds(2))
            return .status(number == 0 ? 503 : 200)
        }
        let attempt = DeadlineLayer(
            network,
            scope: .attempt,
            source: FixedPolicy(Nanoseconds.milliseconds(1)),
            clock: clock
        )
        let policy = RetryPolicy(conditions: .serverError, backoff: Self.atOnce)
        let layer = RetryLayer(
            attempt,
            source: FixedPolicy(Self.retry(policy, nil)),
            clock: clock,
            random: MeshRandom(seed: 1)
        )
        var context = CallContext(now: clock.now, deadline: Deadline(.seconds(10), after: clock.now))
        let status = try await layer.withResponse(to: InMemoryRequest(), context: &context) { $0.statusCode }
        #expect(status == 200)
        #expect(network.sent.map(\.attempt) == [1, 2])
    }

    @Test func `five hundred random scripts leave no exchange open`() async {
        let random = MeshRandom(seed: 11)
        let steps: [InMemoryTransport.Step] = [
            .status(200), .status(503), .status(404), .refuseConnection, .closeConnection,
        ]
        for _ in 0..<500 {
            let script = (0..<5).map { _ in steps[Int(random.below(5))] }
            let policy = RetryPolicy(
                maximumAttempts: Int(random.below(5)) + 1,
                conditions: [.serverError],
                backoff: Self.atOnce
            )
            let (_, network, _) = await send(script, policy)
            #expect(network.openExchanges == 0)
        }
    }
}
