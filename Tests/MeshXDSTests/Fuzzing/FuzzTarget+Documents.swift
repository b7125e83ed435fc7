// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import SwiftProtobuf

@testable import MeshXDS

extension FuzzTarget {
    /// Files, and what endpoints say of their load.
    static let documents: [FuzzTarget] =
        [
            FuzzTarget("bootstrap", .text, samples: bootstraps) { bytes in
                let bootstrap = try Bootstrap(json: String(decoding: bytes, as: UTF8.self))
                try FuzzViolation.require(!bootstrap.servers.isEmpty, "a bootstrap without a server is accepted")
                // Whatever the template is, a name comes of it.
                let names =
                    [bootstrap.inboundListenerName(EndpointAddress(host: "::1", port: 1))]
                    + bootstrap.authorities.keys.map { bootstrap.listenerName(of: XDSTarget("a b", authority: $0)) }
                for name in names + [bootstrap.listenerName(of: XDSTarget("a b"))] {
                    let isOnce = name.canonicalResourceName == name
                    try FuzzViolation.require(isOnce, "the canonical form of \(name) is another one")
                    guard XDSResourceName.isNewStyle(name) else { continue }
                    let isRead = (try? XDSResourceName(name)) != nil
                    try FuzzViolation.require(isRead, "a template makes \(name), which is no name")
                }
            },
            FuzzTarget("last-known-good", .bytes, samples: snapshots) { bytes in
                let snapshot = try SnapshotFormat.decode(Self.checked(bytes))
                _ = try ADSSessionStateMachine().configuration(of: snapshot.entries)
            },
            FuzzTarget("endpoint-file", .text, samples: endpointFiles) { bytes in
                let document = try ResourceDocument(json: String(decoding: bytes, as: UTF8.self), file: "e.json")
                _ = try document.endpointAssignments(.standard)
            },
            FuzzTarget("static-resources", .text, samples: staticResources) { bytes in
                _ = try ResourceDocument(json: String(decoding: bytes, as: UTF8.self)).bootstrap()
            },
            FuzzTarget("load-report", .message, samples: loadReports) { bytes in
                let report = try LoadReport(serialized: bytes)
                try FuzzViolation.require(report.cpuUtilization >= 0, "a utilization of \(report.cpuUtilization)")
                _ = try LoadReport(serialized: report.serialized)
            },
            FuzzTarget("load-report-header", .text, samples: loadReportHeaders) { bytes in
                let text = String(decoding: bytes, as: UTF8.self)
                _ = try LoadReport.read(binary: nil, prefixed: text)
            },
            FuzzTarget("load-report-frames", .bytes, samples: loadReportFrames) { bytes in
                var frames = LoadReportFrames()
                for part in stride(from: 0, to: bytes.count, by: 7) {
                    frames.append(bytes[part..<min(part + 7, bytes.count)])
                    while let message = try frames.next() { _ = try LoadReport(serialized: message) }
                }
            },
        ]
        + ResourceKind.allCases.map { kind in
            FuzzTarget("document-of-\(kind)", .text, samples: texts(of: kind)) { bytes in
                let document = try ResourceDocument(json: String(decoding: bytes, as: UTF8.self))
                let read = try document.resource(kind, .standard)
                // The name of a listener or of routes may be left out of a document.
                guard !read.resource.name.isEmpty else { return }
                try check(Decoded(read.resource, ignored: []))
            }
        }

    /// The bytes under the checksum that belongs to them, where there is room for one: else nothing behind it is reached.
    private static func checked(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.count > 32, bytes.count % 8 != 0 else { return bytes }
        let body = bytes.dropLast(8)
        let sum = Array(body).withUnsafeBytes { XXH64.hash(bytes: $0) }
        return Array(body) + withUnsafeBytes(of: sum.littleEndian) { Array($0) }
    }

    private static let snapshots: [[UInt8]] = ([Fixtures.mesh] + configurations.prefix(8)).map { resources in
        // Keys are not kept on disk.
        let entries = ADSSessionStateMachine.order.filter { $0 != .secret }.flatMap { kind in
            Fixtures.packed(resources, kind).sorted { $0.key < $1.key }.map {
                ResourceSnapshot.Entry(kind: kind, name: $0.key, version: "1", packed: $0.value)
            }
        }
        return SnapshotFormat.encode(ResourceSnapshot(takenAt: .seconds(1), entries: entries))
    }

