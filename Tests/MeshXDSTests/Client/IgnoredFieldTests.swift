// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import SwiftProtobuf
import Testing

@testable import MeshXDS

/// Fields without effect on their way from a control plane to the mesh.
@Suite("What a client ignores")
struct IgnoredFieldTests {
    private static func routes(_ change: (inout Envoy_Config_Route_V3_VirtualHost) -> Void) throws -> PackedResource {
        var route = Envoy_Config_Route_V3_Route()
        route.match.prefix = "/"
        route.route.cluster = "c"
        var host = Envoy_Config_Route_V3_VirtualHost()
        host.name = "h"
        host.domains = ["r"]
        host.routes = [route]
        change(&host)
        var message = Envoy_Config_Route_V3_RouteConfiguration()
        message.name = "r"
        message.virtualHosts = [host]
        return try Fixtures.packed(message)
    }

    private static let ignored = IgnoredField(
        .routeConfiguration("r"),
        path: "virtual_hosts[0].request_body_buffer_limit",
        reason: "is not supported"
    )

    @Test("they come with the configuration and stand in the status, and go when they are gone")
    func publication() throws {
        var session = ScriptedSession.connected()
        _ = session.respond(.listener, Fixtures.mesh)
        _ = session.respond(.routeConfiguration, [try Self.routes { $0.requestBodyBufferLimit = .init() }])
        _ = session.respond(.cluster, Fixtures.mesh)
        let first = session.respond(.endpointAssignment, Fixtures.mesh).publication
        #expect(first?.ignored == [Self.ignored])
        let subscription = session.machine.subscriptions[.routeConfiguration]
        let status = subscription?.status(of: .routeConfiguration, at: session.now)
        #expect(status?.first?.state == .acknowledged)
        #expect(status?.first?.ignored.map(\.path) == [Self.ignored.path])
        let next = session.respond(.routeConfiguration, [try Self.routes { _ in }], version: "2").publication
        #expect(next?.ignored == [] && next?.routeConfigurations == first?.routeConfigurations)
    }

    @Test("a refused resource keeps the reports of the one that stays in force")
    func refused() throws {
        var session = ScriptedSession.connected()
        _ = session.respond(.listener, Fixtures.mesh)
        _ = session.respond(.routeConfiguration, [try Self.routes { $0.requestBodyBufferLimit = .init() }])
        let bad = try Self.routes { $0.requestHeadersToRemove = ["host"] }
        _ = session.respond(.routeConfiguration, [bad], version: "2")
        let subscription = session.machine.subscriptions[.routeConfiguration]
        let status = subscription?.status(of: .routeConfiguration, at: session.now).first
        #expect(status?.ignored.map(\.path) == [Self.ignored.path])
        guard case .refused(let reason)? = status?.state else {
            Issue.record("it is not refused: \(String(describing: status))")
            return
        }
        #expect(reason.contains("virtual_hosts[0].request_headers_to_remove[0]: host may not be changed"))
    }
}
