// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshCore

extension Playbook {
    /// Scene 5: an endpoint dies without a word.
    func endpointKilled(_ stage: Stage) async throws -> SceneResult {
        var findings = Findings()
        try await stage.apply("all-to-v2.yaml") { views in
            Set(views.compactMap { $0.content?.reviews?.ratingsInstance }).count == 2 && views.allSatisfy(\.isComplete)
        }
        let victim = try stage.cluster.process("ratings-v1-b")
        let log = LogReader(path: "\(stage.cluster.folder.logs)/reviews-v2.log")
        let (facts, views) = try await stage.load().run(atLeast: requests) { soFar in
            try await Pause.milliseconds(500)
            let logged = log.length
            victim.kill()
            let killed = ContinuousClock().now
            // A registration is renewed every third of its lease, so the one that holds now ends within a lease.
            var ejectedAfter: Duration?
            while ejectedAfter == nil, ContinuousClock().now - killed < .seconds(Cluster.lease) {
                if log.contains("ejected", behind: logged) { ejectedAfter = ContinuousClock().now - killed }
                try await Pause.milliseconds(50)
            }
            let stillRegistered = try await stage.isRegistered("ratings-v1-b")
            try await Pause.milliseconds(1000)
            let beforeRestart = soFar().count
            try victim.start()
            let deadline = Date().addingTimeInterval(30)
            var returned = false
            while !returned, Date() < deadline {
                try await Pause.milliseconds(200)
                returned = soFar().dropFirst(beforeRestart)
                    .contains { $0.content?.reviews?.ratingsInstance == "ratings-v1-b" }
            }
            return KillFacts(ejectedAfter: ejectedAfter, stillRegistered: stillRegistered, returned: returned)
        }
        findings.expectNoFailure(views)
        findings.expect(
            facts.ejectedAfter != nil && facts.stillRegistered,
            "ejected \(facts.ejectedAfter.map { "after \(Nanoseconds($0).seconds.oneDigit) s" } ?? "never"), "
                + "\(facts.stillRegistered ? "before" : "after") its lease of \(Cluster.lease) s ended"
        )
        findings.expect(facts.returned, facts.returned ? "traffic returned after the restart" : "no traffic returned")
        return findings.result(
            "5 endpoint killed",
            expected: "no request fails, the dead endpoint is ejected before its lease ends, traffic returns"
        )
    }

    private struct KillFacts: Sendable {
        var ejectedAfter: Duration?
        var stillRegistered: Bool
        var returned: Bool
    }

    /// Scene 6: the control plane dies and comes back.
    func controlPlaneKilled(_ stage: Stage) async throws -> SceneResult {
        var findings = Findings()
        let (appliedAfter, views) = try await stage.load().run(atLeast: requests) { soFar in
            try await Pause.milliseconds(500)
            stage.cluster.controlPlane.kill()
            try await Pause.milliseconds(UInt64(Cluster.lease) * 1000 + 1000)
            try stage.cluster.folder.apply("all-to-v2.yaml")
            try await Pause.milliseconds(500)
            let before = soFar().count
            try stage.cluster.controlPlane.start()
            let started = ContinuousClock().now
            while ContinuousClock().now - started < .seconds(60) {
                try await Pause.milliseconds(100)
                let fresh = soFar().dropFirst(before)
                if fresh.suffix(50).count == 50, fresh.suffix(50).allSatisfy({ $0.version == "v2" }) {
                    return Duration?.some(ContinuousClock().now - started)
                }
            }
            return nil
        }
        findings.expectNoFailure(views)
        findings.expect(
            appliedAfter != nil,
            "the edit made meanwhile applied "
                + (appliedAfter.map { "\(Nanoseconds($0).seconds.oneDigit) s after the restart" } ?? "never")
        )
        return findings.result(
            "6 control plane killed",
            expected: "no request fails, and an edit made meanwhile applies when it is back"
        )
    }

    /// Scene 7: a mistake is saved.
    func brokenManifest(_ stage: Stage) async throws -> SceneResult {
        var findings = Findings()
        try stage.cluster.folder.apply("broken.yaml")
        let found = try await stage.diagnostics {
            $0.contains { $0.severity == "error" && $0.file.hasSuffix("traffic.yaml") }
        }
        let mistake = found.first { $0.severity == "error" }
        findings.expect(
            mistake.map { $0.line == Self.brokenLine && $0.column > 0 } ?? false,
            mistake.map { "\($0.file):\($0.line):\($0.column): \($0.message)" } ?? "no error was reported"
        )
        let views = await stage.load().run(requests)
        findings.expectNoFailure(views)
        findings.expect(
            views.allSatisfy { $0.version == "v1" },
            "\(views.share(of: "v1").oneDigit)% of \(views.count) under the old rules"
        )
        return findings.result(
            "7 broken manifest",
            expected: "the error names file, line and column, and traffic goes on under the old rules"
        )
    }

    /// The line of `broken.yaml` that holds the mistake.
    private static let brokenLine = 12
}
