// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshXDS

@Suite("Bootstrap")
struct BootstrapTests {
    @Test("gRPC's file is read, and unknown fields are passed over")
    func readsFile() throws {
        let bootstrap = try Bootstrap(
            json: """
                {"xds_servers": [{"server_uri": "127.0.0.1:15010",
                                  "channel_creds": [{"type": "google_default"}, {"type": "insecure"}],
                                  "server_features": ["xds_v3"], "later": 1}],
                 "node": {"id": "n1", "metadata": {"LABELS": {"app": "reviews"}}},
                 "server_listener_resource_name_template": "grpc/server?address=%s"}
                """
        )
        #expect(bootstrap.servers == [.init(uri: "127.0.0.1:15010", credentials: .insecure, features: ["xds_v3"])])
        #expect(bootstrap.node.metadata == ["LABELS": .fields(["app": "reviews"])])
        let address = EndpointAddress(host: "10.0.0.1", port: 80)
        #expect(bootstrap.inboundListenerName(address) == "grpc/server?address=10.0.0.1:80")
    }

    @Test(
        "a mistake names its field",
        arguments: [
            (#"{"xds_servers": []}"#, "xds_servers"),
            (#"{"xds_servers": [{"server_uri": 1, "channel_creds": []}]}"#, "xds_servers[0].server_uri"),
            (#"{"xds_servers": [{"server_uri": "a:1", "channel_creds": []}]}"#, "xds_servers[0].channel_creds"),
            (
                #"{"xds_servers": [{"server_uri": "a", "channel_creds": [{"type": "tls"}], "max_xds_message_size": 1023}]}"#,
                "xds_servers[0].max_xds_message_size"
            ),
        ]
    )
    func namesField(json: String, path: String) {
        let error = #expect(throws: ConfigurationError.self) { try Bootstrap(json: json) }
        #expect(error?.problems.first?.path == path)
    }

    @Test("a response has 64 MiB, or what the server's max_xds_message_size says (gRFC A70)")
    func messageSize() throws {
        let servers = try Bootstrap(
            json: """
                {"xds_servers": [
                  {"server_uri": "a:1", "channel_creds": [{"type": "insecure"}]},
                  {"server_uri": "b:1", "channel_creds": [{"type": "insecure"}], "max_xds_message_size": 2147483647}]}
                """
        ).servers
        #expect(servers.map(\.maximumMessageBytes) == [64 << 20, 2_147_483_647])
    }
}
