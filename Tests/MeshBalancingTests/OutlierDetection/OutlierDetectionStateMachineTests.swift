// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore
import Testing

@Suite struct OutlierDetectionStateMachineTests {
    private typealias Consequence = OutlierDetectionStateMachine.Finding.Consequence

    private let start = MeshInstant(nanoseconds: 1_000_000_000)

    private func address(_ number: UInt64) -> EndpointAddress {
        EndpointAddress(host: "e", port: UInt16(number + 1))
    }

    private func machine(
        percent: UInt32 = 100,
        cap: Nanoseconds = .seconds(300),
        _ change: (inout OutlierDetection) -> Void = { _ in }
    ) -> OutlierDetectionStateMachine {
        var configuration = OutlierDetection(maximumEjectionTime: cap, maximumEjectionPercent: percent)
        change(&configuration)
        return OutlierDetectionStateMachine(configuration, at: start)
    }

    /// When an endpoint's ejection for failures in a row ends, if it follows.
    private func eject(
        _ number: UInt64,
        of count: Int,
        in machine: inout OutlierDetectionStateMachine,
        at now: MeshInstant
    ) -> MeshInstant? {
        let action = machine.streakReached(
            .consecutiveFailures,
            address(number),
            endpointCount: count,
            at: now,
            random: { 0 }
        )
        guard case .ejected(let until)? = action.findings.first?.consequence else { return nil }
        return until
    }

    // Envoy's test: 100·(ejected + 1) / hosts must stay within the limit, or, if so configured, be the first.
    static let caps: [(endpoints: Int, percent: UInt32, ejected: Int, evenOne: Int)] = [
        (10, 10, 1, 1), (10, 19, 1, 1), (10, 20, 2, 2), (2, 10, 0, 1), (2, 50, 1, 1), (2, 100, 2, 2), (3, 34, 1, 1),
        (3, 33, 0, 1), (5, 0, 0, 1),
    ]

    @Test(arguments: caps)
    func `no more endpoints are ejected than the share allows`(
        endpoints: Int,
        percent: UInt32,
        ejected: Int,
        evenOne: Int
    ) {
        for (always, expected) in [(false, ejected), (true, evenOne)] {
            var machine = machine(percent: percent) { $0.alwaysEjectsOneEndpoint = always }
            for number in 0..<UInt64(endpoints) { _ = eject(number, of: endpoints, in: &machine, at: start) }
            #expect(machine.ejectedCount == expected)
        }
    }

    // gRFC A50: there are ejections until the share has reached the limit, and so at least one.
    @Test(arguments: [(10, 10, 1), (10, 11, 2), (2, 10, 1), (2, 50, 1), (2, 51, 2), (5, 0, 0)] as [(Int, UInt32, Int)])
    func `gRPC's share is looked at before an ejection`(endpoints: Int, percent: UInt32, ejected: Int) {
        var machine = machine(percent: percent) { $0.mode = .grpc }
        for number in 0..<UInt64(endpoints) { _ = eject(number, of: endpoints, in: &machine, at: start) }
        #expect(machine.ejectedCount == ejected)
    }

    /// Ends an interval in which every request to some endpoints failed.
    private func endInterval(
        of machine: inout OutlierDetectionStateMachine,
        failing: [UInt64],
        seconds: UInt64
    ) -> OutlierDetectionStateMachine.Action {
        let now = start.advanced(by: .seconds(seconds))
        let samples = [UInt64(0), 1].map { number in
            let rate = OutlierDetectionStateMachine.Rate(total: 10, failures: failing.contains(number) ? 10 : 0)
            return OutlierDetectionStateMachine.Sample(address(number), answers: rate)
        }
        return machine.timePassed(at: now, samples, random: { 0 })
    }

    private static func judgesFailures(_ mode: OutlierDetection.Mode) -> (inout OutlierDetection) -> Void {
        { configuration in
            configuration.mode = mode
            configuration.successRate = nil
            configuration.failurePercentage = .init(minimumEndpoints: 1, requestVolume: 1, enforcing: 100)
        }
    }

