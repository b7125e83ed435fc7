// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import Testing

@testable import MeshXDS

@Suite("Our client's machine and our server's")
struct ADSConversationTests {
    @Test("a service that goes and comes back is served again, without waiting", arguments: [true, false])
    func reappearance(reportsMissing: Bool) {
        var conversation = ADSConversation(reportsMissing: reportsMissing)
        for _ in 0..<3 {
            conversation.serve(Fixtures.mesh)
            #expect(conversation.published == Fixtures.mesh)
            conversation.serve(MeshResources())
            #expect(conversation.published == MeshResources())
        }
        conversation.serve(Fixtures.mesh)
        #expect(conversation.published == Fixtures.mesh)
        #expect(conversation.client.nextDeadline == nil)
    }

    @Test("a service that changed while it was gone comes back as it is now", arguments: [true, false])
    func changedMeanwhile(reportsMissing: Bool) {
        var conversation = ADSConversation(reportsMissing: reportsMissing)
        conversation.serve(Fixtures.mesh)
        // Nothing refers to the cluster and its endpoints any more; they are there, and change.
        var mesh = Fixtures.mesh
        mesh.listeners = [:]
        conversation.serve(mesh)
        #expect(conversation.published == MeshResources())
        mesh.clusters["c"]?.connectTimeout = .seconds(9)
        mesh.endpointAssignments["c"] = Fixtures.endpoints("c", "10.0.0.2")
        conversation.serve(mesh)
        conversation.advance(60)
        mesh.listeners = Fixtures.mesh.listeners
        conversation.serve(mesh)
        #expect(conversation.published == mesh)
        #expect(conversation.client.nextDeadline == nil)
    }

    @Test("a name that was let go of, and is back before the server heard of it, is not waited for")
    func mergedRequests() {
        var both = Fixtures.mesh
        both.routeConfigurations["r"] = Fixtures.routes("r", to: "c", "d")
        both.clusters["d"] = Cluster(name: "d")
        both.endpointAssignments["d"] = Fixtures.endpoints("d", "10.0.0.2")
        var fewer = both
        fewer.routeConfigurations["r"] = Fixtures.routes("r", to: "c")
        var conversation = ADSConversation()
        conversation.serve(both)
        #expect(conversation.published == both)
        // The client takes both responses before its requests leave the outbox: the second replaces the first.
        conversation.push(ADSConversation.World(fewer).packed)
        conversation.push(ADSConversation.World(both).packed)
        while conversation.deliverResponse() {}
        conversation.exchange()
        #expect(conversation.published == both)
        #expect(conversation.client.nextDeadline == nil)
    }

    @Test("a client that goes over to another cluster never lacks one")
    func makeBeforeBreak() {
        var conversation = ADSConversation()
        conversation.serve(Fixtures.mesh)
        let next = MeshResources(
            listeners: [Fixtures.listener("l", routes: "r")],
            routeConfigurations: [Fixtures.routes("r", to: "d")],
            clusters: [Cluster(name: "d")],
            endpointAssignments: [Fixtures.endpoints("d", "10.0.0.2")]
        )
        conversation.serve(next)
        #expect(conversation.published == next)
        #expect(conversation.client.nextDeadline == nil)
    }

    @Test("a refusal stands until the next response, whatever is subscribed to meanwhile")
    func standingRefusal() throws {
        var conversation = ADSConversation()
        conversation.serve(Fixtures.mesh)
        // The cluster is bad, and in the same breath the routes go over to another one.
        var mesh = Fixtures.mesh
        mesh.routeConfigurations["r"] = Fixtures.routes("r", to: "c", "d")
        mesh.clusters["d"] = Cluster(name: "d")
        mesh.endpointAssignments["d"] = Fixtures.endpoints("d", "10.0.0.2")
        var packed = ADSConversation.World(mesh).packed
        packed[.cluster]?["c"] = try Fixtures.badCluster("c")
        let earlier = conversation.verdicts.count
        conversation.push(packed)
        conversation.exchange()
        // The last good one stays in use beside the new one.
        #expect(conversation.published == mesh)
        let refusals = conversation.verdicts.dropFirst(earlier).compactMap(Self.takesClusters)
        #expect(!refusals.isEmpty && !refusals.contains(true))
        conversation.serve(Fixtures.mesh)
        #expect(conversation.published == Fixtures.mesh)
        #expect(conversation.verdicts.compactMap(Self.takesClusters).last == true)
    }

