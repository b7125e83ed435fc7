// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshXDS

@Suite("Authorities of a bootstrap (gRFC A47)")
struct BootstrapAuthorityTests {
    private static let listener = "envoy.config.listener.v3.Listener"

    private static func server(_ uri: String, _ features: String...) -> String {
        let list = features.map { "\"\($0)\"" }.joined(separator: ", ")
        return #"{"server_uri": "\#(uri)", "channel_creds": [{"type": "insecure"}], "server_features": [\#(list)]}"#
    }

    /// gRFC A47's last example.
    private static let example = """
        {"xds_servers": [\(server("xds-server.authority.com"))],
         "client_default_listener_resource_name_template":
           "xdstp://xds.authority.com/\(listener)/grpc/client/%s?project_id=1234",
         "server_listener_resource_name_template":
           "xdstp://xds.authority.com/\(listener)/grpc/server/%s?project_id=1234",
         "authorities": {
           "xds.authority.com": {
             "client_listener_resource_name_template":
               "xdstp://xds.authority.com/\(listener)/grpc/client/%s?project_id=1234"},
           "xds.other.com": {"xds_servers": [\(server("xds-server.other.com"))]}}}
        """

    @Test(arguments: [
        (
            "xds:server.example.com",
            "xdstp://xds.authority.com/\(listener)/grpc/client/server.example.com?project_id=1234"
        ),
        (
            "xds://xds.authority.com/server.example.com",
            "xdstp://xds.authority.com/\(listener)/grpc/client/server.example.com?project_id=1234"
        ),
        ("xds://xds.other.com/server.other.com", "xdstp://xds.other.com/\(listener)/server.other.com"),
        // What may not stand in a path is percent-encoded; slashes and colons may.
        ("xds://xds.other.com/a b/[::1]:80?x", "xdstp://xds.other.com/\(listener)/a%20b/%5B::1%5D:80%3Fx"),
        // Nobody has it: nobody is asked.
        ("xds://xds.nobody.com/s", "xdstp://xds.nobody.com/\(listener)/s"),
    ])
    func `a target is asked for by the name that the templates make of it`(target: String, name: String) throws {
        let bootstrap = try Bootstrap(json: Self.example)
        #expect(bootstrap.listenerName(of: try XDSTarget(uri: target)) == name)
    }

    @Test func `without templates a target is the name, and an inbound listener Istio's`() throws {
        let bootstrap = try Bootstrap(json: "{\"xds_servers\": [\(Self.server("a"))]}")
        #expect(bootstrap.listenerName(of: XDSTarget("server example.com:80")) == "server example.com:80")
        let address = EndpointAddress(host: "::1", port: 80)
        #expect(bootstrap.inboundListenerName(address) == "xds.istio.io/grpc/lds/inbound/[::1]:80")
    }

    @Test func `an inbound listener's name is percent-encoded where it says whose it is`() throws {
        let bootstrap = try Bootstrap(json: Self.example)
        let name = bootstrap.inboundListenerName(EndpointAddress(host: "::1", port: 8080))
        #expect(name == "xdstp://xds.authority.com/\(Self.listener)/grpc/server/%5B::1%5D:8080?project_id=1234")
    }

    @Test(
        arguments: [
            ("xds:///a:80", nil, "a:80"), ("xds:a", nil, "a"), ("a", nil, "a"), ("xds://b/a", "b", "a"),
            ("xds:/a", nil, "a"),
            ("xds://b/c/a", "b", "c/a"),
        ] as [(String, String?, String)]
    )
    func `targets are read as gRPC writes them`(uri: String, authority: String?, name: String) throws {
        #expect(try XDSTarget(uri: uri) == XDSTarget(name, authority: authority))
    }

    @Test(arguments: ["", "xds:", "xds:///", "xds://b", "xds://b/", "dns:///a", "http://a"])
    func `what names no service is no target`(uri: String) {
        #expect(throws: ConfigurationError.self) { try XDSTarget(uri: uri) }
    }

    @Test(arguments: [
        (
            #""authorities": {"a": {"client_listener_resource_name_template": "xdstp://b/\#(listener)/%s"}}"#,
            "authorities[a].client_listener_resource_name_template"
        ),
        (
            #""authorities": {"a": {"client_listener_resource_name_template": "%s"}}"#,
            "authorities[a].client_listener_resource_name_template"
        ),
        (
            #""authorities": {"a": {"client_listener_resource_name_template": "xdstp://a/x.Y/%s"}}"#,
            "authorities[a].client_listener_resource_name_template"
        ),
        (
            #""authorities": {"a": {"xds_servers": [{"server_uri": "b", "channel_creds": [{"type": "?"}]}]}}"#,
            "authorities[a].xds_servers[0].channel_creds"
        ),
        (#""authorities": {"a/b": {}}"#, "authorities[a/b]"), (#""authorities": {"ü": {}}"#, "authorities[ü]"),
        (
            #""client_default_listener_resource_name_template": "xdstp://a/x.Y/%s""#,
            "client_default_listener_resource_name_template"
        ),
        (#""client_default_listener_resource_name_template": """#, "client_default_listener_resource_name_template"),
        (
            #""server_listener_resource_name_template": "xdstp:%s""#, "server_listener_resource_name_template"
        ),
    ])
    func `a mistake names its field`(fields: String, path: String) {
        let json = "{\"xds_servers\": [\(Self.server("a"))], \(fields)}"
        let error = #expect(throws: ConfigurationError.self) { try Bootstrap(json: json) }
        #expect(error?.problems.map(\.path) == [path])
    }

    @Test func `authorities that name the same servers share them, whatever features nobody knows here`() throws {
        let (lists, directory) = try Bootstrap(
            json: """
                {"xds_servers": [\(Self.server("top"))],
                 "authorities": {
                   "none": {}, "same": {"xds_servers": [\(Self.server("top", "xds_v3"))]},
                   "b": {"xds_servers": [\(Self.server("other"))]}, "": {"xds_servers": [\(Self.server("other"))]},
                   "delta": {"xds_servers": [\(Self.server("other", "delta_ads"))]},
                   "order": {"xds_servers": [\(Self.server("other")), \(Self.server("top"))]}}}
                """
        ).serverLists
        #expect(lists.map { $0.servers.map(\.uri) } == [["top"], ["other"], ["other"], ["other", "top"]])
        #expect(lists.map(\.authorities) == [["none", "same"], ["", "b"], ["delta"], ["order"]])
        let places = ["none", "same", "b", "", "delta", "order"].map { name in
            directory.list(of: "xdstp://\(name)/\(Self.listener)/x")
        }
        #expect(places == [0, 0, 1, 1, 2, 3])
        #expect(lists[1].sourceName(of: 0, isTop: false) == "xds other for \"\", b")
    }
}
