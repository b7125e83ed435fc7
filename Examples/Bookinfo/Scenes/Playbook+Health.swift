// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import Hummingbird
import MeshBalancing
import MeshConfig
import MeshCore
import MeshHummingbird
import Synchronization

extension Playbook {
    /// Scene 16: one of two instances of ratings takes its time, and who calls it notices by the requests under way.
    func slowInstance(_ stage: Stage) async throws -> SceneResult {
        var findings = Findings()
        try await stage.apply("all-to-v2.yaml") { views in
            Set(views.compactMap { $0.content?.reviews?.ratingsInstance }).count == 2 && views.allSatisfy(\.isComplete)
        }
        let (slow, requests) = ("ratings-v1-b", min(requests, 600))
        try stage.cluster.folder.slowDown(slow, milliseconds: 200)
        defer { try? stage.cluster.folder.speedUp(slow) }
        // The second one is what the base manifest says.
        var shares: [String: Double] = [:]
        for balancing in ["ROUND_ROBIN", "LEAST_REQUEST"] {
            let base = try String(contentsOfFile: "\(stage.cluster.folder.manifests)/base.yaml", encoding: .utf8)
            let changed = base.replacingOccurrences(
                of: "simple: [A-Z_]+",
                with: "simple: \(balancing)",
                options: .regularExpression
            )
            try stage.cluster.folder.write(Data(changed.utf8), as: "base.yaml")
            // Readers enough that some of them are always under way.
            try await Pause.milliseconds(2_000)
            let views = await stage.load(readers: 16).run(requests)
            findings.expectNoFailure(views)
            let instances = views.compactMap { $0.content?.reviews?.ratingsInstance }
            let share = Double(instances.count { $0 == slow }) * 100 / Double(max(instances.count, 1))
            shares[balancing] = share
            let median = (Nanoseconds(views.medianLatency).seconds * 1_000).oneDigit
            findings.note("\(balancing): half of the pages within \(median) ms")
        }
        let (even, least) = (shares["ROUND_ROBIN"] ?? 0, shares["LEAST_REQUEST"] ?? 100)
        findings.expect((45...55).contains(even), "in turns the slow one has half: \(even.oneDigit)%")
        // Two draws of two endpoints: a quarter of the pairs leave no choice.
        findings.expect(least < 36, "by requests under way it has \(least.oneDigit)%")
        return findings.result(
            "16 slow instance",
            expected: "no request fails, and least request keeps away from the slow one of two"
        )
    }

    /// Scene 17: a page that says of itself that it is not well gets no traffic, before any request fails.
    func activeHealthChecks(_ stage: Stage) async throws -> SceneResult {
        var findings = Findings()
        let clinic = Clinic()
        let address = EndpointAddress(host: "127.0.0.1", port: try FreePorts.reserve(1)[0])
        let seen = try await clinic.serve(at: address) {
            let check = HealthCheck(
                .http(.init(path: "/health")),
                timeout: .milliseconds(500),
                interval: .milliseconds(100),
                unhealthyThreshold: 2,
                healthyThreshold: 2
            )
            var world = MeshResources(pageAt: address, through: [])
            world.clusters[MeshedReader.page]?.healthCheck = check
            world.endpointAssignments[MeshedReader.page] = EndpointAssignment(
                name: MeshedReader.page,
                addresses: [stage.productpage, address]
            )
            return try await SwiftControlPlane(world).serve { controlPlane in
                try await MeshedReader.run(following: controlPlane) { reader in
                    let well = try await reader.share(of: clinic) { $0 > 0.3 }
                    clinic.isWell.store(false, ordering: .relaxed)
                    let ill = try await reader.share(of: clinic) { $0 == 0 }
                    let explained = "\(reader.explainLook())"
                    clinic.isWell.store(true, ordering: .relaxed)
                    let again = try await reader.share(of: clinic) { $0 > 0.3 }
                    return (well: well, ill: ill, again: again, explained: explained)
                }
            }
        }
        for (what, looks) in [("well", seen.well), ("ill", seen.ill), ("well again", seen.again)] {
            let share = Int(looks.share * 100)
            findings.expect(looks.failed == 0, "\(what): \(share)% of the looks, \(looks.failed) failed")
        }
        findings.expect(seen.ill.share == 0, "the ill page was left alone after \(seen.ill.rounds) rounds of 20 looks")
        findings.expect(
            seen.explained.contains("unhealthy") && seen.explained.contains("health check"),
            "explain says which endpoint its health check found ill"
        )
        return findings.result(
            "17 active health checks",
            expected: "what says that it is ill gets no request until it says that it is well, and nobody sees an error"
        )
    }
}

/// A page that says of itself how it is.
private final class Clinic: Sendable {
    let isWell = Atomic(true)

    static let name = "clinic"

    /// Serves as long as `body` takes.
    func serve<Value: Sendable>(
        at address: EndpointAddress,
        _ body: @Sendable () async throws -> Value
    ) async throws -> Value {
        let router = Router(context: BasicMeshRequestContext.self)
        router.get("productpage") { _, _ in
            Response(status: .ok, headers: OwnHeaders.fields(of: .productpage, instance: Self.name))
        }
        router.get("health") { [self] _, _ -> HTTPResponse.Status in
            isWell.load(ordering: .relaxed) ? .ok : .serviceUnavailable
        }
        let application = Application(
            router: router,
            configuration: .init(address: .hostname(address.host, port: Int(address.port ?? 0)))
        )
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await application.run() }
            defer { group.cancelAll() }
            return try await body()
        }
    }
}

/// Looks at the page, until as many as wanted came from one instance.
private struct InstanceShare: Sendable {
    var share = 0.0
    var failed = 0
    var rounds = 0
}

extension MeshedReader {
    fileprivate func share(of clinic: Clinic, until isReached: (Double) -> Bool) async throws -> InstanceShare {
        var seen = InstanceShare()
        let deadline = Date().addingTimeInterval(20)
        repeat {
            let looks = await look(times: 20)
            seen.failed += looks.count { !$0.isServed }
            seen.share = Double(looks.count { $0.headers["x-instance"] == Clinic.name }) / 20
            seen.rounds += 1
            if isReached(seen.share) { return seen }
            try await Pause.milliseconds(100)
        } while Date() < deadline
        return seen
    }
}
