// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshBalancing

/// What probes make of an endpoint. `s` is a success, `d` one of a degraded endpoint, `n` no connection, `t` no answer in
/// time, `r` a retriable answer, `a` an answer that says no, `x` one that excludes, `p` an answer to a request that does.
@Suite struct HealthCheckStateMachineTests {
    static let start = MeshInstant(nanoseconds: 1_000_000_000)

    static let results: [Character: HealthProbeResult] = [
        "s": .healthy, "d": .degraded, "n": .failed(.init(.network, "n")), "t": .failed(.init(.timeout, "t")),
        "r": .failed(.init(.retriableAnswer, "r")), "a": .failed(.init(.answer, "a")),
        "x": .failed(.init(.answer, "x", excludes: true)),
    ]

    /// The health after each event: `H`ealthy, `D`egraded, `U`nhealthy, `E`xcluded.
    static func states(
        _ events: String,
        health: ActiveHealth = .failed,
        unhealthy: UInt32 = 3,
        healthy: UInt32 = 2
    ) -> String {
        let check = HealthCheck(.tcp(.init()), unhealthyThreshold: unhealthy, healthyThreshold: healthy)
        var machine = HealthCheckStateMachine(check, health: health)
        return String(
            events.map { event -> Character in
                if let result = results[event] {
                    _ = machine.probeEnded(result, at: start, hasTraffic: true, random: { 0 })
                } else {
                    _ = machine.refusedTraffic()
                }
                return letter(of: machine.health)
            }
        )
    }

    static func letter(of health: ActiveHealth) -> Character {
        switch health.combined(with: .healthy) {
        case .healthy: "H"
        case .degraded: "D"
        case .unhealthy: health.isExcluded ? "E" : "U"
        }
    }

    // From `handleSuccess` and `setUnhealthy` of Envoy's `health_checker_base_impl.cc`.
    static let table: [(events: String, states: String, why: Comment)] = [
        ("s", "H", "the first success is enough"),
        ("nss", "UUH", "the first result was no success, so the threshold counts"),
        ("nsnss", "UUUUH", "a failure begins the count anew"),
        ("snnn", "HHHU", "the third failure in a row"),
        ("snnsnnn", "HHHHHHU", "a success ends a row"),
        ("sntr", "HHHU", "no connection, no time and retriable answers make one row"),
        ("sa", "HU", "an answer that says no needs no threshold"),
        ("snas", "HHUU", "nor in a row"),
        ("sass", "HUUH", "and is forgiven like any other"),
        ("sx", "HE", "an answer may exclude"),
        ("sxnss", "HEEEH", "which ends with the return"),
        ("sxssa", "HEEHU", "and is forgotten by then"),
        ("sp", "HE", "a request's answer may exclude, too"),
        ("sps", "HEE", "and counts as a failure"),
        ("ps", "EE", "even before the first probe"),
        ("sax", "HUE", "also who is unhealthy already"),
        ("sd", "HD", "degraded needs no threshold"),
        ("d", "D", "not even at first"),
        ("sds", "HDH", "nor back"),
        ("nds", "UUH", "degraded while unhealthy is not seen"),
        ("ndd", "UUD", "until the return"),
        ("sdnnn", "HDDDU", "degraded endpoints fail like others"),
        ("", "", "nothing"),
    ]

    @Test(arguments: table)
    func `events make states`(events: String, states: String, why: Comment) {
        #expect(Self.states(events) == states, why)
    }

    @Test func `a threshold of 0 is never reached`() {
        #expect(Self.states("snnnnnnnnnn", unhealthy: 0) == "HHHHHHHHHHH")
        #expect(Self.states("nssssssss", healthy: 0) == "UUUUUUUUU")
        #expect(Self.states("sa", unhealthy: 0) == "HU")
        #expect(Self.states("s", healthy: 0) == "H")
    }

    @Test func `who is used already stays so until it fails`() {
        #expect(Self.states("nnn", health: []) == "HHU")
        #expect(Self.states("s", health: []) == "H")
        #expect(Self.states("a", health: []) == "U")
    }

    @Test func `who is to be ignored until it was asked is excluded until then`() {
        let pending: ActiveHealth = [.failed, .pending]
        #expect(Self.letter(of: pending) == "E")
        #expect(Self.states("n", health: pending) == "U")
        #expect(Self.states("s", health: pending) == "H")
        #expect(Self.states("p", health: pending) == "E")
    }

