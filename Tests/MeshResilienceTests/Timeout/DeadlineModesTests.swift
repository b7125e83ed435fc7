// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

/// Deadlines that act, that only watch, and that are off; and callers who have given up.
@Suite struct DeadlineModesTests {
    typealias Network = TransportContract<InMemoryTransport>

    private let clock = SteppingClock()

    /// Sends one request whose answer takes 2 s under a deadline of 1 s.
    private func send(
        _ mode: PolicyMode,
        _ scope: DeadlineLayer<Network, FixedPolicy<DeadlineConfiguration>>.Scope
    ) async -> (status: Int?, code: MeshError.Code?, decisions: [PolicyDecision]) {
        let observer = RecordingObserver()
        let contract = TransportContract(
            InMemoryTransport([.respondAfter(.seconds(2), InMemoryResponse(200))], clock: clock)
        )
        let layer = DeadlineLayer(
            contract,
            scope: scope,
            source: FixedPolicy(DeadlineConfiguration(timeout: .seconds(1), name: "reviews", mode: mode)),
            clock: clock,
            observers: ObserverSet([observer])
        )
        var context = CallContext(now: clock.now)
        var (status, code): (Int?, MeshError.Code?) = (nil, nil)
        do {
            status = try await layer.withResponse(to: InMemoryRequest(), context: &context) { $0.statusCode }
        } catch {
            code = (error as? MeshError)?.code
        }
        #expect(contract.violations.isEmpty && context.attemptDeadline == .never)
        #expect(context.deadline.isNever == (mode != .enforce || scope == .attempt))
        return (status, code, observer.decisions)
    }

    @Test func `enforced, it ends the request or the attempt, and says so once`() async {
        let expected = PolicyDecision(.timeout, name: "reviews", .timedOut, because: .deadline)
        let request = await send(.enforce, .request)
        #expect(request.code == .deadlineExceeded && request.decisions == [expected])
        let attempt = await send(.enforce, .attempt)
        #expect(attempt.code == .attemptTimeout && attempt.decisions == [expected])
    }

    @Test func `watching, it lets the answer pass and says that it would have been too late`() async {
        for scope in [DeadlineLayer<Network, FixedPolicy<DeadlineConfiguration>>.Scope.request, .attempt] {
            let (status, _, decisions) = await send(.observe, scope)
            #expect(status == 200)
            #expect(
                decisions == [
                    PolicyDecision(.timeout, name: "reviews", .timedOut, because: .deadline, isEnforced: false)
                ]
            )
        }
    }

    @Test func `disabled, it lets everything pass and says nothing`() async {
        let (status, _, decisions) = await send(.disabled, .request)
        #expect(status == 200 && decisions.isEmpty)
    }

    @Test func `a request that its caller's own deadline ends is not this layer's doing`() async {
        for scope in [DeadlineLayer<InMemoryTransport, FixedPolicy<DeadlineConfiguration>>.Scope.request, .attempt] {
            let observer = RecordingObserver()
            let layer = DeadlineLayer(
                InMemoryTransport([.respondAfter(.seconds(2), InMemoryResponse(200))], clock: clock),
                scope: scope,
                source: FixedPolicy(DeadlineConfiguration(timeout: .seconds(1))),
                clock: clock,
                observers: ObserverSet([observer])
            )
            var context = CallContext(now: clock.now, deadline: Deadline(.milliseconds(500), after: clock.now))
            let error = await #expect(throws: MeshError.self) {
                _ = try await layer.send(InMemoryRequest(), context: &context)
            }
            #expect(error?.code == .deadlineExceeded && observer.events.isEmpty)
        }
    }

    @Test func `an answer in time is no news`() async throws {
        for mode in PolicyMode.allCases {
            let observer = RecordingObserver()
            let layer = DeadlineLayer(
                InMemoryTransport([.respondAfter(.milliseconds(1), InMemoryResponse(200))], clock: clock),
                scope: .request,
                source: FixedPolicy(DeadlineConfiguration(timeout: .seconds(1), mode: mode)),
                clock: clock,
                observers: ObserverSet([observer])
            )
            var context = CallContext(now: clock.now)
            _ = try await layer.withResponse(to: InMemoryRequest(), context: &context) { $0.statusCode }
            #expect(observer.events.isEmpty)
        }
    }

    @Test(arguments: PolicyMode.allCases)
    func `row 108: a caller who has given up gets its cancellation, and no time-out`(mode: PolicyMode) async {
        let clock = ManualClock()
        let observer = RecordingObserver()
        let layer = DeadlineLayer(
            InMemoryTransport([.respondAfter(.seconds(2), InMemoryResponse(200))], clock: clock),
            scope: .attempt,
            source: FixedPolicy(DeadlineConfiguration(timeout: .seconds(1), mode: mode)),
            clock: clock,
            observers: ObserverSet([observer])
        )
        // Before the call, and during it.
        for isEarly in [true, false] {
            await withTaskGroup(of: Void.self) { group in
                if isEarly { group.cancelAll() }
                group.addTask {
                    var context = CallContext(now: clock.now)
                    await #expect(throws: CancellationError.self) {
                        _ = try await layer.send(InMemoryRequest(), context: &context)
                    }
                    #expect(context.openExchanges == 0 && context.attemptDeadline == .never)
                }
                if !isEarly {
                    await clock.waitForSleepers()
                    group.cancelAll()
                }
            }
        }
        #expect(observer.events.isEmpty)
    }

    @Test func `a time-out of nothing is refused`() {
        let error = #expect(throws: ConfigurationError.self) { try DeadlineConfiguration(timeout: .zero).validate() }
        #expect(error?.problems.map(\.path) == ["timeout"])
        #expect(DeadlineConfiguration(timeout: .seconds(1)).settings.map(\.name) == ["mode", "timeout"])
    }
}
