// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshTesting
import Testing

@testable import MeshBalancing

@Suite("Client-side weighted round robin")
struct ClientSideWeightedRoundRobinTests {
    private let start = MeshInstant(nanoseconds: 1_000_000_000_000)

    private func counts(
        _ picker: any EndpointPicker,
        _ fixture: PickerFixture,
        _ count: Int,
        at now: MeshInstant
    ) -> [Int] {
        var counts = fixture.endpoints.map { _ in 0 }
        for _ in 0..<count {
            guard let picked = picker.pick(for: PickRequest(at: now)),
                let position = fixture.endpoints.firstIndex(where: { $0 === picked })
            else { continue }
            counts[position] += 1
        }
        return counts
    }

    private func report(_ weight: Double) -> LoadReport {
        LoadReport(cpuUtilization: 0.5, requestsPerSecond: weight / 2)
    }

    @Test(
        arguments: [
            // gRFC A58: qps / (utilization + eps / qps × penalty).
            (LoadReport(cpuUtilization: 0.5, requestsPerSecond: 100), 200),
            (LoadReport(cpuUtilization: 0.5, requestsPerSecond: 100, errorsPerSecond: 50), 100),
            (LoadReport(cpuUtilization: 0.1, applicationUtilization: 2, requestsPerSecond: 100), 50),
            (LoadReport(cpuUtilization: 0.5, requestsPerSecond: 0), nil),
            (LoadReport(cpuUtilization: 0, requestsPerSecond: 100), nil),
            (LoadReport(cpuUtilization: 0, requestsPerSecond: 100, errorsPerSecond: 100), nil),
            (LoadReport(), nil),
            // What a program may hand in itself, though no report that is read has it.
            (LoadReport(cpuUtilization: .nan, requestsPerSecond: 100), nil),
            (LoadReport(cpuUtilization: 1, requestsPerSecond: .nan), nil),
            (LoadReport(cpuUtilization: -1, requestsPerSecond: 100), nil),
            (LoadReport(cpuUtilization: 1, requestsPerSecond: 100, errorsPerSecond: .infinity), nil),
            (LoadReport(cpuUtilization: 1, requestsPerSecond: 100, errorsPerSecond: -1_000), nil),
            (LoadReport(cpuUtilization: 1e-300, requestsPerSecond: 1e300), 4_294_967_295),
        ] as [(LoadReport, Double?)]
    )
    func `the weight is what an endpoint could serve, less its errors`(_ report: LoadReport, _ weight: Double?) {
        #expect(ClientSideWeightedRoundRobin().weight(of: report) == weight)
    }

