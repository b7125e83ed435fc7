// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshSecurity
import Synchronization
import Testing

@testable import ServiceMesh

@Suite("An authorizer over HTTP")
struct HTTPAuthorizerTests {
    /// Answers each call alike.
    private final class FixedCalls: OwnCalls {
        let asked = Mutex<[OwnQuestion]>([])
        let answer: OwnAnswer

        init(_ answer: OwnAnswer) { self.answer = answer }

        func answer(
            to question: OwnQuestion,
            cluster: String,
            timeout: Nanoseconds,
            maximumBytes: Int
        ) async throws -> OwnAnswer {
            asked.withLock { $0.append(question) }
            return answer
        }
    }

    private func ask(_ status: Int, _ headers: [(name: String, value: String)] = [], body: String = "") async throws
        -> (verdict: ExternalVerdict, asked: OwnQuestion?)
    {
        let calls = FixedCalls(OwnAnswer(status: status, headers: headers, body: Array(body.utf8)))
        let authorizer = HTTPAuthorizer(
            cluster: "authz",
            settings: HTTPAuthorization(
                pathPrefix: "/check",
                addedHeaders: [.init("x-added", "1")],
                upstreamHeaders: [StringMatcher(.exact("x-user"))],
                appendedHeaders: [StringMatcher(.exact("x-more"))],
                clientHeaders: [StringMatcher(.exact("x-why"))],
                notedHeaders: [StringMatcher(.exact("x-note"))]
            ),
            timeout: .milliseconds(200),
            calls: { calls }
        )
        let question = AuthorizationQuestion(
            method: "POST",
            scheme: "http",
            authority: "shop",
            path: "/buy?a",
            headers: [":method": "POST", "authorization": "Bearer x", "content-length": "9", "x-added": "forged"],
            peer: AuthorizationPeer(identity: nil)
        )
        return (try await authorizer.check(question, deadline: .never), calls.asked.withLock { $0.first })
    }

    @Test func `it is asked by the request's own method and path`() async throws {
        let asked = try #require(try await ask(200).asked)
        #expect(asked.method == "POST")
        #expect(asked.authority == "shop")
        #expect(asked.path == "/check/buy?a")
        let headers = asked.headers.map { "\($0.name): \($0.value)" }
        #expect(headers == ["authorization: Bearer x", "content-length: 0", "x-added: 1"])
    }

    @Test func `only headers that may go on go on`() async throws {
        let verdict = try await ask(
            200,
            [
                ("x-user", "me"), ("x-more", "2"), ("x-other", "3"), ("x-note", "n"),
                ("x-envoy-auth-headers-to-remove", "x-a, x-b"),
            ]
        ).verdict
        #expect(
            verdict
                == ExternalVerdict(
                    changes: [.init("x-user", "me"), .init("x-more", "2", .add)],
                    removedHeaders: ["x-a", "x-b"],
                    metadata: ["x-note": .text("n")]
                )
        )
    }

    @Test func `what is no 200 is the answer, and what is a 5xx is none`() async throws {
        let refused = try await ask(302, [("location", "/login"), ("x-why", "w"), ("x-other", "o")], body: "no").verdict
        #expect(
            refused.refusal
                == LocalReply(status: 302, body: "no", headers: [.init("location", "/login"), .init("x-why", "w")])
        )
        for status in [201, 204, 401] { #expect(try await ask(status).verdict.refusal?.status == status) }
        for status in [500, 503] {
            await #expect(throws: MeshError.self) { try await ask(status) }
        }
    }
}
