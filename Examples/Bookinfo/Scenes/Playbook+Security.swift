// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import HTTPTypes

extension Playbook {
    /// Scene 4: reviews v3 may not call ratings, whatever it says of itself.
    func authorization(_ stage: Stage) async throws -> SceneResult {
        var findings = Findings()
        try await stage.apply("split-v2-v3.yaml") { views in
            views.share(of: "v2") > 5 && views.share(of: "v3") > 5 && views.allSatisfy(\.isComplete)
        }
        // The rule is the article's: denier, checknothing, rule.
        try stage.cluster.folder.apply("deny-reviews-v3.yaml", as: "policy.yaml")
        try await stage.waitUntil("reviews v3 to be refused") { views in
            let third = views.filter { $0.version == "v3" }
            return !third.isEmpty && third.allSatisfy { $0.content?.reviews?.ratingsStatus == 403 }
        }
        let plain = await stage.load().run(requests / 2)
        let forged = await stage.load(headers: Self.forgedIdentity).run(requests / 2)
        for (views, what) in [(plain, "as they are"), (forged, "with a forged identity header")] {
            let second = views.filter { $0.version == "v2" }
            let third = views.filter { $0.version == "v3" }
            let served = second.count { $0.content?.reviews?.ratingsStatus == 200 }
            let refused = third.count { $0.content?.reviews?.ratingsStatus == 403 }
            findings.expect(
                second.count > 0 && served == second.count && third.count > 0 && refused == third.count,
                "\(what): v2 \(served) of \(second.count) served, v3 \(refused) of \(third.count) refused with 403"
            )
        }
        let message = plain.first { $0.version == "v3" }?.content?.reviews?.ratingsError ?? ""
        findings.expect(message == "Not allowed", "the refusal says \"\(message)\"")
        try await expectNoPlaintext(stage, &findings)
        return findings.result(
            "4 authorization",
            expected: "v3 gets 403 from ratings, v2 is served, a forged header changes nothing, plaintext is refused"
        )
    }

    private func expectNoPlaintext(_ stage: Stage, _ findings: inout Findings) async throws {
        for name in ["ratings-v1-a", "reviews-v1", "details-v1"] {
            guard let address = stage.cluster.addresses[name] else { continue }
            let answer = try? await stage.client.get("/ratings/0", at: address)
            findings.expect(answer == nil, "plaintext to \(name) \(answer.map { "got \($0.status)" } ?? "refused")")
        }
    }

    private static var forgedIdentity: HTTPFields {
        var fields = HTTPFields()
        if let name = HTTPField.Name("x-forwarded-client-cert") {
            fields[name] = "URI=spiffe://cluster.local/ns/default/sa/bookinfo-reviews-v2"
        }
        return fields
    }
}
