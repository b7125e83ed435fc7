// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import HTTPTypes

extension Playbook {
    /// Scene 1: weights of a VirtualService, then of the article's RouteRule.
    func split(_ stage: Stage) async throws -> SceneResult {
        var findings = Findings()
        for manifest in ["split-virtualservice.yaml", "split-routerule.yaml"] {
            try await stage.apply("all-to-v1.yaml") { views in views.allSatisfy { $0.version == "v1" } }
            try await stage.apply(manifest) { views in views.share(of: "v2") > 5 && views.share(of: "v3") == 0 }
            let views = await stage.load().run(requests)
            findings.expectNoFailure(views)
            let (v1, v2) = (views.share(of: "v1"), views.share(of: "v2"))
            // Three standard deviations of 2000 draws are 2.9 points.
            findings.expect(
                abs(v1 - 75) <= 3 && abs(v2 - 25) <= 3,
                "\(manifest): \(v1.oneDigit)% v1, \(v2.oneDigit)% v2 of \(views.count)"
            )
        }
        return findings.result("1 traffic split 75/25", expected: "75% v1 and 25% v2, ±3 points, no failure")
    }

    /// Scene 2: one user gets another version.
    func headerRouting(_ stage: Stage) async throws -> SceneResult {
        var findings = Findings()
        let jason: HTTPFields = [HTTPField.Name("end-user") ?? .userAgent: "jason"]
        try await stage.apply("header-jason.yaml", headers: jason) { views in views.allSatisfy { $0.version == "v2" } }
        async let jasons = stage.load(readers: 4, headers: jason).run(requests / 2)
        async let others = stage.load(readers: 4).run(requests / 2)
        let (jasonViews, otherViews) = await (jasons, others)
        findings.expectNoFailure(jasonViews + otherViews)
        findings.expect(
            jasonViews.allSatisfy { $0.version == "v2" },
            "jason: \(jasonViews.share(of: "v2").oneDigit)% v2 of \(jasonViews.count)"
        )
        findings.expect(
            otherViews.allSatisfy { $0.version == "v1" },
            "others: \(otherViews.share(of: "v1").oneDigit)% v1 of \(otherViews.count)"
        )
        return findings.result("2 header routing", expected: "end-user jason always v2, everybody else always v1")
    }

    /// Scene 3: the article's delay, and a page that does not wait for it.
    func delay(_ stage: Stage) async throws -> SceneResult {
        var findings = Findings()
        try await stage.apply("delay-routerule.yaml") { views in views.contains { $0.content?.reviewsStatus == 0 } }
        // Fewer requests than elsewhere: each delayed one holds its reader for the page's whole deadline.
        let views = await stage.load(readers: 4).run(max(requests / 4, 100))
        let delayed = views.filter { $0.status == 200 && $0.content?.reviewsStatus == 0 }
        let share = Double(delayed.count) * 100 / Double(views.count)
        // Three standard deviations of 500 draws are 4 points.
        findings.expect(abs(share - 10) <= 4, "\(share.oneDigit)% of \(views.count) delayed")
        let slowest = views.map(\.latency).max() ?? .zero
        findings.expect(slowest < .seconds(1), "slowest page \(slowest.formatted(.units(allowed: [.milliseconds])))")
        findings.expect(views.allSatisfy { $0.status == 200 }, "every page was served")
        findings.expect(
            delayed.allSatisfy { $0.content?.error?.contains("deadlineExceeded") == true },
            "delayed calls ended with deadlineExceeded"
        )
        return findings.result(
            "3 fixed delay",
            expected: "10% ±4 points of calls to reviews v1 delayed by 5 s, every page below 1 s"
        )
    }
}
