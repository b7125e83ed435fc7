// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite("What CSDS says of a client (gRFC A40)")
struct ClientConfigTests {
    private typealias Config = Envoy_Service_Status_V3_ClientConfig

    private static func config(_ session: ScriptedSession, withContents: Bool = true) -> Config {
        let status = ADSSessionStateMachine.order.flatMap { kind in
            session.machine.subscriptions[kind]?.status(of: kind, at: session.now) ?? []
        }
        return Config(
            node: .init(id: "n"),
            status,
            origin: .controlPlane,
            at: .seconds(1_000_000),
            withContents: withContents
        )
    }

    @Test("a resource in use is acknowledged, with its version, its bytes and when it came")
    func acknowledged() throws {
        var session = ScriptedSession.connected()
        _ = session.serve(Fixtures.mesh, version: "7")
        _ = session.advance(10)
        let config = Self.config(session)
        #expect(config.node.id == "n")
        #expect(config.genericXdsConfigs.map(\.clientStatus) == [.acked, .acked, .acked, .acked])
        #expect(config.genericXdsConfigs.map(\.versionInfo) == ["7", "7", "7", "7"])
        let cluster = try #require(config.genericXdsConfigs.first { $0.name == "c" })
        #expect(cluster.typeURL == ResourceKind.cluster.typeURL)
        #expect(cluster.lastUpdated.seconds == 999_990)
        #expect(!cluster.hasErrorState)
        #expect(try Envoy_Config_Cluster_V3_Cluster(serializedBytes: cluster.xdsConfig.value).name == "c")
        #expect(Self.config(session, withContents: false).genericXdsConfigs.allSatisfy { !$0.hasXdsConfig })
    }

    @Test("a refused one shows what is in use, what was refused, and why")
    func refused() throws {
        var session = ScriptedSession.connected()
        _ = session.serve(Fixtures.mesh, version: "1")
        _ = session.advance(5)
        let bad = try Fixtures.badCluster("c")
        _ = session.respond(.cluster, [bad], version: "2")
        let cluster = try #require(
            Self.config(session).genericXdsConfigs.first { $0.typeURL == ResourceKind.cluster.typeURL }
        )
        #expect(cluster.clientStatus == .nacked)
        #expect(cluster.versionInfo == "1" && cluster.hasXdsConfig)
        #expect(cluster.errorState.versionInfo == "2")
        #expect(cluster.errorState.details == "type: discovery type ORIGINAL_DST is not supported")
        #expect(cluster.errorState.lastUpdateAttempt.seconds == 1_000_000)
        #expect(cluster.errorState.failedConfiguration.bytes == bad.bytes)
    }

    @Test("what is asked for, what does not exist, and what the server cannot give")
    func missing() {
        var session = ScriptedSession.connected()
        _ = session.respond(.listener, Fixtures.mesh)
        #expect(Self.config(session).genericXdsConfigs.map(\.clientStatus) == [.acked, .requested])
        #expect(Self.config(session).genericXdsConfigs.allSatisfy { !$0.hasErrorState })
        _ = session.advance(15)
        #expect(Self.config(session).genericXdsConfigs.map(\.clientStatus) == [.acked, .doesNotExist])
        let details = Self.config(session).genericXdsConfigs.map(\.errorState.details)
        #expect(details == ["", "the control plane does not have it"])
        let failure = ADSResponse.Failure(name: "r", code: 14, message: "later")
        _ = session.respond(.routeConfiguration, [], failures: [failure])
        #expect(Self.config(session).genericXdsConfigs.map(\.clientStatus) == [.acked, .receivedError])
    }

    @Test("fields without effect stand in the node's metadata, which is all that the API has for them")
    func ignoredFields() throws {
        var session = ScriptedSession.connected()
        _ = session.respond(.listener, Fixtures.mesh)
        var host = Envoy_Config_Route_V3_VirtualHost()
        host.name = "h"
        host.domains = ["*"]
        host.requestBodyBufferLimit = .init()
        var message = Envoy_Config_Route_V3_RouteConfiguration()
        message.name = "r"
        message.virtualHosts = [host]
        _ = session.respond(.routeConfiguration, [try Fixtures.packed(message)])
        let fields = Self.config(session).node.metadata.fields
        #expect(
            fields["swift_service_mesh.ignored_fields"]?.listValue.values.map(\.stringValue) == [
                "envoy.config.route.v3.RouteConfiguration r: virtual_hosts[0].request_body_buffer_limit: "
                    + "is not supported"
            ]
        )
        #expect(fields["swift_service_mesh.configuration_origin"]?.stringValue == "control_plane")
    }
}
