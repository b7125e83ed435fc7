// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshConfig
import MeshCore
import MeshResilience
import ServiceMesh

extension Playbook {
    /// Scene 14: faults for requests with a header: by Istio's match, and as the request itself asks for by Envoy's fields.
    func faultByHeader(_ stage: Stage) async throws -> SceneResult {
        var findings = Findings()
        try await matchedFaults(stage, &findings)
        let faults = FaultConfiguration(delay: .init(byHeader: .all), abort: .init(byHeader: .all))
        let world = MeshResources(pageAt: stage.productpage, through: [.fault(faults)])
        findings = try await SwiftControlPlane(world).serve { [findings] address in
            try await MeshedReader.run(following: address) { reader in
                var findings = findings
                await askedFaults(reader, &findings)
                return findings
            }
        }
        return findings.result(
            "14 fault by header",
            expected: "calls with the header fail with 555 or are 300 ms late, and get the faults that they ask for"
        )
    }

    /// Istio's way: a rule matches a header and has a fault.
    private func matchedFaults(_ stage: Stage, _ findings: inout Findings) async throws {
        try await stage.apply("fault-by-header.yaml", headers: .user("jason")) { views in
            views.allSatisfy { $0.content?.reviewsStatus == 555 }
        }
        async let jasons = stage.load(readers: 3, headers: .user("jason")).run(requests / 4)
        async let marias = stage.load(readers: 3, headers: .user("maria")).run(60)
        async let others = stage.load(readers: 3).run(requests / 4)
        let (jason, maria, other) = await (jasons, marias, others)
        let aborted = jason.count {
            $0.status == 200 && $0.content?.reviewsStatus == 555 && $0.content?.error == "fault filter abort"
        }
        findings.expect(aborted == jason.count, "jason: \(aborted) of \(jason.count) calls aborted with 555")
        findings.expectNoFailure(maria, "of maria's requests")
        let late = maria.count { $0.latency >= .milliseconds(300) }
        findings.expect(
            late == maria.count,
            "maria: \(late) of \(maria.count) late by 300 ms, median page \(maria.medianLatency.milliseconds) ms"
        )
        findings.expectNoFailure(other, "of the others' requests")
        findings.expect(
            other.medianLatency < .milliseconds(200),
            "others: median page \(other.medianLatency.milliseconds) ms"
        )
        let explained = try await MeshedReader.run(stage.cluster) { reader in
            ["jason", "maria", "anna"].map { user in
                let fault = reader.explainReviews(.user(user))["fault"] ?? ""
                return (fault.contains("abort with 555"), fault.contains("delay of 0.3"))
            }
        }
        findings.expect(
            explained[0] == (true, false) && explained[1] == (false, true) && explained[2] == (false, false),
            "explain knows who gets which fault"
        )
    }

    /// Envoy's way: where the configuration lets requests ask, `x-envoy-fault-*` say which fault and for what share.
    private func askedFaults(_ reader: MeshedReader, _ findings: inout Findings) async {
        let abort = HTTPFields("x-envoy-fault-abort-request", "418")
        let plain = await reader.look(times: 20)
        let aborted = await reader.look(abort, times: 20)
        let late = await reader.look(HTTPFields("x-envoy-fault-delay-request", "250"), times: 10)
        // Four standard deviations of 400 draws are 9 points.
        let share = abort + HTTPFields("x-envoy-fault-abort-request-percentage", "30")
        let some = await reader.look(share, times: 400, atOnce: 4)
        let refused = some.count { $0.status == 418 }
        let served = plain.count(where: \.isServed)
        findings.expect(served == 20, "\(served) of 20 that ask for nothing served")
        findings.expect(
            aborted.allSatisfy { $0.status == 418 },
            "x-envoy-fault-abort-request: \(aborted.count { $0.status == 418 }) of 20 got the 418 that they asked for"
        )
        findings.expect(
            late.allSatisfy { $0.isServed && $0.latency >= .milliseconds(250) },
            "x-envoy-fault-delay-request: \(late.count { $0.latency >= .milliseconds(250) }) of 10 were 250 ms late"
        )
        findings.expect(
            (84...156).contains(refused) && some.allSatisfy { $0.status == 418 || $0.isServed },
            "…-percentage 30: \(refused) of 400 aborted"
        )
        let (aborts, delays) = (reader.faults("aborted"), reader.faults("delayed"))
        findings.expect(
            aborts == 20 + refused && delays == 10,
            "metric: \(aborts) aborted, \(delays) delayed"
        )
    }
}

extension MeshedReader {
    /// How many faults the metrics count.
    fileprivate func faults(_ action: String) -> Int {
        decisions.total(["policy": "fault", "action": action, "mode": "enforce"])
    }
}

extension HTTPFields {
    fileprivate static func + (one: HTTPFields, other: HTTPFields) -> HTTPFields {
        var both = one
        both.append(contentsOf: other)
        return both
    }
}
