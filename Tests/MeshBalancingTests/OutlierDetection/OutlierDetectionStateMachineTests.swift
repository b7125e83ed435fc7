// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore
import Testing

@Suite struct OutlierDetectionStateMachineTests {
    private let start = MeshInstant(nanoseconds: 1_000_000_000)

    private func address(_ number: UInt64) -> EndpointAddress {
        EndpointAddress(host: "e", port: UInt16(number + 1))
    }

    private func machine(percent: UInt32 = 100, cap: Nanoseconds = .seconds(300)) -> OutlierDetectionStateMachine {
        OutlierDetectionStateMachine(
            OutlierDetection(maximumEjectionTime: cap, maximumEjectionPercent: percent)
        )
    }

    // Envoy's test: 100·(ejected + 1) / hosts must stay within the limit.
    static let caps: [(endpoints: Int, percent: UInt32, ejected: Int)] = [
        (10, 10, 1), (10, 19, 1), (10, 20, 2), (2, 10, 0), (2, 50, 1), (2, 100, 2), (3, 34, 1), (3, 33, 0), (5, 0, 0),
    ]

    @Test(arguments: caps)
    func `no more endpoints are ejected than the share allows`(endpoints: Int, percent: UInt32, ejected: Int) {
        var machine = machine(percent: percent)
        for number in 0..<UInt64(endpoints) {
            _ = machine.failuresReached(address(number), endpointCount: endpoints, at: start)
        }
        #expect(machine.ejectedCount == ejected)
    }

    @Test func `an ejection grows with each one, to its bound`() {
        var machine = machine(cap: .seconds(100))
        var now = start
        let lengths = (0..<5).map { _ in
            let until = machine.failuresReached(address(0), endpointCount: 1, at: now).ejectedUntil ?? now
            defer { now = until }
            return until.elapsed(since: now)
        }
        #expect(lengths == [.seconds(30), .seconds(60), .seconds(90), .seconds(100), .seconds(100)])
    }

    @Test func `who is ejected is not ejected again`() {
        var machine = machine()
        #expect(machine.failuresReached(address(0), endpointCount: 2, at: start).ejectedUntil != nil)
        #expect(machine.failuresReached(address(0), endpointCount: 2, at: start).ejectedUntil == nil)
    }

    @Test func `it returns when its time is over, and is told of once`() {
        var machine = machine()
        _ = machine.failuresReached(address(0), endpointCount: 1, at: start)
        #expect(machine.intervalPassed(at: start.advanced(by: .milliseconds(29_999))).isEmpty)
        #expect(machine.intervalPassed(at: start.advanced(by: .seconds(30))) == [address(0)])
        #expect(machine.intervalPassed(at: start.advanced(by: .seconds(31))).isEmpty)
        #expect(machine.ejectedCount == 0)
    }

    @Test func `a return that a failure finds before the sweep does is told of too`() {
        var machine = machine()
        _ = machine.failuresReached(address(0), endpointCount: 2, at: start)
        let action = machine.failuresReached(address(1), endpointCount: 2, at: start.advanced(by: .seconds(30)))
        #expect(action.returned == [address(0)])
        #expect(action.ejectedUntil != nil)
    }

    @Test func `each interval without an ejection forgives one`() {
        var machine = machine()
        var now = start
        for _ in 0..<3 {
            now = machine.failuresReached(address(0), endpointCount: 1, at: now).ejectedUntil ?? now
        }
        // Three ejections, the last over: after two healthy intervals the next lasts as long as the second did.
        now = now.advanced(by: .seconds(20))
        let until = machine.failuresReached(address(0), endpointCount: 1, at: now).ejectedUntil
        #expect(until == now.advanced(by: .seconds(60)))
    }

    @Test func `who is gone is forgotten`() {
        var machine = machine(percent: 50)
        _ = machine.failuresReached(address(0), endpointCount: 2, at: start)
        machine.endpointsChanged([address(1), address(2)])
        #expect(machine.ejectedCount == 0)
        #expect(machine.failuresReached(address(1), endpointCount: 2, at: start).ejectedUntil != nil)
    }

    @Test func `extremes do not overflow`() {
        let configuration = OutlierDetection(
            interval: .forever,
            baseEjectionTime: .forever,
            maximumEjectionTime: .forever,
            maximumEjectionPercent: 100
        )
        var machine = OutlierDetectionStateMachine(configuration)
        _ = machine.failuresReached(address(0), endpointCount: 1, at: MeshInstant(nanoseconds: .max - 1))
        #expect(machine.intervalPassed(at: MeshInstant(nanoseconds: .max)) == [address(0)])
        _ = machine.failuresReached(address(0), endpointCount: 1, at: MeshInstant(nanoseconds: .max))
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `in a random walk the share, the times and the returns hold`(seed: UInt64) {
        let random = MeshRandom(seed: seed)
        var machine = machine(percent: 40, cap: .seconds(120))
        var now = start
        var ejected: Set<EndpointAddress> = []
        for _ in 0..<20_000 {
            now = now.advanced(by: .milliseconds(random.below(5_000)))
            if random.below(4) == 0 {
                ejected.subtract(machine.intervalPassed(at: now))
            } else {
                let address = address(random.below(10))
                let action = machine.failuresReached(address, endpointCount: 10, at: now)
                #expect(ejected.isSuperset(of: action.returned))
                ejected.subtract(action.returned)
                if let until = action.ejectedUntil {
                    let length = until.elapsed(since: now)
                    #expect(length >= .seconds(30) && length <= .seconds(120))
                    #expect(ejected.insert(address).inserted)
                }
            }
            #expect(machine.ejectedCount == ejected.count && ejected.count <= 4)
        }
    }
}