    @Test func `both sides' word counts, and the worse one wins`() {
        let table: [(ActiveHealth, EndpointHealth, EndpointHealth)] = [
            ([], .healthy, .healthy), ([], .degraded, .degraded), ([], .unhealthy, .unhealthy),
            (.degraded, .healthy, .degraded), (.degraded, .unhealthy, .unhealthy), (.failed, .healthy, .unhealthy),
            (.failed, .degraded, .unhealthy), ([.failed, .degraded], .healthy, .unhealthy),
            (.excluded, .healthy, .healthy),
        ]
        for (active, stated, both) in table { #expect(active.combined(with: stated) == both) }
    }

    // MARK: Intervals

    /// Which interval follows each event.
    private func intervals(_ events: String, hasTraffic: Bool, _ change: (inout HealthCheck) -> Void) -> [UInt64] {
        var check = HealthCheck(.tcp(.init()), interval: .seconds(5), unhealthyThreshold: 2, healthyThreshold: 2)
        change(&check)
        var machine = HealthCheckStateMachine(check, health: .failed)
        return events.compactMap { event in
            Self.results[event].map { result in
                machine.probeEnded(result, at: Self.start, hasTraffic: hasTraffic, random: { 0 }).next
                    .elapsed(since: Self.start).rawValue / 1_000_000_000
            }
        }
    }

    @Test func `each state has its interval`() {
        #expect(intervals("snnnsss", hasTraffic: true) { _ in } == [5, 5, 5, 5, 5, 5, 5])
        let edges = intervals("snnnsss", hasTraffic: true) {
            $0.unhealthyInterval = .seconds(20)
            $0.unhealthyEdgeInterval = .seconds(1)
            $0.healthyEdgeInterval = .seconds(2)
        }
        // Envoy's code: the edge intervals follow results that change nothing yet.
        #expect(edges == [5, 1, 20, 20, 2, 5, 5])
        let unhealthy = intervals("snnnsss", hasTraffic: true) { $0.unhealthyInterval = .seconds(20) }
        #expect(unhealthy == [5, 20, 20, 20, 5, 5, 5])
    }

    @Test func `who gets no requests is asked rarely`() {
        #expect(intervals("snnnsss", hasTraffic: false) { _ in } == [60, 60, 60, 60, 60, 60, 60])
        let all = intervals("snnnsss", hasTraffic: false) {
            $0.noTrafficInterval = .seconds(30)
            $0.noTrafficHealthyInterval = .seconds(90)
            $0.unhealthyInterval = .seconds(1)
            $0.healthyEdgeInterval = .seconds(1)
        }
        #expect(all == [90, 30, 30, 30, 30, 90, 90])
    }

    @Test func `jitter is added in whole milliseconds, by share and by span`() {
        var check = HealthCheck(.tcp(.init()), intervalJitter: .milliseconds(500), intervalJitterPercent: 10)
        func wait(_ random: UInt64) -> UInt64 {
            check.wait(
                .seconds(5),
                jitter: check.intervalJitter,
                percent: check.intervalJitterPercent,
                random: { random }
            ).rawValue / 1_000_000
        }
        // 10% of 5000 ms is 500, so both are below 500.
        #expect(wait(0) == 5_000)
        #expect(wait(499) == 5_998)
        #expect(wait(500) == 5_000)
        check.intervalJitterPercent = .max
        check.intervalJitter = .forever
        #expect(wait(.max - 1) > 5_000)
        check.intervalJitterPercent = 0
        check.intervalJitter = Nanoseconds(rawValue: 999_999)
        #expect(wait(7) == 5_000)
    }

    @Test func `a wait has a millisecond at least, and the first none where there is no jitter`() {
        let check = HealthCheck(.tcp(.init()), interval: Nanoseconds(rawValue: 1))
        #expect(check.wait(check.interval, jitter: .zero, percent: 0, random: { 0 }) == .milliseconds(1))
        let plain = HealthCheckStateMachine(check, health: .failed)
        #expect(plain.firstProbe(at: Self.start, random: { 0 }) == Self.start)
        let jittered = HealthCheckStateMachine(
            HealthCheck(.tcp(.init()), initialJitter: .seconds(2)),
            health: .failed
        )
        #expect(jittered.firstProbe(at: Self.start, random: { 0 }) == Self.start.advanced(by: .milliseconds(1)))
        #expect(
            jittered.firstProbe(at: Self.start, random: { 1_999 }) == Self.start.advanced(by: .milliseconds(1_999))
        )
    }
}
