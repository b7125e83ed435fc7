// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite struct HealthCheckDecodingTests {
    private typealias Message = Envoy_Config_Core_V3_HealthCheck

    private func decode(
        _ checks: [Message],
        _ change: (inout Envoy_Config_Cluster_V3_Cluster) -> Void = { _ in }
    ) throws -> (check: HealthCheck?, ignored: [String]) {
        var message = Envoy_Config_Cluster_V3_Cluster()
        message.name = "c"
        message.type = .eds
        message.edsClusterConfig.edsConfig.ads = Envoy_Config_Core_V3_AggregatedConfigSource()
        message.healthChecks = checks
        change(&message)
        let decoded = try ResourceDecoder().decode(try message.serializedBytes(), as: .cluster)
        guard case .cluster(let cluster) = decoded.resource else { throw CancellationError() }
        return (cluster.healthCheck, decoded.ignored.map(\.path))
    }

    /// A check that has all that must be there.
    private func check(_ change: (inout Message) -> Void) -> Message {
        var message = Message()
        message.timeout = .init(seconds: 1)
        message.interval = .init(seconds: 2)
        message.unhealthyThreshold = 3
        message.healthyThreshold = 4
        change(&message)
        return message
    }

    @Test func `what is not told is as in Envoy`() throws {
        let (decoded, ignored) = try decode([check { $0.httpHealthCheck.path = "/health" }])
        let expected = HealthCheck(
            .http(.init(path: "/health")),
            timeout: .seconds(1),
            interval: .seconds(2),
            unhealthyThreshold: 3,
            healthyThreshold: 4
        )
        #expect(decoded == expected)
        #expect(ignored == [])
        #expect(try decode([]).check == nil)
    }

    @Test func `every kind and every time is read`() throws {
        let http = check {
            $0.initialJitter = .init(seconds: 5)
            $0.intervalJitter = .init(seconds: 6)
            $0.intervalJitterPercent = 7
            $0.noTrafficInterval = .init(seconds: 8)
            $0.noTrafficHealthyInterval = .init(seconds: 9)
            $0.unhealthyInterval = .init(seconds: 10)
            $0.unhealthyEdgeInterval = .init(seconds: 11)
            $0.healthyEdgeInterval = .init(seconds: 12)
            $0.reuseConnection = false
            $0.httpHealthCheck.path = "/"
            $0.httpHealthCheck.host = "h"
            $0.httpHealthCheck.method = .post
            $0.httpHealthCheck.codecClientType = .http2
            $0.httpHealthCheck.expectedStatuses = [.with { ($0.start, $0.end) = (200, 300) }]
            $0.httpHealthCheck.retriableStatuses = [.with { ($0.start, $0.end) = (503, 504) }]
            $0.httpHealthCheck.serviceNameMatcher.prefix = "s"
            $0.httpHealthCheck.requestHeadersToRemove = ["User-Agent"]
            $0.httpHealthCheck.requestHeadersToAdd = [
                .with { ($0.header.key, $0.header.value) = ("x-a", "50%%") },
                .with { ($0.header.key, $0.header.value) = ("x-b", "%START_TIME%") },
            ]
        }
        let expected = HealthCheck(
            .http(
                .init(
                    path: "/",
                    host: "h",
                    method: "POST",
                    removedFields: ["user-agent"],
                    addedFields: [.init("x-a", "50%")],
                    expectedStatuses: [200..<300],
                    retriableStatuses: [503..<504],
                    version: .http2,
                    serviceName: StringMatcher(.prefix("s"))
                )
            ),
            timeout: .seconds(1),
            interval: .seconds(2),
            unhealthyThreshold: 3,
            healthyThreshold: 4,
            initialJitter: .seconds(5),
            intervalJitter: .seconds(6),
            intervalJitterPercent: 7,
            noTrafficInterval: .seconds(8),
            noTrafficHealthyInterval: .seconds(9),
            unhealthyInterval: .seconds(10),
            unhealthyEdgeInterval: .seconds(11),
            healthyEdgeInterval: .seconds(12),
            reusesConnections: false
        )
        let decoded = try decode([http])
        #expect(decoded.check == expected)
        #expect(decoded.ignored == ["health_checks[0].http_health_check.request_headers_to_add[1]"])
        let grpc = check {
            $0.grpcHealthCheck.serviceName = "s"
            $0.grpcHealthCheck.authority = "a"
        }
        #expect(try decode([grpc]).check?.kind == .grpc(.init(serviceName: "s", authority: "a")))
        let tcp = check {
            $0.tcpHealthCheck.send.text = "00fF"
            $0.tcpHealthCheck.receive = [.with { $0.text = "10" }, .with { $0.binary = .init([7]) }]
        }
        #expect(try decode([tcp]).check?.kind == .tcp(.init(send: [0, 255], receive: [[16], [7]])))
    }

    @Test func `new endpoints may be ignored until they were asked`() throws {
        let http = check { $0.httpHealthCheck.path = "/" }
        let decoded = try decode([http]) { $0.commonLbConfig.ignoreNewHostsUntilFirstHc = true }
        #expect(decoded.check?.ignoresNewEndpoints == true && decoded.ignored == [])
        let without = try decode([]) { $0.commonLbConfig.ignoreNewHostsUntilFirstHc = true }
        #expect(without.ignored == ["common_lb_config.ignore_new_hosts_until_first_hc"])
    }

    @Test func `what Envoy refuses is refused, by its path`() throws {
        func problems(_ checks: [Message]) -> [String] {
            let error = #expect(throws: ConfigurationError.self) { try decode(checks) }
            return (error?.problems.map(\.path) ?? []).sorted()
        }
        let good = check { $0.tcpHealthCheck = .init() }
        #expect(problems([good, good]) == ["health_checks"])
        let empty = ["healthy_threshold", "interval", "timeout", "unhealthy_threshold"]
        #expect(problems([Message()]) == ["health_checks[0]"] + empty.map { "health_checks[0].\($0)" })
        #expect(problems([check { $0.httpHealthCheck.host = "h" }]) == ["health_checks[0].http_health_check.path"])
        let broken = check {
            $0.interval = .init(seconds: 0)
            $0.unhealthyInterval = .init(seconds: 0)
            $0.httpHealthCheck.path = "/"
            $0.httpHealthCheck.method = .connect
            $0.httpHealthCheck.expectedStatuses = [.with { ($0.start, $0.end) = (200, 200) }]
            $0.httpHealthCheck.retriableStatuses = [.with { ($0.start, $0.end) = (500, 601) }]
        }
        #expect(
            problems([broken]) == [
                "health_checks[0].http_health_check.expected_statuses[0]", "health_checks[0].http_health_check.method",
                "health_checks[0].http_health_check.retriable_statuses[0]", "health_checks[0].interval",
                "health_checks[0].unhealthy_interval",
            ]
        )
        for text in ["", "0", "0g", "+1"] {
            let tcp = check { $0.tcpHealthCheck.send.text = text }
            #expect(problems([tcp]) == ["health_checks[0].tcp_health_check.send.text"])
        }
        let missing = check { $0.tcpHealthCheck.receive = [.init()] }
        #expect(problems([missing]) == ["health_checks[0].tcp_health_check.receive[0]"])
    }

    @Test func `what is not supported is reported, and the endpoints are not asked`() throws {
        let quick = check {
            $0.httpHealthCheck.path = "/"
            $0.httpHealthCheck.codecClientType = .http3
        }
        let decoded = try decode([quick])
        #expect(decoded.check == nil)
        #expect(decoded.ignored == ["health_checks[0].http_health_check.codec_client_type"])
        // Field 13 is `custom_health_check`, field 19 `always_log_health_check_failures`.
        var custom = check { _ in }
        try custom.merge(serializedBytes: [0x6A, 0x00, 0x98, 0x01, 0x01] as [UInt8])
        let other = try decode([custom])
        #expect(other.check == nil)
        #expect(
            other.ignored == [
                "health_checks[0].custom_health_check", "health_checks[0].always_log_health_check_failures",
            ]
        )
    }

    // MARK: Endpoints

    private func endpoint(
        _ config: Envoy_Config_Endpoint_V3_Endpoint.HealthCheckConfig
    ) throws -> EndpointHealthCheck? {
        var message = Envoy_Config_Endpoint_V3_ClusterLoadAssignment()
        message.clusterName = "c"
        var endpoint = Envoy_Config_Endpoint_V3_LbEndpoint()
        endpoint.endpoint.address = Envoy_Config_Core_V3_Address(EndpointAddress(host: "10.0.0.1", port: 80))
        endpoint.endpoint.healthCheckConfig = config
        message.endpoints = [.with { $0.lbEndpoints = [endpoint] }]
        let decoded = try ResourceDecoder().decode(try message.serializedBytes(), as: .endpointAssignment)
        #expect(decoded.ignored == [])
        guard case .endpointAssignment(let assignment) = decoded.resource else { return nil }
        return assignment.localities.first?.endpoints.first?.healthCheck
    }

    @Test func `an endpoint's own settings are read`() throws {
        let elsewhere = EndpointAddress(host: "10.0.0.2", port: 90)
        let all = try endpoint(
            .with {
                $0.portValue = 99
                $0.hostname = "h"
                $0.address = Envoy_Config_Core_V3_Address(elsewhere)
                $0.disableActiveHealthCheck = true
            }
        )
        #expect(all == EndpointHealthCheck(address: elsewhere, port: 99, hostname: "h", isDisabled: true))
        #expect(try endpoint(.init()) == EndpointHealthCheck())
        let error = #expect(throws: ConfigurationError.self) { try endpoint(.with { $0.portValue = 65_536 }) }
        #expect(
            error?.problems.map(\.path) == ["endpoints[0].lb_endpoints[0].endpoint.health_check_config.port_value"]
        )
    }

    // MARK: Other clients

    @Test(arguments: [Dialect.own, .envoy, .grpc])
    func `other clients get what they know`(dialect: Dialect) throws {
        let endpoint = ClusterEndpoint(
            EndpointAddress(host: "10.0.0.1", port: 80),
            healthCheck: EndpointHealthCheck(port: 99)
        )
        let assignment = EndpointAssignment(name: "e", localities: [LocalityEndpoints(endpoints: [endpoint])])
        let resources = MeshResources(
            clusters: [
                Cluster(name: "http", healthCheck: HealthCheck(.http(.init(path: "/")))),
                Cluster(name: "grpc", healthCheck: HealthCheck(.grpc(.init()))),
            ],
            endpointAssignments: [assignment]
        )
        let output = ResourceEncoder(dialect: dialect).encode(resources)
        var checks: [String: Int] = [:]
        for (name, packed) in output.resources[.cluster] ?? [:] {
            checks[name] = try Envoy_Config_Cluster_V3_Cluster(serializedBytes: packed.bytes).healthChecks.count
        }
        let packed = try #require(output.resources[.endpointAssignment]?["e"])
        let sent = try Envoy_Config_Endpoint_V3_ClusterLoadAssignment(serializedBytes: packed.bytes)
        let port = sent.endpoints.first?.lbEndpoints.first?.endpoint.healthCheckConfig.portValue
        let reports = output.reports.map(\.path).sorted()
        switch dialect {
        case .own:
            #expect(checks == ["http": 1, "grpc": 1] && port == 99 && reports == [])
        case .envoy:
            #expect(checks == ["http": 1, "grpc": 0] && port == 99 && reports == ["clusters[grpc].health_checks"])
        case .grpc:
            #expect(checks == ["http": 0, "grpc": 0] && port == 0)
            #expect(
                reports == [
                    "clusters[grpc].health_checks", "clusters[http].health_checks",
                    "endpoint_assignments[e].health_check_config",
                ]
            )
        }
    }
}
