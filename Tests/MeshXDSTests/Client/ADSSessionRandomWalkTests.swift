// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import Testing

@testable import MeshXDS

@Suite("The client's session machine, at random")
struct ADSSessionRandomWalkTests {
    @Test("whatever a server sends, a published configuration is complete and valid")
    func randomWalk() async throws {
        let random = MeshRandom(seed: 7)
        var session = ScriptedSession.connected()
        var published = 0
        // Encoded once: the walk is about the machine.
        let worlds = (0..<64).map { _ in
            let resources = Self.someResources(random)
            return Dictionary(
                uniqueKeysWithValues: ResourceKind.allCases.map { ($0, Array(Fixtures.packed(resources, $0).values)) }
            )
        }
        for _ in 0..<10_000 {
            // Other tests are to go on meanwhile.
            await Task.yield()
            switch random.below(20) {
            case 0:
                session.disconnect()
                session.connect()
            case 1: check(session.advance(random.below(20)), &published)
            default:
                let kind = ResourceKind.allCases[Int(random.below(4))]
                var packed = worlds[Int(random.below(64))][kind] ?? []
                if random.below(8) == 0 { packed.append(try Fixtures.badCluster("c\(random.below(3))")) }
                let absent = random.below(10) == 0 ? ["c\(random.below(3))"] : []
                check(session.respond(kind, packed, version: "\(random.below(100))", absent: absent), &published)
            }
        }
        #expect(published > 100)
    }

    private static func someResources(_ random: MeshRandom) -> MeshResources {
        var resources = MeshResources()
        for number in 0..<3 where random.below(4) > 0 {
            let target = "c\(random.below(3))"
            resources.listeners["l\(number)"] = Fixtures.listener("l\(number)", routes: "r\(random.below(3))")
            resources.routeConfigurations["r\(number)"] = Fixtures.routes("r\(number)", to: target)
            resources.clusters["c\(number)"] = Cluster(name: "c\(number)")
            resources.endpointAssignments["c\(number)"] = Fixtures.endpoints(
                "c\(number)",
                "10.0.0.\(1 + random.below(9))"
            )
        }
        return resources
    }

    private func check(_ action: ScriptedSession.Reply, _ published: inout Int) {
        guard let resources = action.publication else { return }
        published += 1
        #expect(throws: Never.self) { try resources.validate() }
        for listener in resources.listeners.values { #expect(resources.routes(of: listener) != nil) }
        let used = Set(resources.routeConfigurations.values.flatMap(\.clusterNames))
        #expect(used.isSuperset(of: resources.clusters.keys))
    }
}