    /// Whether clusters are taken; `nil` if it is about something else.
    private static func takesClusters(_ verdict: ADSServerStreamStateMachine.Verdict) -> Bool? {
        switch verdict {
        case .acknowledged(let kind, version: _): kind == .cluster ? true : nil
        case .rejected(let kind, version: _, message: _): kind == .cluster ? false : nil
        }
    }

    @Test("wherever services come, go and change, the client ends up with what there is", arguments: [true, false])
    func randomWorlds(reportsMissing: Bool) {
        walk(seed: 11, reportsMissing: reportsMissing, hasDanglingRoutes: false)
    }

    @Test("where routes name clusters that do not exist, it does too, in time", arguments: [true, false])
    func randomDanglingWorlds(reportsMissing: Bool) {
        walk(seed: 12, reportsMissing: reportsMissing, hasDanglingRoutes: true)
    }

    private func walk(seed: UInt64, reportsMissing: Bool, hasDanglingRoutes: Bool) {
        let random = MeshRandom(seed: seed)
        // Encoded once: the walk is about the machines.
        let worlds = (0..<48).map { _ in
            ADSConversation.World(Self.someResources(random, hasDanglingRoutes: hasDanglingRoutes))
        }
        var conversation = ADSConversation(reportsMissing: reportsMissing)
        var wrong = 0
        for _ in 0..<250 {
            var expected = MeshResources()
            // A few worlds pass before all has been said about the first.
            for _ in 0...random.below(3) {
                let world = worlds[Int(random.below(48))]
                expected = world.reachable
                conversation.push(world.packed)
                if random.below(10) == 0 { conversation.reconnect() }
                for _ in 0..<random.below(16) { Self.step(&conversation, random) }
            }
            conversation.exchange()
            if hasDanglingRoutes, conversation.published != expected {
                conversation.advance(15)
                conversation.exchange()
            }
            if conversation.published != expected { wrong += 1 }
            // What happens in the silence between two worlds changes nothing.
            conversation.advance(random.below(20))
            conversation.exchange()
            if !hasDanglingRoutes, conversation.published != expected { wrong += 1 }
        }
        #expect(wrong == 0)
        #expect(conversation.responseCount > 500)
    }

    private static func step(_ conversation: inout ADSConversation, _ random: MeshRandom) {
        let choice = random.below(5)
        switch choice {
        case 0: conversation.flush()
        case 1, 2: conversation.deliverRequest()
        default: conversation.deliverResponse()
        }
    }

    /// Services that are there or not, with routes to themselves and to another one, at addresses that change.
    private static func someResources(_ random: MeshRandom, hasDanglingRoutes: Bool) -> MeshResources {
        var resources = MeshResources()
        let present = (0..<4).filter { _ in random.below(3) > 0 }
        guard !present.isEmpty, random.below(6) > 0 else { return resources }
        for number in present {
            let shared = present[Int(random.below(UInt64(present.count)))]
            let other = hasDanglingRoutes ? Int(random.below(4)) : shared
            resources.listeners["l\(number)"] = Fixtures.listener("l\(number)", routes: "r\(shared)")
            resources.routeConfigurations["r\(number)"] =
                other == number
                ? Fixtures.routes("r\(number)", to: "c\(number)")
                : Fixtures.routes("r\(number)", to: "c\(number)", "c\(other)")
            resources.clusters["c\(number)"] = Cluster(name: "c\(number)")
            resources.endpointAssignments["c\(number)"] = Fixtures.endpoints(
                "c\(number)",
                "10.0.0.\(1 + random.below(4))"
            )
        }
        return resources
    }
}
