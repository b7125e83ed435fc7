// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite("Additional addresses of endpoints by xDS")
struct AdditionalAddressesTests {
    private typealias Assignment = Envoy_Config_Endpoint_V3_ClusterLoadAssignment

    private func message(_ address: String, _ others: [EndpointAddress]) -> Assignment {
        .with { message in
            message.clusterName = "c"
            message.endpoints = [
                .with { group in
                    group.lbEndpoints = [
                        .with { entry in
                            entry.endpoint.address = Envoy_Config_Core_V3_Address(
                                EndpointAddress(host: address, port: 80)
                            )
                            entry.endpoint.additionalAddresses = others.map { other in
                                .with { $0.address = Envoy_Config_Core_V3_Address(other) }
                            }
                        }
                    ]
                }
            ]
        }
    }

    private func decode(_ address: String, _ others: [EndpointAddress]) throws -> [EndpointAddress] {
        let bytes: [UInt8] = try message(address, others).serializedBytes()
        let decoded = try ResourceDecoder().decode(bytes, as: .endpointAssignment)
        #expect(decoded.ignored == [])
        guard case .endpointAssignment(let assignment) = decoded.resource else { throw CancellationError() }
        return assignment.localities.first?.endpoints.first?.additionalAddresses ?? []
    }

    private func refusals(_ address: String, _ others: [EndpointAddress]) -> [String] {
        do {
            _ = try decode(address, others)
            return []
        } catch let error as ConfigurationError {
            return error.problems.map(\.path)
        } catch {
            return ["\(error)"]
        }
    }

    @Test func `are read in their order, each with its port`() throws {
        let others = [
            EndpointAddress(host: "2001:db8::1", port: 80), EndpointAddress(host: "10.0.0.2", port: 8_080),
        ]
        #expect(try decode("10.0.0.1", others) == others)
        #expect(try decode("10.0.0.1", []) == [])
    }

    @Test func `are refused where they cannot be dialled, where there are too many, and where one is there twice`() {
        let place = "endpoints[0].lb_endpoints[0].endpoint.additional_addresses"
        #expect(refusals("10.0.0.1", [EndpointAddress(host: "a.example", port: 80)]) == [place + "[0]"])
        #expect(refusals("10.0.0.1", [EndpointAddress(unixSocketPath: "/run/socket")]) == [place + "[0]"])
        #expect(refusals("10.0.0.1", [EndpointAddress(host: "10.0.0.1", port: 80)]) == [place + "[0]"])
        #expect(refusals("a.example", [EndpointAddress(host: "10.0.0.1", port: 80)]) == [place])
        let many = (1...17).map { EndpointAddress(host: "10.1.0.\($0)", port: 80) }
        #expect(refusals("10.0.0.1", many) == [place])
        #expect(refusals("10.0.0.1", Array(many.prefix(16))) == [])
    }

    @Test func `are sent as they were set`() throws {
        let others = [EndpointAddress(host: "2001:db8::1", port: 81)]
        let endpoint = ClusterEndpoint(EndpointAddress(host: "10.0.0.1", port: 80), additionalAddresses: others)
        let assignment = EndpointAssignment(name: "c", localities: [LocalityEndpoints(endpoints: [endpoint])])
        for dialect in [Dialect.own, .envoy, .grpc] {
            let message = try ResourceEncoder(dialect: dialect).endpointAssignment(assignment)
            let sent = try #require(message.endpoints.first?.lbEndpoints.first?.endpoint.additionalAddresses)
            #expect(sent.map(\.address) == others.map { Envoy_Config_Core_V3_Address($0) })
        }
    }
}
