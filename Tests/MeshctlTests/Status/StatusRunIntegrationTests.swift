// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import HTTPTypes
import MeshConfig
import MeshCore
import MeshHTTP
import NIOCore
import ServiceMesh
import Testing

@testable import meshctl

/// What `meshctl status` gets from a control plane and from a mesh, over loopback.
@Suite(.timeLimit(.minutes(5)))
struct StatusRunIntegrationTests {
    /// A source whose resources stand as a control plane would have left them.
    private struct ScriptedSource: ConfigSource {
        let name = "xds control:15010"
        var resources: [ConfigSourceStatus.Resource] = []

        var sourceStatus: ConfigSourceStatus {
            ConfigSourceStatus(name: name, origin: "the control plane", resources: resources)
        }

        func run(delivering sink: ConfigSink) async throws {}
    }

    private static let kind = "envoy.config.cluster.v3.Cluster"

    private static func asking(
        _ server: @escaping @Sendable (AsyncStream<EndpointAddress>.Continuation) async throws -> Void,
        _ run: (EndpointAddress) throws -> StatusRun
    ) async throws -> CommandOutcome {
        try await withThrowingTaskGroup(of: Void.self) { group in
            let (listening, sink) = AsyncStream.makeStream(of: EndpointAddress.self)
            group.addTask { try await server(sink) }
            defer { group.cancelAll() }
            for await address in listening { return await (try run(address)).outcome() }
            return CommandOutcome(status: .badInput)
        }
    }

    private static func mesh(
        _ resources: [ConfigSourceStatus.Resource],
        format: OutputFormat = .text
    ) async throws -> CommandOutcome {
        let mesh = try Mesh(sources: [ScriptedSource(resources: resources)])
        var configuration = MeshResources()
        configuration.ignored = [IgnoredField(.cluster("c"), path: "dns_jitter", reason: "is not supported")]
        try mesh.apply(configuration, from: "xds control:15010")
        let administration = MeshAdministration(mesh: mesh)
        return try await asking { sink in
            try await administration.run { sink.yield($0) }
        } _: { address in
            StatusRun(subject: .mesh(address), format: format)
        }
    }

    /// What a control plane answers, to those who have its token.
    private static func controlPlane(_ answer: String, token: String? = "secret") async throws -> CommandOutcome {
        var configuration = MeshHTTPServer.Configuration()
        configuration.address = EndpointAddress(host: "127.0.0.1", port: 0)
        let server = MeshHTTPServer(configuration) { request in
            guard request.head.path == "/v1/status" else { return InboundResponse(status: .notFound) }
            guard request.head.headerFields[.authorization] == "Bearer secret" else {
                return InboundResponse(status: .unauthorized, body: .text("a known bearer token is needed"))
            }
            return InboundResponse(body: .text(answer))
        }
        return try await asking { sink in
            try await server.run { sink.yield($0) }
        } _: { address in
            StatusRun(subject: .controlPlane(address, token: token))
        }
    }

    private static func answer(applied: String, rejected: String? = nil) -> String {
        let refusal = rejected.map { #","rejected":"\#($0)","reason":"c: type: no\u001b[2J""# } ?? ""
        return #"""
            {"version":"8","trustDomain":"cluster.local","instances":3,"drainingInstances":0,"manifestGeneration":1,
            "isWarming":false,"clients":[{"stream":1,"node":"reviews-1","userAgent":"swift-service-mesh",
            "userAgentVersion":"0.1.0","dialect":"own","isIncremental":true,"features":[],"served":"8",
            "applied":"\#(applied)","types":[{"type":"\#(kind)","resources":2,"acknowledged":"7"\#(refusal)}],
            "translations":["cluster c: lb_policy: is told as ROUND_ROBIN"],
            "ignoredFields":["cluster c: dns_jitter: is not supported"]}]}
            """#
    }

    @Test func `of a mesh, what is well is counted, and the rest is told with its reason`() async throws {
        let good = ConfigSourceStatus.Resource(kind: Self.kind, name: "a", version: "7", state: .acknowledged)
        let well = try await Self.mesh([good])
        #expect(well.status == .success && well.diagnostics.isEmpty)
        #expect(
            well.output == [
                "configuration generation 1",
                "xds control:15010: from the control plane",
                "  Cluster: 1 of 1 acknowledged",
                "  ignored   cluster c: dns_jitter: is not supported",
            ]
        )
        let bad = try await Self.mesh([
            good,
            .init(kind: Self.kind, name: "b", version: "6", state: .refused, reason: "type: is not supported"),
            .init(kind: Self.kind, name: "d", state: .missing),
        ])
        #expect(bad.status == .failure)
        #expect(bad.output.contains("  Cluster: 1 of 3 acknowledged"))
        #expect(bad.output.contains("    b refused: type: is not supported; 6 stays in use"))
        #expect(bad.output.contains("    d does not exist"))
    }

    @Test func `of a mesh, JSON has every resource`() async throws {
        let resource = ConfigSourceStatus.Resource(kind: Self.kind, name: "a", version: "7", state: .acknowledged)
        let outcome = try await Self.mesh([resource], format: .json)
        let status = try JSONDecoder().decode(MeshStatus.self, from: Data(outcome.output.joined().utf8))
        #expect(status.generation == 1 && status.sources.map(\.resources) == [[resource]])
        #expect(status.sources.first?.ignored == ["cluster c: dns_jitter: is not supported"])
    }

    @Test func `of a control plane, each client with its versions, its refusals and what has no effect`() async throws {
        let well = try await Self.controlPlane(Self.answer(applied: "8"))
        #expect(well.status == .success)
        #expect(
            well.output == [
                "version 8, 3 instances, 1 client",
                "reviews-1 (swift-service-mesh 0.1.0, incremental): has 8",
                "  Cluster: 2 sent, acknowledged 7",
                "  degraded  cluster c: lb_policy: is told as ROUND_ROBIN",
                "  ignored   cluster c: dns_jitter: is not supported",
            ]
        )
        let refusing = try await Self.controlPlane(Self.answer(applied: "7", rejected: "8"))
        #expect(refusing.status == .failure)
        #expect(refusing.output.contains("reviews-1 (swift-service-mesh 0.1.0, incremental): has 7, is served 8"))
        // What a client says does not reach the terminal as it is.
        #expect(refusing.output.contains(#"  Cluster: 2 sent, acknowledged 7, refused 8: c: type: no\u{1b}[2J"#))
    }

    @Test func `without the token, and where no control plane is, the error says so`() async throws {
        let refused = try await Self.controlPlane(Self.answer(applied: "8"), token: nil)
        #expect(refused.status == .badInput)
        #expect(refused.diagnostics.first?.hasSuffix("answers 401: a known bearer token is needed") == true)
        let other = try await Self.controlPlane("{}")
        #expect(other.status == .badInput)
        #expect(other.diagnostics.first?.contains("is not the control plane") == true)
        let nobody = EndpointAddress(host: "127.0.0.1", port: 1)
        let outcome = await StatusRun(subject: .mesh(nobody)).outcome()
        #expect(outcome.status == .badInput)
        #expect(outcome.diagnostics.first?.hasPrefix("error: the mesh at 127.0.0.1:1: ") == true)
    }
}
