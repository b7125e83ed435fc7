// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite("How long calls may take, as a control plane says it", .timeLimit(.minutes(5)))
struct StreamDurationTests {
    private typealias Manager = Envoy_Extensions_Filters_Network_HttpConnectionManager_V3_HttpConnectionManager

    private func forward(_ fields: (inout Envoy_Config_Route_V3_RouteAction) -> Void) throws -> RouteAction.Forward {
        var action = Envoy_Config_Route_V3_RouteAction()
        action.cluster = "c"
        fields(&action)
        var route = Envoy_Config_Route_V3_Route()
        route.match.prefix = "/"
        route.route = action
        var host = Envoy_Config_Route_V3_VirtualHost()
        host.name = "h"
        host.domains = ["*"]
        host.routes = [route]
        var table = Envoy_Config_Route_V3_RouteConfiguration()
        table.name = "r"
        table.virtualHosts = [host]
        let decoded = try ResourceDecoder().decode(try table.serializedBytes(), as: .routeConfiguration)
        guard case .routeConfiguration(let routes) = decoded.resource,
            case .forward(let forward) = routes.virtualHosts[0].routes[0].action
        else { throw CancellationError() }
        return forward
    }

    private func listener(_ change: (inout Manager) -> Void) throws -> (Listener, [String]) {
        var manager = Manager()
        manager.routeConfig.name = "r"
        manager.httpFilters = [.init()]
        manager.httpFilters[0].name = "router"
        manager.httpFilters[0].typedConfig = try RouterCodec.encoded()
        change(&manager)
        var listener = Envoy_Config_Listener_V3_Listener()
        listener.name = "l"
        listener.apiListener.apiListener = try Google_Protobuf_Any(packing: manager)
        let decoded = try ResourceDecoder().decode(try listener.serializedBytes(), as: .listener)
        guard case .listener(let result) = decoded.resource else { throw CancellationError() }
        return (result, decoded.ignored.map(\.path))
    }

    @Test("A31: a route's timeout is no matter of calls, unless the control plane says it of streams, too")
    func timeouts() throws {
        let alone = try forward { $0.timeout.seconds = 3 }
        #expect(alone.timeout == .seconds(3) && alone.sparesCalls)
        let standard = try forward { _ in }
        #expect(standard.timeout == .seconds(15) && standard.sparesCalls)
        let both = try forward {
            $0.timeout.seconds = 3
            $0.maxStreamDuration.maxStreamDuration.seconds = 3
        }
        #expect(both.timeout == .seconds(3) && !both.sparesCalls)
        let stream = try forward { $0.maxStreamDuration.maxStreamDuration.seconds = 3 }
        #expect(!stream.sparesCalls)
        let none = try forward { $0.timeout = Google_Protobuf_Duration() }
        #expect(none.timeout == nil && !none.sparesCalls)
    }

    @Test("A31: the connection manager's longest stream is the listener's")
    func listeners() throws {
        let (bounded, ignored) = try listener {
            $0.commonHTTPProtocolOptions.maxStreamDuration.seconds = 9
            $0.commonHTTPProtocolOptions.idleTimeout.seconds = 1
        }
        #expect(bounded.maximumStreamDuration == .seconds(9))
        #expect(ignored == ["api_listener.api_listener.common_http_protocol_options.idle_timeout"])
        let (plain, _) = try listener { _ in }
        #expect(plain.maximumStreamDuration == nil)
        #expect(throws: ConfigurationError.self) {
            try listener { $0.commonHTTPProtocolOptions.maxStreamDuration.seconds = -1 }
        }
    }
}
