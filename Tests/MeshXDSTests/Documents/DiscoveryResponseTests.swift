// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import Testing

@testable import MeshXDS

@Suite("Responses of a control plane in documents")
struct DiscoveryResponseTests {
    private static let assignment = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
    private static let cluster = "type.googleapis.com/envoy.config.cluster.v3.Cluster"

    private static func read(
        _ text: String,
        _ kind: ResourceKind = .endpointAssignment
    ) throws -> ReadResource<MeshResources> {
        try ResourceDocument(json: text, file: "e.json").discoveryResponse(of: kind)
    }

    private static func problems(_ text: String, _ kind: ResourceKind = .endpointAssignment) -> [String] {
        do {
            _ = try read(text, kind)
            return []
        } catch {
            return ((error as? ConfigurationError)?.problems ?? []).map(\.description)
        }
    }

    @Test func `resources of any kind are read, in a wrapper or without one`() throws {
        let endpoints = try Self.read(
            #"""
            {"resources": [
              {"@type": "\#(Self.assignment)", "cluster_name": "a"},
              {"@type": "type.googleapis.com/envoy.service.discovery.v3.Resource", "name": "b", "version": "7",
               "resource": {"@type": "\#(Self.assignment)", "clusterName": "b"}}
            ], "typeUrl": "\#(Self.assignment)", "versionInfo": "3", "nonce": "n"}
            """#
        )
        #expect(endpoints.resource.endpointAssignments.keys.sorted() == ["a", "b"])
        #expect(endpoints.ignored.isEmpty)
        let clusters = try Self.read(
            #"""
            {"resources": [{"@type": "\#(Self.cluster)", "name": "c", "type": "EDS",
             "eds_cluster_config": {"eds_config": {"ads": {}}}}]}
            """#,
            .cluster
        )
        #expect(clusters.resource.clusters.keys.sorted() == ["c"])
        #expect(try Self.read("{}").resource == MeshResources())
        #expect(try Self.read(#"{"resources": null}"#).resource == MeshResources())
    }

    @Test func `fields that a response does not have are told`() throws {
        let read = try Self.read("{\n \"resource\": []}")
        #expect(read.ignored.map(\.description).first?.hasPrefix("e.json:2:2: resource: ") == true)
        #expect(read.ignored.map(\.isUnknownField) == [true])
    }

    @Test(arguments: [
        ("[]", "e.json:1:1: must be an object with resources (envoy.service.discovery.v3.DiscoveryResponse)"),
        (#"{"resources": 1}"#, "e.json:1:15: resources: must be a list"),
        (#"{"resources": [], "resources": []}"#, "e.json:1:32: resources: appears twice"),
        (#"{"resources": [{}]}"#, "e.json:1:16: resources[0]: has no @type"),
        (#"{"resources": [1]}"#, "e.json:1:16: resources[0]: has no @type"),
        (#"{"type_url": "\#(cluster)"}"#, "e.json:1:14: type_url: must be \(assignment)"),
        (
            #"{"resources": [{"@type": "\#(cluster)"}]}"#,
            "e.json:1:17: resources[0].@type: must be \(assignment), is \(cluster)"
        ),
        (
            #"{"resources": [{"@type": "a/envoy.service.discovery.v3.Resource"}]}"#,
            "e.json:1:16: resources[0].resource: is missing"
        ),
        (
            #"{"resources": [{"@type": "\#(assignment)", "cluster_name": ""}]}"#,
            "e.json:1:16: resources[0].name: is empty"
        ),
    ])
    func `what is wrong is told with its place`(text: String, problem: String) {
        #expect(Self.problems(text) == [problem])
    }

    @Test func `two resources of one name are refused, and problems are bounded`() {
        let one = #"{"@type": "\#(Self.assignment)", "cluster_name": "a"}"#
        #expect(
            Self.problems("{\"resources\": [\(one),\n\(one)]}")
                == ["e.json:2:1: resources[1]: has the name of an earlier one, a"]
        )
        let many = Array(repeating: "{}", count: 1000).joined(separator: ",")
        #expect(Self.problems("{\"resources\": [\(many)]}").count == DecodingContext.maximumReports)
    }

    @Test(arguments: ["path_config_source", "path"])
    func `no resource makes the process read a file, whatever brings it`(field: String) throws {
        let value = field == "path" ? #""/etc/e.json""# : #"{"path": "/etc/e.json"}"#
        let text =
            #"{"name": "c", "type": "EDS", "eds_cluster_config": {"eds_config": {"\#(field)": \#(value)}}}"#
        let document = try ResourceDocument(json: text)
        var encoder = DocumentEncoder()
        let bytes = encoder.message(document.root, ResourceKind.cluster.rawValue, at: .root)
        for read in [{ _ = try document.cluster() }, { _ = try ResourceDecoder().decode(bytes, as: .cluster) }] {
            let error = #expect(throws: ConfigurationError.self) { try read() }
            #expect(error?.description.contains("eds_config: must be ads or self; no resource makes") == true)
        }
        #expect(
            Self.problems(
                #"""
                {"resources": [{"@type": "\#(Self.cluster)", "name": "c", "type": "EDS", "eds_cluster_config": {}}]}
                """#,
                .cluster
            ).first?.hasSuffix("must be ads or self") == true
        )
    }
}
