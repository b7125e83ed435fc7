// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshConfig
import MeshCore
import MeshResilience

extension Playbook {
    /// Scene 10: a reader's own policies before the page, each in turn, on real requests; the metrics say what they did.
    func policies(_ stage: Stage) async throws -> SceneResult {
        var findings = Findings()
        try await breaker(stage, &findings)
        try await rateLimit(stage, &findings)
        // From here on the page takes its time for half of its readers.
        try await stage.apply("delay-half.yaml") { views in
            let slow = views.count { $0.latency > .milliseconds(300) }
            return views.allSatisfy { $0.status == 200 } && slow > views.count / 5
        }
        try await bulkhead(stage, &findings)
        try await hedge(stage, &findings)
        return findings.result(
            "10 policies at work",
            expected: "breaker, rate limit, bulkhead and hedge act, observe-only does not, and the metrics count each"
        )
    }

    /// The page dies: the breaker opens after five failures, refuses at once, and closes when the page is back.
    private func breaker(_ stage: Stage, _ findings: inout Findings) async throws {
        let breaker = CircuitBreakerConfiguration(
            failureRate: nil,
            openDuration: .seconds(2),
            consecutiveFailures: 5
        )
        let page = try stage.cluster.process("productpage-v1")
        let seen = try await MeshedReader.run(
            stage.cluster,
            .init(policies: TrafficPolicies(circuitBreaker: breaker))
        ) { reader in
            page.kill()
            let during = await reader.look(times: 40)
            let counted = reader.decisions.total(["policy": "circuit_breaker", "action": "refused", "mode": "enforce"])
            try page.start()
            let deadline = Date().addingTimeInterval(30)
            var isBack = false
            while !isBack, Date() < deadline {
                isBack = await reader.look().isServed
                try await Pause.milliseconds(50)
            }
            let total = reader.decisions.total
            return (
                failed: during.count { $0.error != .circuitOpen && !$0.isServed },
                refused: during.count { $0.error == .circuitOpen }, isBack: isBack,
                opened: total(["policy": "circuit_breaker", "action": "changed", "reason": "failures"]),
                counted: counted,
                closed: total(["policy": "circuit_breaker", "action": "changed", "reason": "recovered"])
            )
        }
        findings.expect(
            seen.failed <= 5 && seen.failed + seen.refused == 40 && seen.opened >= 1 && seen.counted == seen.refused,
            "page dead: breaker opened after \(seen.failed) failed requests and refused \(seen.refused) of 40 "
                + "(metric: \(seen.counted))"
        )
        findings.expect(
            seen.isBack && seen.closed >= 1,
            seen.isBack ? "it closed when the page was back" : "the page stayed away"
        )
        try await stage.waitUntil("the page to be complete") { views in views.allSatisfy(\.isComplete) }
    }

    /// Fifty looks at ten a minute: forty are refused, and the same limit refuses none where it only observes.
    private func rateLimit(_ stage: Stage, _ findings: inout Findings) async throws {
        for mode in [PolicyMode.enforce, .observe] {
            let limit = RateLimitConfiguration(rate: 10, per: .seconds(60), mode: mode)
            let seen = try await MeshedReader.run(stage.cluster, .init(rateLimit: limit)) { reader in
                let looks = await reader.look(times: 50, atOnce: 5)
                let counted = reader.decisions.total([
                    "policy": "rate_limit", "action": "refused", "mode": mode.rawValue,
                ])
                return (served: looks.count(where: \.isServed), counted: counted)
            }
            let expected = mode == .enforce ? 10 : 50
            findings.expect(
                seen.served == expected && seen.counted == 40,
                "rate limit, \(mode.rawValue): \(seen.served) of 50 served (metric: \(seen.counted))"
            )
        }
    }

    /// Sixteen look at once, and two find a place.
    private func bulkhead(_ stage: Stage, _ findings: inout Findings) async throws {
        let bulkhead = BulkheadConfiguration(maximumConcurrent: 2)
        let seen = try await MeshedReader.run(
            stage.cluster,
            .init(policies: TrafficPolicies(bulkhead: bulkhead))
        ) { reader in
            var looks: [MeshedReader.Look] = []
            for _ in 0..<5 { looks += await reader.look(atOnce: 16) }
            return (
                served: looks.count(where: \.isServed), refused: looks.count { $0.error == .overflow },
                counted: reader.decisions.total(["policy": "bulkhead", "action": "refused", "mode": "enforce"])
            )
        }
        findings.expect(
            seen.served >= 10 && seen.refused >= 10 && seen.served + seen.refused == 80
                && seen.counted == seen.refused,
            "bulkhead of 2, 5 times 16 at once: \(seen.refused) of 80 refused (metric: \(seen.counted))"
        )
    }

    /// Half of the pages are slow; with hedges after a tenth of a second few of them are.
    private func hedge(_ stage: Stage, _ findings: inout Findings) async throws {
        let slow = Duration.milliseconds(400)
        let plain = try await MeshedReader.run(stage.cluster, .init()) { reader in
            await reader.look(times: 120, atOnce: 4)
        }
        let hedging = HedgingConfiguration(maximumAttempts: 3, delay: .fixed(.milliseconds(100)), ownBudget: nil)
        let (hedged, counted) = try await MeshedReader.run(
            stage.cluster,
            .init(policies: TrafficPolicies(hedging: hedging))
        ) { reader in
            let looks = await reader.look(times: 120, atOnce: 4)
            return (looks, reader.decisions.total(["policy": "hedge", "action": "hedged", "mode": "enforce"]))
        }
        func share(_ looks: [MeshedReader.Look]) -> Double {
            Double(looks.count { $0.latency >= slow }) * 100 / Double(looks.count)
        }
        // Half against an eighth; four standard deviations of 120 draws are 18 and 12 points.
        findings.expect(
            plain.allSatisfy(\.isServed) && hedged.allSatisfy(\.isServed) && share(plain) > 30 && share(hedged) < 28,
            "slow pages: \(share(plain).oneDigit)% without hedges, \(share(hedged).oneDigit)% with"
        )
        findings.expect(counted >= 20, "\(counted) hedges counted")
    }
}
