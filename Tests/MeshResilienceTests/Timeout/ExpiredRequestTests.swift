// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

/// Finagle's `DeadlineFilter`: at most a fifth of the requests of 10 s are refused.
@Suite struct ExpiredRequestTests {
    typealias Verdict = ExpiredRequestStateMachine.Verdict

    private let clock = SteppingClock()
    private var expired: Deadline { Deadline(MeshInstant(nanoseconds: clock.now.nanoseconds - 1_000_000)) }

    private func filter(
        _ configuration: ExpiredRequestConfiguration = ExpiredRequestConfiguration(),
        _ observers: ObserverSet = .none
    ) throws -> ExpiredRequestFilter {
        try ExpiredRequestFilter(configuration, name: "reviews", observers: observers, clock: clock)
    }

    /// Whether the filter serves each of so many requests that are late.
    private func serves(_ filter: ExpiredRequestFilter, late count: Int) -> [Bool] {
        (0..<count).map { _ in (try? filter.admit(deadline: expired)) != nil }
    }

    @Test func `row 109: after three requests a late one is served, after five it is refused`() throws {
        let three = try filter()
        for _ in 0..<3 { try three.admit(deadline: .never) }
        #expect(serves(three, late: 1) == [true])
        let five = try filter()
        for _ in 0..<5 { try five.admit(deadline: Deadline(.seconds(1), after: clock.now)) }
        #expect(serves(five, late: 1) == [false])
        // A refusal earns nothing: it takes five more that are served.
        for _ in 0..<4 { try five.admit(deadline: .never) }
        #expect(serves(five, late: 2) == [true, false])
    }

    @Test func `row 109: late requests that are served earn a refusal, too`() throws {
        #expect(
            try serves(filter(), late: 12) == [
                true, true, true, true, true, false, true, true, true, true, true, false,
            ]
        )
    }

    @Test func `row 110: what was earned is forgotten after its period`() throws {
        let filter = try filter()
        for _ in 0..<5 { try filter.admit(deadline: .never) }
        clock.advance(by: .seconds(11))
        #expect(serves(filter, late: 1) == [true])
    }

    @Test func `row 111: a server hears how much time is left, or by how much a request is late`() throws {
        let filter = try filter()
        let start = clock.now
        clock.advance(by: .seconds(1))
        let early = try filter.admit(deadline: Deadline(.milliseconds(1200), after: start))
        #expect(early == .inTime(remaining: .milliseconds(200)))
        let late = try filter.admit(deadline: Deadline(.milliseconds(200), after: start))
        #expect(late == .lateButServed(by: .milliseconds(800)))
        #expect(try filter.admit(deadline: .never) == .inTime(remaining: .forever))
    }

    @Test func `a refusal is a local error that no retry repeats, and somebody hears of it`() async throws {
        let observer = RecordingObserver()
        let filter = try filter(ExpiredRequestConfiguration(maximumShare: 1), ObserverSet([observer]))
        #expect(try await filter.run(deadline: .never) { 7 } == 7)
        let error = await #expect(throws: MeshError.self) {
            try await filter.run(deadline: expired) { Issue.record("it was run") }
        }
        #expect(error?.code == .deadlineExceeded && error?.origin == .local && error?.reason == .deadline)
        #expect(error?.localReply?.status == 504)
        #expect(ResponseClassifier.standard.outcome(error: error ?? CancellationError()) == .ignored)
        #expect(observer.decisions == [PolicyDecision(.timeout, name: "reviews", .refused, because: .deadline)])
    }

    @Test func `observing, it serves and says what it would refuse; disabled, it says nothing`() throws {
        let observer = RecordingObserver()
        let dark = try filter(ExpiredRequestConfiguration(mode: .observe), ObserverSet([observer]))
        #expect(serves(dark, late: 12).allSatisfy { $0 })
        #expect(observer.decisions.map(\.isEnforced) == [false, false])
        let off = try filter(ExpiredRequestConfiguration(maximumShare: 1, mode: .disabled), ObserverSet([observer]))
        #expect(serves(off, late: 12).allSatisfy { $0 })
        #expect(observer.decisions.count == 2)
    }

    @Test(arguments: [0.0, 0.1, 0.2, 0.5, 1])
    func `in a random walk no more than the share is refused`(share: Double) {
        let random = MeshRandom(seed: 6)
        let configuration = ExpiredRequestConfiguration(maximumShare: share)
        var machine = ExpiredRequestStateMachine(configuration)
        var now = clock.now
        var (served, refused) = (0, 0)
        for _ in 0..<100_000 {
            now = now.advanced(by: .milliseconds(random.below(20)))
            let isLate = random.below(3) > 0
            let deadline = isLate ? Deadline(MeshInstant(nanoseconds: now.nanoseconds - random.below(1000))) : .never
            switch machine.requestReceived(deadline: deadline, at: now) {
            case .inTime: served += 1
            case .lateButServed:
                #expect(isLate)
                served += 1
            case .refused:
                #expect(isLate)
                refused += 1
            }
            #expect(Double(refused) <= Double(served) * share + 1e-6)
        }
        #expect((refused > 0) == (share > 0))
    }

    @Test func `clocks that jump, stand still or end break nothing`() {
        var machine = ExpiredRequestStateMachine(ExpiredRequestConfiguration(maximumShare: 1))
        let instants = [0, .max, 0, 1 << 63, .max, .max, 5_184_000_000_000_000] as [UInt64]
        for instant in instants {
            let now = MeshInstant(nanoseconds: instant)
            #expect(machine.requestReceived(deadline: .never, at: now) == .inTime(remaining: .forever))
            if instant > 0 {
                let verdict = machine.requestReceived(deadline: Deadline(MeshInstant(nanoseconds: 0)), at: now)
                #expect(verdict == .refused(lateBy: Nanoseconds(rawValue: instant)))
            }
        }
    }

    @Test func `many requests at once are refused exactly as often as they have earned it`() async throws {
        let filter = try filter()
        let expired = expired
        let refused = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask { (0..<600).count { _ in (try? filter.admit(deadline: expired)) == nil } }
            }
            return await group.reduce(0, +)
        }
        // Five are served for each one that is refused.
        #expect(refused == 800)
    }

    @Test func `as a layer it keeps late requests from the wire`() async throws {
        let network = InMemoryTransport([.status(200)])
        let contract = TransportContract(network)
        let filter = try filter(ExpiredRequestConfiguration(maximumShare: 1))
        let layer = ExpiredRequestLayer(contract, source: FixedPolicy(filter))
        var context = CallContext(now: clock.now)
        _ = try await layer.withResponse(to: InMemoryRequest(), context: &context) { $0.statusCode }
        context.deadline = expired
        await #expect(throws: MeshError.self) { _ = try await layer.send(InMemoryRequest(), context: &context) }
        #expect(network.sent.count == 1 && context.openExchanges == 0 && contract.violations.isEmpty)
    }

    @Test func `every bound that is broken is named`() {
        let error = #expect(throws: ConfigurationError.self) {
            _ = try ExpiredRequestFilter(ExpiredRequestConfiguration(maximumShare: .nan, period: .zero))
        }
        #expect(error?.problems.map(\.path) == ["maximumShare", "period"])
        for share in [-0.1, 1.1, .infinity] {
            #expect(throws: ConfigurationError.self) {
                try ExpiredRequestConfiguration(maximumShare: share).validate()
            }
        }
        #expect(ExpiredRequestConfiguration().settings.map(\.name) == ["mode", "maximumShare", "period"])
    }
}
