// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshCore

extension Playbook {
    /// Scene 9: an orchestrator tells an instance to stop.
    func gracefulEnd(_ stage: Stage) async throws -> SceneResult {
        var findings = Findings()
        try await stage.apply("all-to-v2.yaml") { views in
            Set(views.compactMap { $0.content?.reviews?.ratingsInstance }).count == 2 && views.allSatisfy(\.isComplete)
        }
        let leaver = try stage.cluster.process("ratings-v1-b")
        let (facts, views) = try await stage.load().run(atLeast: requests) { soFar in
            try await Pause.milliseconds(500)
            leaver.drain()
            let told = ContinuousClock().now
            var facts = DrainFacts()
            while leaver.isRunning, ContinuousClock().now - told < .seconds(15) {
                if !facts.wasDraining { facts.wasDraining = try await stage.isDraining(leaver.name) }
                try await Pause.milliseconds(50)
            }
            facts.endedAfter = leaver.isRunning ? nil : ContinuousClock().now - told
            facts.exitStatus = leaver.exitStatus
            facts.isRegistered = try await stage.isRegistered(leaver.name)
            // Pages that were under way while the process ended may name it; later ones must not.
            try await Pause.milliseconds(500)
            let gone = soFar().count
            try await Pause.milliseconds(500)
            facts.isServing = soFar().dropFirst(gone).contains { $0.content?.reviews?.ratingsInstance == leaver.name }
            return facts
        }
        findings.expectNoFailure(views)
        findings.expect(
            facts.wasDraining,
            facts.wasDraining ? "the control plane knew that it drained" : "the control plane was not told"
        )
        findings.expect(
            facts.endedAfter != nil && facts.exitStatus == 0,
            facts.endedAfter.map {
                "ended after \(Nanoseconds($0).seconds.oneDigit) s with status "
                    + (facts.exitStatus.map { "\($0)" } ?? "none, by a signal")
            } ?? "never ended"
        )
        findings.expect(!facts.isRegistered, facts.isRegistered ? "it is still registered" : "it left the registry")
        findings.expect(!facts.isServing, facts.isServing ? "it was seen later" : "traffic went elsewhere")
        if leaver.isRunning { leaver.kill() }
        try leaver.start()
        return findings.result(
            "9 graceful end",
            expected: "no request fails while an instance takes SIGTERM, drains and exits"
        )
    }

    private struct DrainFacts: Sendable {
        var wasDraining = false
        var endedAfter: Duration?
        var exitStatus: Int32?
        var isRegistered = true
        var isServing = false
    }
}
