// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshXDS
import Testing

@Suite("What an xDS server takes upon itself")
struct ServerConfigurationTests {
    @Test("every bound that is broken is named")
    func bounds() {
        let configuration = XDSServer.Configuration(
            maximumConnections: 0,
            maximumStreams: 1_000_001,
            maximumRequestBytes: 1 << 30 | 1,
            keepaliveInterval: .zero,
            keepaliveTimeout: .seconds(3601)
        )
        let error = #expect(throws: ConfigurationError.self) { try configuration.validate() }
        #expect(
            error?.problems.map(\.path) == [
                "maximumConnections", "maximumStreams", "maximumRequestBytes", "keepaliveInterval", "keepaliveTimeout",
            ]
        )
        #expect(throws: Never.self) { try XDSServer.Configuration().validate() }
    }
}