    @Test("A78: each update tells the weights, how many are not usable yet, and how many are stale")
    func updates() {
        let observer = RecordingObserver()
        let signal = ClusterSignal(cluster: "c", observers: ObserverSet([observer]))
        let policy = ClientSideWeightedRoundRobin(blackoutPeriod: .seconds(10))
        let endpoints = (1...4).map { number in
            let address = EndpointAddress(host: "10.0.0.\(number)", port: 80)
            return EndpointState(Endpoint(address: address, locality: Locality(region: "eu")), signal: signal)
        }
        let picker = policy.makePicker(endpoints, random: MeshRandom(seed: 1))
        _ = picker.pick(for: PickRequest(at: start))
        _ = picker.pick(for: PickRequest(at: start))
        for (number, seconds) in [(0, 1), (1, 190), (2, 175)] as [(Int, UInt64)] {
            policy.reported(report(4), by: endpoints[number], at: start.advanced(by: .seconds(seconds)))
        }
        _ = picker.pick(for: PickRequest(at: start.advanced(by: .seconds(195))))
        let updates = observer.events.compactMap { if case .weightsUpdated(let update) = $0 { update } else { nil } }
        let place = Locality(region: "eu")
        #expect(
            updates == [
                WeightsUpdate(cluster: "c", locality: place, weights: [0, 0, 0, 0], notYetUsable: 4, stale: 0),
                WeightsUpdate(cluster: "c", locality: place, weights: [0, 0, 4, 0], notYetUsable: 2, stale: 1),
            ]
        )
        #expect(updates.allSatisfy { $0.fallsBack })
    }

    @Test func `without the application's own measure the greatest of the named ones counts, and then the processor's`()
    {
        let policy = ClientSideWeightedRoundRobin(
            utilizationMetrics: ["mem_utilization", "named_metrics.queue", "utilization.disk", "named_metrics.none"]
        )
        var report = LoadReport(
            cpuUtilization: 0.9,
            memoryUtilization: 0.1,
            requestsPerSecond: 100,
            utilization: ["disk": 0.25],
            namedMetrics: ["queue": 0.5]
        )
        #expect(policy.weight(of: report) == 200)
        report.applicationUtilization = 1
        #expect(policy.weight(of: report) == 100)
        let other = LoadReport(cpuUtilization: 0.25, requestsPerSecond: 100, namedMetrics: ["queue": -1])
        #expect(policy.weight(of: other) == 400)
        let penalty = ClientSideWeightedRoundRobin(errorUtilizationPenalty: 0)
        #expect(penalty.weight(of: LoadReport(cpuUtilization: 1, requestsPerSecond: 8, errorsPerSecond: 8)) == 8)
    }

    @Test func `turns follow the weights once the blackout is over, at the next update`() {
        let fixture = PickerFixture(count: 3)
        let policy = ClientSideWeightedRoundRobin()
        let picker = policy.makePicker(fixture.endpoints, random: MeshRandom(seed: 1))
        for (endpoint, weight) in zip(fixture.endpoints, [100, 200, 300] as [Double]) {
            policy.reported(report(weight), by: endpoint, at: start)
        }
        #expect(counts(picker, fixture, 300, at: start) == [100, 100, 100])
        let after = start.advanced(by: .seconds(10))
        let weighted = counts(picker, fixture, 600, at: after)
        for (count, expected) in zip(weighted, [100, 200, 300]) { #expect(abs(count - expected) <= 2) }
        // Reports that come before the next update wait for it.
        for endpoint in fixture.endpoints { policy.reported(report(100), by: endpoint, at: after) }
        let soon = counts(picker, fixture, 600, at: after.advanced(by: .milliseconds(999)))
        #expect(abs(soon[2] - 300) <= 2)
        #expect(counts(picker, fixture, 300, at: after.advanced(by: .seconds(1))) == [100, 100, 100])
        // And none for three minutes is the same as none.
        #expect(counts(picker, fixture, 300, at: after.advanced(by: .seconds(180))) == [100, 100, 100])
    }

    @Test func `who reports nothing has the mean, and one weight alone is none`() {
        let fixture = PickerFixture(count: 3)
        let policy = ClientSideWeightedRoundRobin(blackoutPeriod: .zero)
        let picker = policy.makePicker(fixture.endpoints, random: MeshRandom(seed: 2))
        policy.reported(report(100), by: fixture.endpoints[0], at: start)
        #expect(counts(picker, fixture, 300, at: start) == [100, 100, 100])
        let later = start.advanced(by: .seconds(1))
        policy.reported(report(300), by: fixture.endpoints[1], at: later)
        let weighted = counts(picker, fixture, 600, at: later)
        for (count, expected) in zip(weighted, [100, 300, 200]) { #expect(abs(count - expected) <= 2) }
    }

    @Test func `endpoints that may not be used lose their turns, and weights of the control plane do not count`() {
        let fixture = PickerFixture(weights: [1, 100, 1])
        let picker = ClientSideWeightedRoundRobin().makePicker(fixture.endpoints, random: MeshRandom(seed: 3))
        #expect(counts(picker, fixture, 300, at: fixture.now) == [100, 100, 100])
        fixture.eject(1)
        #expect(counts(picker, fixture, 300, at: fixture.now) == [150, 0, 150])
    }

    @Test func `a new endpoint has a part of its weight while slow start lasts`() {
        let joined = start.advanced(by: .seconds(50))
        let endpoints = [start, joined].enumerated().map { number, instant in
            EndpointState(
                Endpoint(address: EndpointAddress(host: "e", port: UInt16(number + 1))),
                joinedAt: MeshInstant(nanoseconds: instant.nanoseconds)
            )
        }
        let policy = ClientSideWeightedRoundRobin(slowStart: SlowStart(window: .seconds(40)))
        let picker = policy.makePicker(endpoints, random: MeshRandom(seed: 4))
        func share(at instant: MeshInstant) -> Int {
            (0..<1_000).count { _ in picker.pick(for: PickRequest(at: instant)) === endpoints[1] }
        }
        #expect(abs(share(at: joined.advanced(by: .seconds(20))) - 333) <= 3)
        #expect(share(at: joined.advanced(by: .seconds(40))) == 500)
    }

    @Test func `what was reported stays with a description that changes, unless the endpoint was away`() {
        let policy = ClientSideWeightedRoundRobin()
        let endpoint = Endpoint(address: EndpointAddress(host: "e", port: 1))
        let first = EndpointState(endpoint)
        policy.reported(report(100), by: first, at: start)
        first.noteRefusedLoadReport()
        let heavier = EndpointState(endpoint, weight: 2, succeeding: first, at: start)
        #expect(heavier.reportedWeight?.value == 100)
        #expect(heavier.refusedLoadReports == 1)
        let away = EndpointState(endpoint, weight: 2, health: .unhealthy, succeeding: heavier, at: start)
        #expect(EndpointState(endpoint, weight: 2, succeeding: away, at: start).reportedWeight == nil)
    }

    @Test func `bounds are checked, each with its path`() {
        func paths(_ policy: ClientSideWeightedRoundRobin) -> [String] {
            do {
                try policy.validate()
                return []
            } catch {
                return error.problems.map(\.path)
            }
        }
        #expect(paths(ClientSideWeightedRoundRobin()) == [])
        let broken = ClientSideWeightedRoundRobin(
            weightUpdatePeriod: .milliseconds(99),
            errorUtilizationPenalty: -1,
            utilizationMetrics: [""] + Array(repeating: "eps", count: 32),
            slowStart: SlowStart(window: .zero)
        )
        #expect(
            paths(broken) == [
                "weightUpdatePeriod", "errorUtilizationPenalty", "utilizationMetrics",
                "utilizationMetrics[0]", "slowStart.window",
            ]
        )
        #expect(paths(ClientSideWeightedRoundRobin(errorUtilizationPenalty: .nan)) == ["errorUtilizationPenalty"])
    }
}