    // Envoy forgives an interval and then ejects, gRFC A50 has it the other way round.
    @Test(arguments: [(OutlierDetection.Mode.envoy, 30), (.grpc, 60)] as [(OutlierDetection.Mode, UInt64)])
    func `who fails at once when it is back is gone for longer by gRPC's rules`(
        mode: OutlierDetection.Mode,
        seconds: UInt64
    ) {
        var machine = machine(Self.judgesFailures(mode))
        #expect(endInterval(of: &machine, failing: [0], seconds: 10).findings.count == 1)
        #expect(endInterval(of: &machine, failing: [], seconds: 40).returned == [address(0)])
        let findings = endInterval(of: &machine, failing: [0], seconds: 50).findings
        #expect(findings.map(\.consequence) == [.ejected(until: start.advanced(by: .seconds(50 + seconds)))])
    }

    @Test func `who is about to return still counts by gRPC's rules`() {
        var consequences: [[Consequence]] = []
        for mode in [OutlierDetection.Mode.envoy, .grpc] {
            var machine = machine(percent: 50, Self.judgesFailures(mode))
            _ = endInterval(of: &machine, failing: [0], seconds: 10)
            let action = endInterval(of: &machine, failing: [1], seconds: 40)
            #expect(action.returned == [address(0)])
            consequences.append(action.findings.map(\.consequence))
        }
        #expect(consequences == [[.ejected(until: start.advanced(by: .seconds(70)))], [.overLimit]])
    }

    @Test func `an ejection grows with each one, to its bound`() {
        var machine = machine(cap: .seconds(100))
        var now = start
        let lengths = (0..<5).map { _ in
            let until = eject(0, of: 1, in: &machine, at: now) ?? now
            defer { now = until }
            return until.elapsed(since: now)
        }
        #expect(lengths == [.seconds(30), .seconds(60), .seconds(90), .seconds(100), .seconds(100)])
    }

    @Test func `an ejection ends with an interval`() {
        var machine = machine()
        let now = start.advanced(by: .milliseconds(1_500))
        #expect(eject(0, of: 1, in: &machine, at: now) == start.advanced(by: .seconds(40)))
    }

    // Envoy draws it in whole milliseconds, from 0 to the bound.
    @Test func `what is drawn is added`() {
        var machine = machine { $0.maximumEjectionTimeJitter = .seconds(20) }
        let action = machine.streakReached(.consecutiveFailures, address(0), endpointCount: 1, at: start) {
            20_000 + 20_001
        }
        #expect(action.findings.first?.consequence == .ejected(until: start.advanced(by: .seconds(50))))
    }

    @Test func `a rule that is enforced in three of ten cases ejects in these`() {
        var machine = machine { $0.consecutiveFailures = .init(5, enforcing: 30) }
        var number: UInt64 = 0
        for index in 0..<1000 as Range<UInt64> {
            let address = EndpointAddress(host: "h\(index)", port: 1)
            _ = machine.streakReached(.consecutiveFailures, address, endpointCount: 1000, at: start) {
                defer { number += 1 }
                return number
            }
        }
        #expect(machine.ejectedCount == 300)
    }

    @Test func `who is ejected is not ejected again`() {
        var machine = machine()
        #expect(eject(0, of: 2, in: &machine, at: start) != nil)
        #expect(eject(0, of: 2, in: &machine, at: start) == nil)
    }

    @Test func `it returns when its time is over, and is told of once`() {
        var machine = machine()
        _ = eject(0, of: 1, in: &machine, at: start)
        func returned(after span: Nanoseconds) -> [EndpointAddress] {
            machine.timePassed(at: start.advanced(by: span), [], random: { 0 }).returned
        }
        #expect(returned(after: .milliseconds(29_999)).isEmpty)
        #expect(returned(after: .seconds(30)) == [address(0)])
        #expect(returned(after: .seconds(41)).isEmpty)
        #expect(machine.ejectedCount == 0)
    }

