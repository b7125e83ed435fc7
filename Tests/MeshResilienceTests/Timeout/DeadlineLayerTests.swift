// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct DeadlineLayerTests {
    private let clock = ManualClock()

    private func send(
        scope: DeadlineLayer<InMemoryTransport, FixedPolicy<Nanoseconds>>.Scope,
        timeout: Nanoseconds?,
        deadline: Nanoseconds,
        answersAfter: Nanoseconds
    ) async -> (error: MeshError?, sent: InMemoryTransport.Sent?, deadlineAfter: Deadline) {
        let clock = clock
        let network = InMemoryTransport([.respondAfter(answersAfter, InMemoryResponse(200))], clock: clock)
        let layer = DeadlineLayer(network, scope: scope, source: FixedPolicy(timeout), clock: clock)
        return await withTaskGroup(of: (MeshError?, Deadline)?.self) { group in
            group.addTask {
                var context = CallContext(now: clock.now, deadline: Deadline(deadline, after: clock.now))
                do {
                    _ = try await layer.send(InMemoryRequest(), context: &context)
                    layer.finish(&context, .completed)
                    return (nil, context.deadline)
                } catch {
                    return (error as? MeshError, context.deadline)
                }
            }
            group.addTask {
                await clock.waitForSleepers()
                clock.advance(by: .seconds(3600))
                return nil
            }
            var outcome: (MeshError?, Deadline)?
            for await next in group { outcome = next ?? outcome }
            return (outcome?.0, network.sent.first, outcome?.1 ?? .never)
        }
    }

    @Test func `the shorter of both deadlines goes down`() async {
        let start = clock.now
        let shorter = await send(
            scope: .request,
            timeout: .seconds(1),
            deadline: .seconds(9),
            answersAfter: .milliseconds(1)
        )
        #expect(shorter.sent?.deadline == Deadline(.seconds(1), after: start))
        #expect(shorter.error == nil)
    }

    @Test func `a timeout never extends the caller's deadline`() async {
        let start = clock.now
        let longer = await send(
            scope: .request,
            timeout: .seconds(9),
            deadline: .seconds(1),
            answersAfter: .seconds(2)
        )
        #expect(longer.sent?.deadline == Deadline(.seconds(1), after: start))
        #expect(longer.error?.code == .deadlineExceeded)
    }

    @Test func `a policy that is absent changes nothing`() async {
        let start = clock.now
        let absent = await send(scope: .attempt, timeout: nil, deadline: .seconds(4), answersAfter: .seconds(1))
        #expect(absent.sent?.deadline == Deadline(.seconds(4), after: start))
    }

    @Test func `an extreme timeout is no deadline`() async {
        let forever = await send(
            scope: .request,
            timeout: .forever,
            deadline: .forever,
            answersAfter: .milliseconds(1)
        )
        #expect(forever.sent?.deadline == .never)
    }
}

@Suite struct AttemptTimeoutTests {
    private let network = InMemoryTransport { sent, _ in
        .fail(MeshError(.deadlineExceeded, origin: .upstream, requestState: .maybeSent, message: "late"))
    }

    private func send(at now: MeshInstant, deadline: Deadline) async -> (MeshError?, Deadline) {
        let layer = DeadlineLayer(
            network,
            scope: .attempt,
            source: FixedPolicy(Nanoseconds.seconds(1)),
            clock: ManualClock(start: now)
        )
        var context = CallContext(now: now, deadline: deadline)
        let error = await #expect(throws: MeshError.self) {
            _ = try await layer.send(InMemoryRequest(), context: &context)
        }
        return (error, context.deadline)
    }

    @Test func `an attempt that takes too long is a timeout of the attempt, and the request goes on`() async {
        let now = MeshInstant(nanoseconds: 5_000_000_000)
        let request = Deadline(.seconds(10), after: now)
        let (error, deadline) = await send(at: now, deadline: request)
        #expect(error?.code == .attemptTimeout)
        #expect(deadline == request)
    }

    @Test func `each attempt has its own deadline, beside the request's, which stays as it is`() async throws {
        let clock = ManualClock()
        let start = clock.now
        let network = InMemoryTransport(clock: clock) { _, _ in
            clock.advance(by: .milliseconds(200))
            return .status(200)
        }
        let layer = DeadlineLayer(
            network,
            scope: .attempt,
            source: FixedPolicy(Nanoseconds.seconds(1)),
            clock: clock
        )
        let request = Deadline(.milliseconds(1500), after: start)
        var context = CallContext(now: start, deadline: request)
        for _ in 0..<4 {
            _ = try await layer.send(InMemoryRequest(), context: &context)
            #expect(context.deadline == request)
            #expect(context.attemptDeadline == .never)
            layer.finish(&context, .completed)
        }
        #expect(network.sent.allSatisfy { $0.deadline == request })
        let milliseconds: [UInt64] = [1000, 1200, 1400, 1500]
        let expected = milliseconds.map { Deadline(.milliseconds($0), after: start) }
        #expect(network.sent.map(\.headDeadline) == expected)
    }

    @Test func `a head that is too late for its attempt ends it, with time left for the request`() async {
        let clock = ManualClock()
        let layer = DeadlineLayer(
            InMemoryTransport([.respondAfter(.seconds(2), InMemoryResponse(200))], clock: clock),
            scope: .attempt,
            source: FixedPolicy(Nanoseconds.seconds(1)),
            clock: clock
        )
        let error = await withTaskGroup(of: MeshError?.self) { group in
            group.addTask {
                var context = CallContext(now: clock.now, deadline: Deadline(.seconds(10), after: clock.now))
                let error = await #expect(throws: MeshError.self) {
                    _ = try await layer.send(InMemoryRequest(), context: &context)
                }
                #expect(context.attemptDeadline == .never)
                return error
            }
            await clock.waitForSleepers()
            clock.advance(by: .seconds(1))
            return await group.next() ?? nil
        }
        #expect(error?.code == .attemptTimeout)
        #expect(error?.requestState == .maybeSent)
    }

    @Test func `when the request's own deadline has passed it is no timeout of the attempt`() async {
        let now = MeshInstant(nanoseconds: 5_000_000_000)
        let (error, _) = await send(at: now, deadline: Deadline(now))
        #expect(error?.code == .deadlineExceeded)
    }

    @Test func `an attempt that fails otherwise gives the request its deadline back`() async {
        let now = MeshInstant(nanoseconds: 5_000_000_000)
        let request = Deadline(.seconds(10), after: now)
        let layer = DeadlineLayer(
            InMemoryTransport([.closeConnection]),
            scope: .attempt,
            source: FixedPolicy(Nanoseconds.seconds(1)),
            clock: ManualClock(start: now)
        )
        var context = CallContext(now: now, deadline: request)
        let error = await #expect(throws: MeshError.self) {
            _ = try await layer.send(InMemoryRequest(), context: &context)
        }
        #expect(error?.code == .connectionClosed && context.deadline == request)
    }
}
