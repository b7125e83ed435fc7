// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import Testing

@testable import MeshXDS

@Suite("Errors about resources (gRFC A88)")
struct DataErrorTests {
    private static let failing = [ADSServer.Traits(failsOnDataErrors: true)]
    private static let unavailable: Int32 = 14

    private static func state(
        _ session: ScriptedSession,
        _ kind: ResourceKind = .cluster,
        _ name: String = "c"
    ) -> XDSResourceStatus.State? {
        session.machine.subscriptions[kind]?.status(of: kind, at: session.now).first { $0.name == name }?.state
    }

    private static func failure(_ code: Int32, _ message: String = "no") -> ADSResponse.Failure {
        ADSResponse.Failure(name: "c", code: code, message: message)
    }

    @Test("A88: a transient error leaves what is there in use, wherever it comes from", arguments: [true, false])
    func transient(failsOnDataErrors: Bool) {
        var session = ScriptedSession.connected(servers: [.init(failsOnDataErrors: failsOnDataErrors)])
        _ = session.serve(Fixtures.mesh)
        let packed = Array(Fixtures.packed(Fixtures.mesh, .endpointAssignment).values)
        #expect(session.respond(.endpointAssignment, packed, version: "2").publication == nil)
        let reply = session.respond(.endpointAssignment, [], failures: [Self.failure(Self.unavailable, "later")])
        #expect(reply.publication == nil && reply.refusal == nil)
        let text = "the control plane cannot give it: later (code 14)"
        #expect(Self.state(session, .endpointAssignment) == .failed(text))
        #expect(session.advance(60).publication == nil)
        // It is over when the resource comes again, be it the same.
        _ = session.respond(.endpointAssignment, packed, version: "3")
        #expect(Self.state(session, .endpointAssignment) == .acknowledged)
    }

    @Test("A88: where nothing is there, an error ends the wait")
    func nothingCached() {
        var session = ScriptedSession.connected()
        _ = session.respond(.listener, Fixtures.mesh)
        _ = session.respond(.routeConfiguration, Fixtures.mesh)
        let reply = session.respond(.cluster, [], failures: [Self.failure(Self.unavailable)])
        #expect(reply.publication?.routeConfigurations.keys.sorted() == ["r"])
        #expect(reply.publication?.clusters == [:])
        #expect(session.machine.nextDeadline == nil)
    }

    @Test("A88: a permission that is denied leaves what is there in use, unless data errors are to fail")
    func permissionDenied() {
        for (servers, isKept) in [([ADSServer.Traits()], true), (Self.failing, false)] {
            var session = ScriptedSession.connected(servers: servers)
            _ = session.serve(Fixtures.mesh)
            let denied = Self.failure(ADSResponse.permissionDenied)
            let reply = session.respond(.endpointAssignment, [], failures: [denied])
            #expect((reply.publication == nil) == isKept)
            if !isKept { #expect(reply.publication?.endpointAssignments == [:]) }
        }
    }

    @Test("A88: what is refused goes at once where data errors are to fail")
    func refusal() throws {
        var session = ScriptedSession.connected(servers: Self.failing)
        _ = session.serve(Fixtures.mesh)
        let reply = session.respond(.cluster, [try Fixtures.badCluster("c")], version: "2")
        #expect(reply.refusal != nil)
        #expect(reply.publication?.clusters == [:])
        let status = session.machine.subscriptions[.cluster]?.status(of: .cluster, at: session.now).first
        #expect(status?.isInUse == false && status?.failedVersion == "2")
    }

    @Test("A88: what is deleted goes at once where data errors are to fail")
    func deletion() {
        var session = ScriptedSession.connected(servers: Self.failing)
        _ = session.serve(Fixtures.mesh)
        #expect(session.respond(.cluster, []).publication?.clusters == [:])
        #expect(Self.state(session) == .doesNotExist)
    }

    @Test("A88: by gRPC's rules what is deleted stays in use, and is shown as deleted")
    func deletionByGRPC() {
        var session = ScriptedSession.connected(rules: .grpc)
        let mesh = session.serve(Fixtures.mesh)
        #expect(mesh != nil)
        #expect(session.respond(.cluster, []).publication == nil)
        #expect(session.respond(.endpointAssignment, [], absent: ["c"]).publication == nil)
        #expect(session.advance(3600).publication == nil)
        #expect(Self.state(session) == .doesNotExist)
        let status = session.machine.subscriptions[.cluster]?.status(of: .cluster, at: session.now).first
        #expect(status?.isInUse == true)
        // A listener of the wildcard is deleted in no other way.
        #expect(session.respond(.listener, []).publication == MeshResources())
    }

    @Test("A88: a server that says what does not exist is waited for for 30 s, and is slow after that")
    func slowServer() {
        var session = ScriptedSession.connected(servers: [.init(timerIsTransient: true)])
        _ = session.respond(.listener, Fixtures.mesh)
        _ = session.respond(.routeConfiguration, Fixtures.mesh)
        #expect(session.advance(29).publication == nil)
        #expect(session.advance(1).publication?.clusters == [:])
        #expect(Self.state(session) == .timedOut)
        _ = session.respond(.cluster, Fixtures.mesh)
        #expect(session.respond(.endpointAssignment, Fixtures.mesh).publication == Fixtures.mesh)
    }

    @Test(
        "A88: an inbound listener that the server cannot give leaves the configuration out of force, as a refused one does"
    )
    func inboundListener() {
        var session = ScriptedSession.connected(inbound: ["in"])
        let failure = ADSResponse.Failure(name: "in", code: Self.unavailable, message: "")
        let listeners = Array(Fixtures.packed(Fixtures.mesh, .listener).values)
        _ = session.respond(.listener, listeners, failures: [failure])
        for kind in ADSSessionStateMachine.order.dropFirst() {
            #expect(session.respond(kind, Fixtures.mesh).publication == nil)
        }
    }

    @Test("A88: errors about what nobody wants are not kept")
    func unwanted() {
        var session = ScriptedSession.connected()
        _ = session.serve(Fixtures.mesh)
        let failures = (0..<100).map { ADSResponse.Failure(name: "x\($0)", code: Self.unavailable, message: "") }
        _ = session.respond(.cluster, Array(Fixtures.packed(Fixtures.mesh, .cluster).values), failures: failures)
        #expect(session.machine.subscriptions[.cluster]?.problems == [:])
    }

    @Test("A88: a refusal names as many resources as fit into 64 KiB, and says how many more there are")
    func longRefusal() {
        #expect(ResponseIntake.refusal([]) == nil)
        #expect(ResponseIntake.refusal(["a: x", "b: y"]) == "a: x; b: y")
        let problems = (0..<10_000).map { "cluster-\($0): type: discovery type ORIGINAL_DST is not supported" }
        let refusal = ResponseIntake.refusal(problems) ?? ""
        #expect(refusal.utf8.count <= ResponseIntake.maximumRefusalLength + 64)
        #expect(refusal.hasSuffix(" further resources are refused"))
        let long = ResponseIntake.refusal([String(repeating: "x", count: 100_000), "b"]) ?? ""
        #expect(long.hasSuffix("…; 2 further resources are refused") && long.utf8.count < 2048)
    }
}