    @Test func `a return that a failure finds before the interval does is told of too`() {
        var machine = machine()
        _ = eject(0, of: 2, in: &machine, at: start)
        let now = start.advanced(by: .seconds(30))
        let action = machine.streakReached(.consecutiveFailures, address(1), endpointCount: 2, at: now, random: { 0 })
        #expect(action.returned == [address(0)])
        #expect(action.findings.count == 1)
    }

    @Test func `each interval without an ejection forgives one`() {
        var machine = machine()
        var now = start
        for _ in 0..<3 { now = eject(0, of: 1, in: &machine, at: now) ?? now }
        // Three ejections, the last over: after two healthy intervals the next lasts as long as the second did.
        now = now.advanced(by: .seconds(20))
        #expect(eject(0, of: 1, in: &machine, at: now) == now.advanced(by: .seconds(60)))
    }

    @Test func `who is gone is forgotten`() {
        var machine = machine(percent: 50)
        _ = eject(0, of: 2, in: &machine, at: start)
        machine.endpointsChanged([address(1), address(2)])
        #expect(machine.ejectedCount == 0)
        #expect(eject(1, of: 2, in: &machine, at: start) != nil)
    }

    @Test(arguments: [OutlierDetection.Mode.envoy, .grpc]) func `extremes do not overflow`(mode: OutlierDetection.Mode)
    {
        var machine = machine {
            $0.mode = mode
            $0.interval = .forever
            $0.baseEjectionTime = .forever
            $0.maximumEjectionTime = .forever
            $0.maximumEjectionTimeJitter = .forever
        }
        _ = eject(0, of: 1, in: &machine, at: MeshInstant(nanoseconds: .max - 1))
        let action = machine.timePassed(at: MeshInstant(nanoseconds: .max), [], random: { .max })
        #expect(action.returned == [address(0)])
        _ = eject(0, of: 1, in: &machine, at: MeshInstant(nanoseconds: .max))
        var fast = self.machine { $0.interval = .zero }
        _ = eject(0, of: 1, in: &fast, at: start)
        #expect(fast.timePassed(at: MeshInstant(nanoseconds: .max), [], random: { 0 }).returned == [address(0)])
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `in a random walk the share, the times and the returns hold`(seed: UInt64) {
        let random = MeshRandom(seed: seed)
        var machine = machine(percent: 40, cap: .seconds(120))
        var now = start
        var ejected: Set<EndpointAddress> = []
        func follow(_ action: OutlierDetectionStateMachine.Action) {
            #expect(ejected.isSuperset(of: action.returned))
            ejected.subtract(action.returned)
            for case .ejected(let until) in action.findings.map(\.consequence) {
                let length = until.elapsed(since: now)
                #expect(length >= .seconds(30) && length <= .seconds(130))
            }
            for finding in action.findings {
                guard case .ejected = finding.consequence else { continue }
                #expect(ejected.insert(finding.address).inserted)
            }
        }
        for _ in 0..<100_000 {
            now = now.advanced(by: .milliseconds(random.below(5_000)))
            if random.below(4) == 0 {
                let samples = (0..<10 as Range<UInt64>).map { number in
                    let total = random.below(300)
                    let rate = OutlierDetectionStateMachine.Rate(total: total, failures: random.below(total + 1))
                    return OutlierDetectionStateMachine.Sample(address(number), answers: rate, localOrigin: rate)
                }
                follow(machine.timePassed(at: now, samples, random: random.next))
            } else {
                let address = address(random.below(10))
                follow(
                    machine.streakReached(
                        .consecutiveFailures,
                        address,
                        endpointCount: 10,
                        at: now,
                        random: random.next
                    )
                )
            }
            #expect(machine.ejectedCount == ejected.count && ejected.count <= 4)
        }
    }
}
