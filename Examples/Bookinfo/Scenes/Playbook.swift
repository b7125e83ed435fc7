// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import HTTPTypes
import MeshCore

/// Plays the scenes in order, each on a cluster that runs and under traffic.
struct Playbook: Sendable {
    let cluster: Cluster
    let requests: Int
    /// Where a rate limit service listens, if there is one.
    var rateLimitService: EndpointAddress?

    /// A scene by its number and name.
    struct Scene: Sendable {
        var number: Int
        var name: String
        var needsRateLimitService = false
        var play: @Sendable (Playbook, Stage) async throws -> SceneResult
    }

    static let scenes = [
        Scene(number: 1, name: "1 traffic split 75/25") { try await $0.split($1) },
        Scene(number: 2, name: "2 header routing") { try await $0.headerRouting($1) },
        Scene(number: 3, name: "3 fixed delay") { try await $0.delay($1) },
        Scene(number: 4, name: "4 authorization") { try await $0.authorization($1) },
        Scene(number: 5, name: "5 endpoint killed") { try await $0.endpointKilled($1) },
        Scene(number: 6, name: "6 control plane killed") { try await $0.controlPlaneKilled($1) },
        Scene(number: 7, name: "7 broken manifest") { try await $0.brokenManifest($1) },
        Scene(number: 8, name: "8 one connected trace") { try await $0.connectedTrace($1) },
        Scene(number: 9, name: "9 graceful end") { try await $0.gracefulEnd($1) },
        Scene(number: 10, name: "10 policies at work") { try await $0.policies($1) },
        Scene(number: 11, name: "11 mirror") { try await $0.mirror($1) },
        Scene(number: 12, name: "12 rewrite") { try await $0.rewrite($1) },
        Scene(number: 13, name: "13 header mutation") { try await $0.headerMutation($1) },
        Scene(number: 14, name: "14 fault by header") { try await $0.faultByHeader($1) },
        Scene(number: 15, name: "15 global rate limit", needsRateLimitService: true) {
            try await $0.globalRateLimit($1)
        },
        Scene(number: 16, name: "16 slow instance") { try await $0.slowInstance($1) },
        Scene(number: 17, name: "17 active health checks") { try await $0.activeHealthChecks($1) },
        Scene(number: 18, name: "18 permissive to strict") { try await $0.permissiveToStrict($1) },
    ]

    func play(only numbers: Set<Int>?) async throws -> [SceneResult] {
        let stage = try Stage(cluster: cluster, requests: requests)
        var results: [SceneResult] = []
        for scene in Self.scenes where numbers?.contains(scene.number) ?? true {
            if scene.needsRateLimitService, rateLimitService == nil {
                print("scene \(scene.name): left out, because no --rate-limit-service was given")
                continue
            }
            print("scene \(scene.name) …")
            let start = ContinuousClock().now
            do {
                results.append(try await scene.play(self, stage))
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                results.append(
                    SceneResult(
                        name: scene.name,
                        expected: "the scene can be played",
                        observed: "\(error)",
                        passed: false
                    )
                )
            }
            let seconds = Nanoseconds(ContinuousClock().now - start).seconds.oneDigit
            print("scene \(scene.name): \(results.last?.passed == true ? "passed" : "FAILED") after \(seconds) s")
            // Each scene begins with the same rules and every process alive.
            try await stage.reset()
        }
        await stage.close()
        return results
    }
}

/// What every scene needs: the cluster, a reader's client, and ways to wait for an edit to take effect.
final class Stage: Sendable {
    let cluster: Cluster
    let client: OutsideClient
    let requests: Int
    let productpage: EndpointAddress

    init(cluster: Cluster, requests: Int) throws {
        self.cluster = cluster
        self.client = OutsideClient()
        self.requests = requests
        self.productpage = try cluster.productpage
    }

    func close() async {
        await client.close()
    }

    func load(readers: Int = 8, headers: HTTPFields = [:]) -> Load {
        Load(client: client, address: productpage, readers: readers, headers: headers)
    }

    /// Puts a manifest in force and waits until traffic shows it.
    func apply(
        _ manifest: String,
        headers: HTTPFields = [:],
        until hasTakenEffect: @escaping @Sendable ([PageView]) -> Bool
    ) async throws {
        try cluster.folder.apply(manifest)
        try await waitUntil("\(manifest) to take effect", headers: headers, hasTakenEffect)
    }

    /// Looks at the page until what is seen satisfies a condition.
    func waitUntil(
        _ what: String,
        seconds: Double = 30,
        headers: HTTPFields = [:],
        _ condition: @Sendable ([PageView]) -> Bool
    ) async throws {
        let deadline = Date().addingTimeInterval(seconds)
        var views: [PageView] = []
        repeat {
            views = await load(headers: headers).run(60)
            if condition(views) { return }
            try Task.checkCancellation()
        } while Date() < deadline
        let last = views.first { !$0.isComplete }?.summary ?? "all pages complete"
        throw BookinfoError("waited \(Int(seconds)) s for \(what): \(last)")
    }

    /// Goes back to the rules that every scene begins with.
    func reset() async throws {
        try cluster.folder.remove("policy.yaml")
        try await apply("all-to-v1.yaml") { views in views.allSatisfy { $0.isComplete && $0.version == "v1" } }
    }
}
