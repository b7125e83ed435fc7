// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import ServiceMesh

extension Playbook {
    /// Scene 11: copies of the calls to reviews go to version 3, which counts them, and callers notice nothing of it.
    func mirror(_ stage: Stage) async throws -> SceneResult {
        var findings = Findings()
        let plain = await stage.load().run(requests / 4)

        try await applyMirror("mirror-quarter.yaml", marked: "quarter", stage)
        let quarter = try await mirrored(requests, stage)
        let share = Double(quarter.copies) * 100 / Double(quarter.views.count)
        // Three standard deviations of 2000 draws are 2.9 points.
        findings.expect(
            abs(share - 25) <= 3,
            "mirrorPercentage 25: v3 counted \(quarter.copies) copies of \(quarter.views.count) calls"
        )

        try await applyMirror("mirror-all.yaml", marked: "all", stage)
        let all = try await mirrored(requests, stage)
        findings.expect(
            all.copies == all.views.count,
            "mirrors 100: v3 counted \(all.copies) copies of \(all.views.count) calls"
        )
        let frozen = try await frozenMirror(stage)
        let runs = [
            (quarter.views, "with a quarter copied"), (all.views, "with all copied"), (frozen, "with v3 frozen"),
        ]
        for (views, what) in runs {
            findings.expectNoFailure(views, "calls \(what)")
            findings.expect(
                views.allSatisfy { $0.version == "v1" },
                "\(what) v1 answered \(views.share(of: "v1").oneDigit)%"
            )
        }
        // Whoever waited for a copy that nobody answers would wait as long as the page does.
        let (usual, beside) = (plain.medianLatency, frozen.medianLatency)
        findings.expect(
            beside < usual + ProductPage.reviewsTimeout / 4,
            "median page \(usual.milliseconds) ms without copies, \(beside.milliseconds) ms with v3 frozen"
        )
        let explained = try await MeshedReader.run(stage.cluster) { $0.explainReviews() }["mirror"] ?? "nothing"
        findings.expect(explained.contains("100.0%") && explained.contains("v3"), "explain: mirror \(explained)")
        return findings.result(
            "11 mirror",
            expected: "v3 counts a copy for 25% ±3 points and for all calls, callers see v1 only and wait for no copy"
        )
    }

    private func applyMirror(_ manifest: String, marked mark: String, _ stage: Stage) async throws {
        try await stage.apply(manifest, headers: .user("auditor")) { views in
            views.allSatisfy { $0.version == "v3" && $0.content?.reviewsHeaders["x-rules"] == mark }
        }
    }

    /// Loads the page, and asks v3 how many copies that made.
    private func mirrored(_ count: Int, _ stage: Stage) async throws -> (views: [PageView], copies: Int) {
        let before = try await settledCopies(stage)
        let views = await stage.load().run(count)
        return (views, try await settledCopies(stage) - before)
    }

    /// How many copies v3 has counted, once their number stands still: nobody waits for a copy but this scene.
    private func settledCopies(_ stage: Stage) async throws -> Int {
        let deadline = Date().addingTimeInterval(20)
        var last: Int?
        while Date() < deadline {
            let view = await stage.client.page(at: stage.productpage, headers: .user("auditor"))
            let copies = view.version == "v3" ? view.content?.reviews?.visits.copies : nil
            if let copies, copies == last { return copies }
            last = copies
            try await Pause.milliseconds(500)
        }
        throw BookinfoError("reviews v3 does not say how many copies it got, or gets more and more")
    }

    /// Loads the page while v3 answers nobody, for less time than its lease lasts.
    private func frozenMirror(_ stage: Stage) async throws -> [PageView] {
        let copy = try stage.cluster.process("reviews-v3")
        copy.freeze()
        let views = await stage.load().run(min(requests / 4, 200))
        copy.thaw()
        try await stage.waitUntil("reviews v3 to be back", headers: .user("auditor")) { views in
            views.allSatisfy { $0.isComplete && $0.version == "v3" }
        }
        return views
    }
}
