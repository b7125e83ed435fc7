// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import ServiceMesh

extension Playbook {
    /// Scene 12: reviews sees other paths and hosts than the page called.
    func rewrite(_ stage: Stage) async throws -> SceneResult {
        var findings = Findings()
        try await stage.apply("rewrite.yaml", headers: .user("jason")) { views in
            views.allSatisfy { $0.content?.reviews?.call.path == "/api/v2/reviews/0" }
        }
        let cases: [(user: String, path: String, authority: String)] = [
            ("jason", "/api/v2/reviews/0", "reviews.archive.example"),
            ("maria", "/api/v2/books/0/reviews", BookinfoHost.reviews),
            ("anna", "/reviews/0", BookinfoHost.reviews),
        ]
        for (user, path, authority) in cases {
            let views = await stage.load(headers: .user(user)).run(requests / 4)
            findings.expectNoFailure(views)
            let isRewritten = path != "/reviews/0"
            let right = views.count { view in
                guard let call = view.content?.reviews?.call else { return false }
                // As behind Envoy, a service can see what was asked for.
                let original = isRewritten ? "/reviews/0" : nil
                return call.path == path && call.authority == authority
                    && call.headers["x-envoy-original-path"] == original
            }
            findings.expect(
                right == views.count && right > 0,
                "\(user): \(right) of \(views.count) arrived as \(authority)\(path)"
            )
        }
        let explained = try await MeshedReader.run(stage.cluster) { reader in
            ["jason", "maria", "anna"].map { reader.explainReviews(.user($0))["path"] ?? "stays" }
        }
        findings.expect(
            explained == ["becomes /api/v2/reviews/0", "becomes /api/v2/books/0/reviews", "stays"],
            "explain: the path \(explained.joined(separator: ", "))"
        )
        return findings.result(
            "12 rewrite",
            expected: "reviews sees the rewritten path and host of each user, and the old ones of all others"
        )
    }

    /// Scene 13: header fields are set, added and removed, on the way there and back, by the rule and its destinations.
    func headerMutation(_ stage: Stage) async throws -> SceneResult {
        var findings = Findings()
        let before = await stage.load(headers: .user("jason")).run(100)
        let untouched = before.count { $0.heads == Heads.untouched(user: "jason") }
        findings.expect(
            untouched == before.count,
            "without the rule \(untouched) of \(before.count) heads arrive as they were sent"
        )
        try await stage.apply("headers.yaml") { views in
            views.allSatisfy { $0.content?.reviewsHeaders["x-edition"] == "octavo" }
        }
        for user in ["jason", nil] {
            let views = await stage.load(headers: user.map { .user($0) } ?? [:]).run(requests / 2)
            findings.expectNoFailure(views)
            let right = views.count { $0.heads == Heads.changed(user: user, version: $0.version) }
            let example = views.first { $0.heads != Heads.changed(user: user, version: $0.version) }?.heads
            findings.expect(
                right == views.count,
                "\(user ?? "nobody"): \(right) of \(views.count) heads changed as the rule says"
                    + (example.map { ", but \($0)" } ?? "")
            )
            let share = views.share(of: "v2")
            findings.expect(abs(share - 50) <= 10, "\(share.oneDigit)% with the fields of destination v2")
        }
        let explained = try await MeshedReader.run(stage.cluster) { $0.explainReviews() }["header changes"] ?? "none"
        findings.expect(
            explained.contains("requests lose x-instance") && explained.contains("x-edition: octavo"),
            "explain: \(explained)"
        )
        return findings.result(
            "13 header mutation",
            expected: "fields are set, added and removed in requests and responses, for each destination its own"
        )
    }
}

/// The fields of a call to reviews and its answer that the scene is about.
private struct Heads: Equatable {
    var request: [String: String]
    var response: [String: String]

    private static let requestNames: Set = [
        "end-user", "x-edition", "x-trail", "x-instance", "x-reader", "x-destination",
    ]
    private static let responseNames: Set = ["x-edition", "x-trail", "x-instance", "x-source"]

    init(request: [String: String], response: [String: String]) {
        self.request = request.filter { Self.requestNames.contains($0.key) }
        self.response = response.filter { Self.responseNames.contains($0.key) }
    }

    /// As the two services write them.
    static func untouched(user: String) -> Heads {
        Heads(
            request: [
                "end-user": user, "x-edition": "quarto", "x-trail": "productpage", "x-instance": "productpage-v1",
            ],
            response: ["x-edition": "quarto", "x-trail": "reviews", "x-instance": "reviews-v1"]
        )
    }

    /// As `headers.yaml` changes them.
    static func changed(user: String?, version: String?) -> Heads {
        var heads = Heads(
            request: ["x-edition": "folio", "x-trail": "productpage, mesh", "x-destination": version ?? "none"],
            response: ["x-edition": "octavo", "x-trail": "reviews, mesh", "x-source": version ?? "none"]
        )
        // Where there is no user, what names him comes out empty, and nothing is added.
        heads.request["end-user"] = user
        heads.request["x-reader"] = user
        return heads
    }
}

extension PageView {
    fileprivate var heads: Heads? {
        guard let content, let call = content.reviews?.call else { return nil }
        return Heads(request: call.headers, response: content.reviewsHeaders)
    }
}
