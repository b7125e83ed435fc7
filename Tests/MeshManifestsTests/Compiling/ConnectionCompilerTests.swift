// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshManifests
import Testing

@Suite("Connections of clusters")
struct ConnectionCompilerTests {
    private static func rule(_ spec: String, host: String = "reviews") -> String {
        """
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        metadata: {name: \(host)}
        spec:
          host: \(host)
        \(spec)
        ---

        """
    }

    private static func service(_ port: String, name: String = "reviews") -> String {
        """
        apiVersion: v1
        kind: Service
        metadata: {name: \(name)}
        spec: {selector: {app: \(name)}, ports: [{port: 9080, \(port)}]}
        ---

        """
    }

    private func connection(_ text: String, _ subset: String = "") -> ConnectionOptions? {
        Compilation(text).resources.clusters[Bookinfo.cluster("reviews", subset)]?.connection
    }

    @Test("a connection pool says everything about connections, a subset and a port their own")
    func everything() throws {
        let text = Self.rule(
            """
              trafficPolicy:
                connectionPool:
                  tcp: {maxConnectionDuration: 10m, idleTimeout: 1h}
                  http:
                    idleTimeout: 30s
                    maxRequestsPerConnection: 100
                    h2UpgradePolicy: UPGRADE
                    maxConcurrentStreams: 10
                    http2KeepAlive: {interval: 20s, timeout: 5s}
              subsets:
              - name: v1
                labels: {version: v1}
              - name: v2
                labels: {version: v2}
                trafficPolicy: {connectionPool: {tcp: {idleTimeout: 0s}}}
              - name: v3
                labels: {version: v3}
                trafficPolicy:
                  portLevelSettings:
                  - port: {number: 9080}
                    connectionPool: {http: {maxRequestsPerConnection: 1}}
            """
        )
        let whole = ConnectionOptions(
            httpVersion: .http2,
            idleTimeout: .seconds(30),
            maximumAge: .seconds(600),
            maximumRequests: 100,
            maximumConcurrentStreams: 10,
            keepaliveInterval: .seconds(20),
            keepaliveTimeout: .seconds(5)
        )
        #expect(connection(text) == whole)
        #expect(connection(text, "v1") == whole)
        // Istio's pools replace each other whole, they are not merged.
        #expect(connection(text, "v2") == ConnectionOptions(idleTimeout: .zero))
        #expect(connection(text, "v3") == ConnectionOptions(maximumRequests: 1))
        let compilation = Compilation(text)
        #expect(compilation.places == [])
        try compilation.resources.validate()
    }

    static let ports: [(String, ConnectionOptions.HTTPVersion)] = [
        ("name: http", .http1), ("name: http-web", .http1), ("name: web", .http1), ("targetPort: 1", .http1),
        ("name: http2", .http2), ("name: http2-web", .http2), ("name: grpc", .http2), ("name: grpc-web-a", .http2),
        ("name: http, appProtocol: grpc", .http2), ("name: grpc, appProtocol: http", .http1),
        ("appProtocol: kubernetes.io/h2c", .http2), ("appProtocol: HTTP2", .http2),
        ("appProtocol: kubernetes.io/ws", .http1),
    ]

    @Test("what a Service's port is called says what is spoken, appProtocol before the name", arguments: ports)
    func servicePorts(_ port: String, _ version: ConnectionOptions.HTTPVersion) {
        #expect(connection(Self.service(port)) == ConnectionOptions(httpVersion: version))
    }

    @Test(
        "a ServiceEntry's protocol says what is spoken",
        arguments: [
            ("protocol: HTTP", .http1), ("protocol: HTTP2", .http2), ("protocol: GRPC", .http2),
            ("protocol: GRPC-Web", .http2), ("name: grpc-api", .http2),
        ] as [(String, ConnectionOptions.HTTPVersion)]
    )
    func serviceEntryPorts(_ port: String, _ version: ConnectionOptions.HTTPVersion) {
        let text = """
            apiVersion: networking.istio.io/v1
            kind: ServiceEntry
            metadata: {name: api}
            spec: {hosts: [api.example.com], ports: [{number: 80, \(port)}], resolution: DNS}
            """
        let cluster = Compilation(text).resources.clusters["outbound|80||api.example.com"]
        #expect(cluster?.connection.httpVersion == version)
    }

    @Test(
        "UPGRADE makes HTTP/2 of HTTP/1.1, and nothing makes HTTP/1.1 of HTTP/2",
        arguments: [
            ("http", "UPGRADE", .http2), ("http", "DO_NOT_UPGRADE", .http1), ("http", "DEFAULT", .http1),
            ("grpc", "UPGRADE", .http2), ("grpc", "DO_NOT_UPGRADE", .http2), ("grpc", "DEFAULT", .http2),
        ] as [(String, String, ConnectionOptions.HTTPVersion)]
    )
    func upgrade(_ name: String, _ policy: String, _ version: ConnectionOptions.HTTPVersion) {
        let pool = "  trafficPolicy: {connectionPool: {http: {h2UpgradePolicy: \(policy)}}}"
        #expect(connection(Self.service("name: \(name)") + Self.rule(pool))?.httpVersion == version)
    }

    @Test("without a manifest the workloads say what is spoken, if they agree")
    func workloads() {
        let protocols = { (names: [String]) -> ConnectionOptions.HTTPVersion? in
            let workloads = names.enumerated().map { number, name in
                var workload = Bookinfo.workload("reviews", "v1", port: 1003 + UInt16(number))
                workload.id = "reviews-\(number)"
                workload.protocolName = name
                return workload
            }
            let resources = Compilation("", workloads: workloads).resources
            return resources.clusters[Bookinfo.cluster("reviews")]?.connection.httpVersion
        }
        #expect(protocols(["http"]) == .http1)
        #expect(protocols(["grpc"]) == .http2)
        #expect(protocols(["grpc", "http2"]) == .http2)
        #expect(protocols(["grpc", "http"]) == .http1)
    }

    @Test("settings of HTTP/2 for a service of HTTP/1.1 have no effect, which is reported where they stand")
    func noEffect() {
        let pool = "  trafficPolicy: {connectionPool: {http: {maxConcurrentStreams: 10}}}"
        let text = Self.rule(pool)
        #expect(Compilation(text).places == ["6:43 MM0212"])
        #expect(connection(text) == ConnectionOptions())
        #expect(Compilation(Self.service("name: grpc") + Self.rule(pool)).places == [])
        let port = "  trafficPolicy: {portLevelSettings: [{port: {number: 9080}, connectionPool: "
        #expect(Compilation(Self.rule(port + "{http: {http2KeepAlive: {interval: 1s}}}}]}")).places == ["6:86 MM0212"])
        let upgraded = "{http: {h2UpgradePolicy: UPGRADE, http2KeepAlive: {interval: 1s}}}}]}"
        #expect(Compilation(Self.rule(port + upgraded)).places == [])
    }
}
