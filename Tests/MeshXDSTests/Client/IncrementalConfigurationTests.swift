// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting
import Testing

@testable import MeshXDS

@Suite("A configuration that follows what changed")
struct IncrementalConfigurationTests {
    private static func aggregate(_ name: String, of members: [String]) -> Cluster {
        Cluster(name: name, discovery: .aggregate(members))
    }

    private static let layers = ["a", "b"]
    private static let kinds: [ResourceKind] = [
        .cluster, .endpointAssignment, .listener, .routeConfiguration, .runtimeLayer,
    ]

    /// Resources that refer to each other at random: clusters made of clusters, in circles, too, with endpoints of other
    /// names, with fields without effect.
    private static func someResources(_ random: MeshRandom) -> [ResourceKind: [String: PackedResource]] {
        var resources = MeshResources()
        for number in 0..<4 where random.below(5) > 0 {
            let name = "c\(number)"
            resources.listeners["l\(number)"] = Fixtures.listener("l\(number)", routes: "r\(random.below(4))")
            resources.routeConfigurations["r\(number)"] = Fixtures.routes("r\(number)", to: "c\(random.below(5))")
            let cluster =
                switch random.below(6) {
                case 0: aggregate(name, of: ["c\(random.below(5))", "c\(random.below(5))"])
                case 1: Cluster(name: name, discovery: .endpointDiscovery(serviceName: "c\(random.below(4))"))
                case 2: Cluster(name: name, discovery: .fixed(Fixtures.endpoints(name, "10.1.0.1")))
                default: Cluster(name: name)
                }
            resources.clusters[name] = cluster
            resources.clusters[name]?.connectTimeout = .seconds(1 + random.below(3))
            let host = "10.0.0.\(1 + random.below(9))"
            resources.endpointAssignments[name] = Fixtures.endpoints(name, host)
        }
        for name in layers where random.below(5) > 0 {
            resources.addRuntimeLayer(RuntimeLayer(name: name, values: ["k": .integer(random.below(3))]))
        }
        var packed = ResourceEncoder(dialect: .own).encode(resources).resources
        for (name, resource) in packed[.cluster] ?? [:] where random.below(3) == 0 {
            packed[.cluster]?[name] = resource.withFieldWithoutEffect
        }
        for (name, resource) in packed[.endpointAssignment] ?? [:] where random.below(3) == 0 {
            packed[.endpointAssignment]?[name] = resource.withFieldWithoutEffect
        }
        return packed
    }

    @Test("is what following all references anew gives, whatever happens", arguments: [nil, "c3"] as [String?])
    func property(localCluster: String?) async throws {
        let random = MeshRandom(seed: 11)
        let worlds = (0..<96).map { _ in Self.someResources(random) }
        for variant in [XDSVariant.stateOfTheWorld, .delta] {
            var session = ScriptedSession.connected()
            session.machine = ADSSessionStateMachine(
                servers: [ADSServer.Traits(variant: variant)],
                localCluster: localCluster,
                runtimeLayers: Self.layers
            )
            session.connect()
            var (news, ignoring) = (0, 0)
            for _ in 0..<2500 {
                // Other tests are to go on meanwhile.
                await Task.yield()
                let before = session.machine.published
                let reply: ScriptedSession.Reply
                switch random.below(24) {
                case 0:
                    session.disconnect()
                    reply = session.connect()
                case 1: reply = session.advance(random.below(20))
                default:
                    let kind = Self.kinds[Int(random.below(5))]
                    var world = worlds[Int(random.below(96))][kind] ?? [:]
                    if random.below(8) == 0, kind == .cluster { world["c0"] = try Fixtures.badCluster("c0") }
                    // A change of one resource is what most changes are.
                    if random.below(2) == 0, let one = world.min(by: { $0.key < $1.key }) {
                        world = [one.key: one.value]
                    }
                    let absent = random.below(6) == 0 ? ["\(kind == .cluster ? "c" : "r")\(random.below(4))"] : []
                    let packed = world.sorted { $0.key < $1.key }
                    if variant == .delta {
                        let items = packed.map { ADSResponse.Item(name: $0.key, version: "1", packed: $0.value) }
                        reply = session.change(kind, items, removed: absent)
                    } else {
                        reply = session.respond(kind, packed.map(\.value), absent: absent)
                    }
                }
                try Self.check(session, localCluster)
                #expect(reply.publication == nil || reply.publication == session.machine.published)
                #expect((reply.publication != nil) == (session.machine.published != before))
                if reply.publication != nil { news += 1 }
                if reply.publication?.ignored.isEmpty == false { ignoring += 1 }
            }
            #expect(news > 100 && ignoring > 25, "\(variant): \(news) configurations, \(ignoring) with reports")
        }
    }

    private static func check(_ session: ScriptedSession, _ localCluster: String?) throws {
        let subscriptions = session.machine.subscriptions
        for subscription in subscriptions.values {
            let isSettled = subscription.names.allSatisfy {
                subscription.cached[$0] != nil || subscription.problems[$0] != nil
                    || subscription.absences[$0] != nil
            }
            #expect(subscription.isSettled == isSettled)
        }
        let whole = ReceivedResources(session.machine.servers, localCluster: localCluster, layers: layers)
        guard session.machine.published != nil else { return }
        let clusterNames = whole.clusterNames
        #expect(subscriptions[.routeConfiguration]?.names == whole.routeNames)
        #expect(subscriptions[.cluster]?.names == clusterNames)
        #expect(subscriptions[.endpointAssignment]?.names == whole.endpointNames(of: clusterNames))
        guard subscriptions.values.allSatisfy(\.isSettled) else { return }
        #expect(session.machine.published == whole.configuration)
    }

    @Test("the same resources in other bytes change nothing")
    func sameResources() throws {
        var session = ScriptedSession.connected()
        #expect(session.serve(Fixtures.mesh) == Fixtures.mesh)
        var other = Fixtures.mesh
        other.endpointAssignments["c"] = Fixtures.endpoints("c", "10.9.9.9")
        #expect(session.respond(.endpointAssignment, other).publication == other)
        #expect(session.respond(.endpointAssignment, other, version: "2").publication == nil)
        #expect(session.respond(.endpointAssignment, Fixtures.mesh, version: "3").publication == Fixtures.mesh)
    }

    @Test("a cluster that comes to refer to other endpoints waits for them")
    func otherReference() throws {
        var session = ScriptedSession.connected()
        _ = session.serve(Fixtures.mesh)
        var other = Fixtures.mesh
        other.clusters["c"] = Cluster(name: "c", discovery: .endpointDiscovery(serviceName: "e"))
        other.endpointAssignments = ["e": Fixtures.endpoints("e", "10.9.9.9")]
        #expect(session.respond(.cluster, other, version: "2").publication == nil)
        #expect(session.respond(.endpointAssignment, other, version: "2").publication == other)
    }
}

extension PackedResource {
    /// The same with a field that nobody knows: number 1999, a varint.
    fileprivate var withFieldWithoutEffect: PackedResource {
        PackedResource(typeURL: typeURL, bytes: bytes + [0xF8, 0x7C, 0x01])
    }
}
