// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshBalancing

/// What balancers see of active checks.
@Suite struct EndpointHealthCheckerTests {
    private let now = MeshInstant(nanoseconds: 1_000_000_000)
    private let random = MeshRandom(seed: 1)
    private let signal = ClusterSignal()

    private func state(_ number: UInt16, trusted: Bool = false, ignores: Bool = false) -> EndpointState {
        let address = EndpointAddress(host: "e", port: number)
        return EndpointState(
            Endpoint(address: address),
            checker: EndpointHealthChecker(
                HealthCheck(.tcp(.init()), unhealthyThreshold: 1, ignoresNewEndpoints: ignores),
                of: HealthCheckTarget(address: address),
                isTrusted: trusted,
                signal: signal
            ),
            signal: signal
        )
    }

    private func probe(_ state: EndpointState, _ result: HealthProbeResult, at now: MeshInstant? = nil) {
        _ = state.checker?.probeEnded(result, at: now ?? self.now, hasTraffic: true, random: random)
    }

    @Test func `a new endpoint is unhealthy until the first success`() {
        let endpoint = state(1)
        #expect(endpoint.health == .unhealthy)
        let before = signal.count
        probe(endpoint, .healthy)
        #expect(endpoint.health == .healthy)
        #expect(endpoint.joinedAt == now)
        #expect(signal.count == before + 1)
        probe(endpoint, .healthy)
        #expect(signal.count == before + 1)
        #expect(state(2, trusted: true).health == .healthy)
    }

    @Test func `slow start begins anew with each return`() {
        let endpoint = state(1)
        probe(endpoint, .healthy)
        let later = now.advanced(by: .seconds(100))
        probe(endpoint, .healthy, at: later)
        #expect(endpoint.joinedAt == now)
        probe(endpoint, .failed(.init(.network, "gone")), at: later)
        #expect(endpoint.joinedAt == now)
        probe(endpoint, .healthy, at: later.advanced(by: .seconds(1)))
        #expect(endpoint.joinedAt == later.advanced(by: .seconds(1)))
    }

    @Test func `a picker goes by it at once`() {
        let endpoints = [state(1), state(2), state(3), state(4)]
        let picker = PriorityPicker(
            [PriorityGroup([.init(endpoints: endpoints)])],
            policy: RoundRobin(),
            settings: BalancingSettings(overprovisioningFactor: 140, panicThreshold: 50),
            signal: signal,
            random: random,
            at: now
        )
        func picked() -> Set<UInt16?> {
            Set((0..<40).map { _ in picker.pick(for: PickRequest(at: now))?.endpoint.address.port })
        }
        // Nobody is well: panic.
        #expect(picked() == [1, 2, 3, 4])
        for endpoint in endpoints.prefix(3) { probe(endpoint, .healthy) }
        #expect(picked() == [1, 2, 3])
        probe(endpoints[0], .failed(.init(.answer, "no")))
        #expect(picked() == [2, 3])
        #expect(endpoints[1].checker?.refusedTraffic() == true)
        // Three are counted, one of them is well: less than half.
        #expect(picker.load(at: now).panics == [true])
        probe(endpoints[3], .healthy)
        #expect(picked() == [3, 4])
    }

    @Test func `who is ignored until it was asked takes nothing from its priority`() {
        let known = state(1)
        probe(known, .healthy)
        func load(_ others: [EndpointState]) -> [Int] {
            PriorityPicker(
                [
                    PriorityGroup([.init(endpoints: [known] + others)]),
                    PriorityGroup([.init(endpoints: [state(9, trusted: true)])]),
                ],
                policy: RoundRobin(),
                settings: BalancingSettings(overprovisioningFactor: 140, panicThreshold: 50),
                signal: signal,
                random: random,
                at: now
            ).load(at: now).healthy
        }
        #expect(load([state(2), state(3)]) == [46, 54])
        #expect(load([state(2, ignores: true), state(3, ignores: true)]) == [100, 0])
    }

    @Test func `another check takes over what was known`() throws {
        let endpoint = state(1)
        probe(endpoint, .healthy)
        probe(endpoint, .failed(.init(.answer, "no", excludes: true)))
        let checker = try #require(endpoint.checker)
        let other = EndpointHealthChecker(
            HealthCheck(.tcp(.init(send: [1]))),
            of: checker.target,
            succeeding: checker,
            signal: signal
        )
        #expect(other.activeHealth == [.failed, .excluded])
        #expect(other.healthySince == now)
        #expect(!other.isChecked)
        let first = EndpointHealthChecker(checker.check, of: checker.target, succeeding: nil, signal: signal)
        #expect(first.activeHealth.isEmpty)
    }

    @Test func `why an endpoint failed is kept until it succeeds`() {
        let endpoint = state(1)
        probe(endpoint, .failed(.init(.network, "refused")))
        #expect(endpoint.checker?.lastFailure?.reason == "refused")
        probe(endpoint, .healthy)
        #expect(endpoint.checker?.lastFailure == nil)
        #expect(endpoint.checker?.refusedTraffic() == true)
        #expect(endpoint.checker?.refusedTraffic() == false)
        #expect(endpoint.checker?.lastFailure?.cause == .traffic)
    }

    @Test(arguments: [
        (HealthCheck(.tcp(.init()), timeout: .zero), "timeout"),
        (HealthCheck(.tcp(.init()), interval: .zero), "interval"),
        (HealthCheck(.tcp(.init()), noTrafficHealthyInterval: .zero), "noTrafficHealthyInterval"),
        (HealthCheck(.tcp(.init(receive: [[]]))), "tcp.receive[0]"),
        (HealthCheck(.http(.init(path: ""))), "http.path"),
        (HealthCheck(.http(.init(path: "/\r\nx: y"))), "http.path"),
        (HealthCheck(.http(.init(path: "/", method: "CONNECT"))), "http.method"),
        (HealthCheck(.http(.init(path: "/", expectedStatuses: [99..<200]))), "http.expectedStatuses[0]"),
        (HealthCheck(.http(.init(path: "/", retriableStatuses: [200..<601]))), "http.retriableStatuses[0]"),
        (HealthCheck(.http(.init(path: "/", addedFields: [.init(":path", "/")]))), "http.addedFields[0].name"),
        (HealthCheck(.grpc(.init(authority: "a\nb"))), "grpc.authority"),
    ])
    func `bounds that are broken are named`(check: HealthCheck, path: String) {
        let error = #expect(throws: ConfigurationError.self) { try check.validate() }
        #expect(error?.problems.map(\.path) == [path])
    }
}
