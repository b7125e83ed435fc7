// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshConfig
import MeshCore
import MeshHTTP
import MeshResilience
import MeshRouting
import MeshXDS
import ServiceMesh

/// The limit that scene 15 expects of the rate limit service.
enum GlobalLimit {
    static let domain = "bookinfo"
    /// So many requests an hour for each value of `end-user`.
    static let perUser = 10

    /// What a reader needs to reach the page, each request counted under its user by the service.
    static func world(_ page: EndpointAddress, timeout: Nanoseconds) -> MeshResources {
        let limit = GlobalRateLimitConfiguration(
            domain: domain,
            service: "rate-limit-service",
            timeout: timeout,
            headers: .draft03
        )
        return MeshResources(
            pageAt: page,
            through: [.globalRateLimit(GlobalRateLimitFilter(limit))],
            rateLimits: [RouteRateLimit([.header("end-user", key: "end-user")])]
        )
    }
}

extension Playbook {
    /// Scene 15: readers in several processes' meshes share one limit, which a service of Envoy's protocol counts.
    func globalRateLimit(_ stage: Stage) async throws -> SceneResult {
        guard let service = rateLimitService else { throw BookinfoError("there is no rate limit service") }
        var findings = Findings()
        // Generous: it is not the service's speed that is looked at.
        let world = GlobalLimit.world(stage.productpage, timeout: .seconds(3))
        // The service may have seen the scene before; users are new each time.
        let run = String(UInt32.random(in: .min ... .max), radix: 16)
        findings = try await SwiftControlPlane(world).serve { [findings] address in
            var findings = findings
            async let one = limited(address, service) { await $0.refusals(.user("jason-\(run)"), of: 20) }
            async let two = limited(address, service) { await $0.refusals(.user("jason-\(run)"), of: 20) }
            let shared = try await [one, two]
            findings.expectLimit(shared, "two meshes, one user")
            findings.expectLimit(
                [try await limited(address, service) { await $0.refusals(.user("maria-\(run)"), of: 20) }],
                "another user"
            )
            let nobody = try await limited(address, service) { await $0.refusals([:], of: 20) }
            findings.expect(nobody.served == 20, "without a user: \(nobody.served) of 20 served, nothing to count by")
            findings.expect(
                nobody.explained.contains("domain \(GlobalLimit.domain)"),
                "explain: \(nobody.explained)"
            )
            return findings
        }
        try await unreachable(stage, &findings)
        return findings.result(
            "15 global rate limit",
            expected: "a user gets \(GlobalLimit.perUser) requests in all meshes together; without a service all pass"
        )
    }

    /// A service that is not there: requests go on, and the metrics tell.
    private func unreachable(_ stage: Stage, _ findings: inout Findings) async throws {
        guard let port = try FreePorts.reserve(1).first else { throw BookinfoError("no port is free") }
        let nobody = EndpointAddress(host: "127.0.0.1", port: port)
        let world = GlobalLimit.world(stage.productpage, timeout: .milliseconds(200))
        let seen = try await SwiftControlPlane(world).serve { address in
            try await limited(address, nobody) { await $0.refusals(.user("jason"), of: 10) }
        }
        findings.expect(
            seen.served == 10 && seen.unanswered == 10,
            "service away: \(seen.served) of 10 served (metric: \(seen.unanswered) without an answer)"
        )
    }

    /// Runs a reader whose mesh asks the service.
    private func limited(
        _ controlPlane: EndpointAddress,
        _ service: EndpointAddress,
        _ body: @escaping @Sendable (MeshedReader) async -> Refusals
    ) async throws -> Refusals {
        let client = try RateLimitServiceClient(address: service)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await client.run() }
            defer { client.beginGracefulShutdown() }
            let protection = MeshedReader.Protection(rateLimitServices: RateLimitServices(client))
            return try await MeshedReader.run(following: controlPlane, protection, body)
        }
    }
}

/// What became of a reader's looks at the page.
private struct Refusals: Sendable {
    var looks: [MeshedReader.Look]
    /// What the metrics count.
    var counted: Int
    var unanswered: Int
    var explained: String

    var served: Int { looks.count(where: \.isServed) }

    /// Those that were refused as Envoy refuses them.
    var refused: Int {
        looks.count {
            $0.status == 429 && $0.headers["x-envoy-ratelimited"] == "true"
                && $0.headers["x-ratelimit-remaining"] == "0"
        }
    }
}

extension MeshedReader {
    fileprivate func refusals(_ headers: HTTPFields, of count: Int) async -> Refusals {
        Refusals(
            looks: await look(headers, times: count, atOnce: 4),
            counted: decisions.total(["policy": "rate_limit", "action": "refused", "mode": "enforce"]),
            unanswered: decisions.total(["policy": "rate_limit", "action": "fell_back", "mode": "enforce"]),
            explained: explainLook(headers)["filter"] ?? "no filter"
        )
    }
}

extension Findings {
    /// Expects that the looks of one user were served up to the limit, and all others refused.
    fileprivate mutating func expectLimit(_ readers: [Refusals], _ what: String) {
        let served = readers.reduce(0) { $0 + $1.served }
        let refused = readers.reduce(0) { $0 + $1.refused }
        let total = readers.reduce(0) { $0 + $1.looks.count }
        expect(
            served == GlobalLimit.perUser && served + refused == total
                && readers.allSatisfy { $0.counted == $0.refused },
            "\(what): \(served) of \(total) served, \(refused) got 429 with x-envoy-ratelimited "
                + "(metric: \(readers.reduce(0) { $0 + $1.counted }))"
        )
    }
}