    private static let bootstraps: [[UInt8]] = [
        """
        {"xds_servers": [{"server_uri": "127.0.0.1:15010", "server_features": ["xds_v3", "delta_ads"],
          "channel_creds": [{"type": "google_default"}, {"type": "insecure"}], "max_xds_message_size": 1000000}],
         "node": {"id": "n1", "cluster": "c", "metadata": {"LABELS": {"app": "reviews", "n": 1.5, "l": [true, null]}},
          "locality": {"region": "r", "zone": "z", "sub_zone": "s"}},
         "certificate_providers": {"default": {"plugin_name": "file_watcher", "config": {"refresh_interval": "600s"}}},
         "server_listener_resource_name_template": "grpc/server?address=%s"}
        """,
        #"{"xds_servers": [{"server_uri": "unix:/run/x", "channel_creds": [{"type": "tls"}]}]}"#,
        """
        {"xds_servers": [{"server_uri": "a:1", "channel_creds": [{"type": "insecure"}]}],
         "client_default_listener_resource_name_template": "xdstp:///envoy.config.listener.v3.Listener/c/%s?b=1&a=%25",
         "server_listener_resource_name_template": "xdstp://x.y:1/envoy.config.listener.v3.Listener/s/%s?project=1",
         "authorities": {"": {}, "x.y:1": {
            "client_listener_resource_name_template": "xdstp://x.y:1/envoy.config.listener.v3.Listener/c/%s",
            "xds_servers": [{"server_uri": "b:1", "channel_creds": [{"type": "tls"}]}]}}}
        """,
    ].map { Array($0.utf8) }

    private static let endpointFiles: [[UInt8]] = [
        Array(EndpointFile.response([("outbound|9080||reviews", [1, 2]), ("ratings", [3])]).utf8),
        Array(
            """
            {"version_info": "1", "resources": [{"@type": "type.googleapis.com/envoy.service.discovery.v3.Resource",
             "name": "c", "resource": {
              "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment", "cluster_name": "c",
              "endpoints": [{"locality": {"zone": "z"}, "load_balancing_weight": 3, "priority": 0, "lb_endpoints": [
               {"health_status": "DRAINING", "endpoint": {"address": {"socket_address":
                {"address": "10.0.0.1", "port_value": 80}}}, "metadata": {"filter_metadata": {"envoy.lb": {"a": 1}}}}]}],
              "policy": {"drop_overloads": [{"category": "x", "drop_percentage": {"numerator": 5}}]}}}]}
            """.utf8
        ),
    ]

    private static let listener = """
        {"name": "l", "address": {"socket_address": {"address": "127.0.0.1", "port_value": 80}},
        "filter_chains": [{"filters": [{"name": "h", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "s", "route_config": {"name": "r", "virtual_hosts": [{"name": "v", "domains": ["*"],
        "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "c"}}]}]}, "http_filters": [{"name": "router",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}]}}]}]}
        """

    private static let staticResources: [[UInt8]] = [
        Array(
            """
            {"static_resources": {"clusters": [{"name": "c", "type": "STRICT_DNS", "connect_timeout": "0.25s",
              "load_assignment": {"cluster_name": "c", "endpoints": [{"lb_endpoints": [{"endpoint": {"address":
               {"socket_address": {"address": "x.example", "port_value": 80}}}}]}]}}],
             "listeners": [\(listener)]},
             "admin": {}}
            """.utf8
        )
    ]

    private static let loadReports: [[UInt8]] = [
        LoadReport(cpuUtilization: 0.5, memoryUtilization: 1.5, utilization: ["disk": 0.1], namedMetrics: ["a.b": -3]),
        LoadReport(applicationUtilization: 0.9, requestsPerSecond: 1e6, errorsPerSecond: 0.5),
    ].map(\.serialized)

    private static let loadReportHeaders: [[UInt8]] = [
        "BIN " + LoadReport(cpuUtilization: 0.5, namedMetrics: ["a": 1]).binaryHeaderValue,
        "TEXT cpu_utilization:0.3, named_metrics.a: 1e3",
        #"JSON {"cpuUtilization": 0.3, "named_metrics": {"a": "1", "b": null}, "x": [{"y": [true]}]}"#,
    ].map { Array($0.utf8) }

    private static let loadReportFrames: [[UInt8]] = [
        loadReports.flatMap { [0, 0, 0, 0, UInt8($0.count)] + $0 }
    ]

    /// Resources in JSON, as far as protobuf writes them: extensions are no part of it.
    private static func texts(of kind: ResourceKind) -> [[UInt8]] {
        let resources = (packedResources[kind] ?? []).prefix(60).compactMap { packed -> [UInt8]? in
            let text: String?
            switch kind {
            case .cluster: text = try? Envoy_Config_Cluster_V3_Cluster(serializedBytes: packed.bytes).jsonString()
            case .endpointAssignment:
                text = try? Envoy_Config_Endpoint_V3_ClusterLoadAssignment(serializedBytes: packed.bytes).jsonString()
            case .listener: text = try? Envoy_Config_Listener_V3_Listener(serializedBytes: packed.bytes).jsonString()
            case .routeConfiguration:
                text = try? Envoy_Config_Route_V3_RouteConfiguration(serializedBytes: packed.bytes).jsonString()
            case .secret:
                text = try? Envoy_Extensions_TransportSockets_Tls_V3_Secret(serializedBytes: packed.bytes).jsonString()
            case .runtimeLayer:
                text = try? Envoy_Service_Runtime_V3_Runtime(serializedBytes: packed.bytes).jsonString()
            }
            return text.map { Array($0.utf8) }
        }
        return kind == .listener ? resources + [Array(listener.utf8)] : resources
    }
}
