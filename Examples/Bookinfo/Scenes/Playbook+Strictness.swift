// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshCore

extension Playbook {
    /// The services that take both at first, by the instances that are asked in plaintext.
    private static let opened = [
        ("details", "details-v1"), ("reviews", "reviews-v1"), ("ratings", "ratings-v1-a"),
    ]

    /// Scene 18: services that take plaintext and mutual TLS on one port take mutual TLS alone from now on, one after
    /// another, while readers look at the page.
    func permissiveToStrict(_ stage: Stage) async throws -> SceneResult {
        var findings = Findings()
        try await stage.apply("all-to-v2.yaml") { views in
            views.allSatisfy { $0.isComplete && $0.version == "v2" }
        }
        let (facts, views) = try await stage.load().run(atLeast: requests) { _ in
            var facts = StrictnessFacts()
            for (service, instance) in Self.opened {
                try stage.cluster.folder.apply("permissive-\(service).yaml", as: "permissive-\(service).yaml")
                if try await stage.takesPlaintext(instance, within: 15) { facts.opened.append(service) }
            }
            for (service, instance) in Self.opened {
                try stage.cluster.folder.remove("permissive-\(service).yaml")
                if try await stage.refusesPlaintext(instance, within: 15) { facts.closed.append(service) }
            }
            return facts
        }
        // Whatever came of it, the next scene begins strict.
        for (service, _) in Self.opened { try stage.cluster.folder.remove("permissive-\(service).yaml") }
        let all = Self.opened.map(\.0)
        findings.expect(facts.opened == all, "took plaintext while permissive: \(facts.opened.joined(separator: ", "))")
        findings.expect(facts.closed == all, "refused it when strict: \(facts.closed.joined(separator: ", "))")
        findings.expectNoFailure(views)
        return findings.result(
            "18 permissive to strict",
            expected: "each service takes plaintext, and then mutual TLS alone, while no page fails"
        )
    }

    private struct StrictnessFacts: Sendable {
        var opened: [String] = []
        var closed: [String] = []
    }
}

extension Stage {
    /// Whether an instance answers whoever proves nothing, at the latest after so many seconds.
    fileprivate func takesPlaintext(_ instance: String, within seconds: Double) async throws -> Bool {
        try await becomes(true, instance, within: seconds)
    }

    fileprivate func refusesPlaintext(_ instance: String, within seconds: Double) async throws -> Bool {
        try await becomes(false, instance, within: seconds)
    }

    private func becomes(_ isTaken: Bool, _ instance: String, within seconds: Double) async throws -> Bool {
        guard let address = cluster.addresses[instance] else { throw BookinfoError("no address of \(instance)") }
        let deadline = Date().addingTimeInterval(seconds)
        repeat {
            let answer = try? await client.get("/health", at: address)
            if (answer?.status == 200) == isTaken { return true }
            try await Pause.milliseconds(50)
        } while Date() < deadline
        return false
    }
}
