// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import MeshConfig
import MeshCore
import MeshTesting
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite("What CSDS says of the clients of a server")
struct InventoryStatusTests {
    private typealias Request = Envoy_Service_Discovery_V3_DeltaDiscoveryRequest
    private typealias Question = Envoy_Service_Status_V3_ClientStatusRequest
    private typealias Matcher = Envoy_Type_Matcher_V3_NodeMatcher

    private let clock = ManualClock()
    private let cache: SnapshotCache
    private let groups = EncodedGroups()

    init() throws {
        cache = SnapshotCache(clock: clock) { _ in "g" }
        try cache.publish(Fixtures.mesh, version: "7", to: "g")
    }

    private static func request(_ id: String, _ kind: ResourceKind, adding: [String] = []) -> Request {
        var request = Request()
        request.node.id = id
        request.node.cluster = "shop"
        request.node.userAgentName = "envoy"
        request.node.locality.zone = "z"
        request.node.metadata.fields["NAMESPACE"] = Google_Protobuf_Value(stringValue: "default")
        request.node.metadata.fields["LABELS"] = Google_Protobuf_Value(
            structValue: .with { $0.fields = ["app": Google_Protobuf_Value(stringValue: id)] }
        )
        request.node.metadata.fields["IGNORED_FIELDS"] = Google_Protobuf_Value(
            listValue: .with { $0.values = [Google_Protobuf_Value(stringValue: "cluster c: x")] }
        )
        request.typeURL = kind.typeURL
        request.resourceNamesSubscribe = adding
        return request
    }

    private func stream(_ number: UInt64) -> DiscoveryStream {
        DiscoveryStream(number: number, form: .incremental, provider: cache, groups: groups)
    }

    private func answer(_ question: Question = Question()) throws -> [Envoy_Service_Status_V3_ClientConfig] {
        try InventoryStatus(inventory: cache.inventory).answer(question).config
    }

    private static func matcher(_ change: (inout Matcher) -> Void) -> Question {
        var question = Question()
        question.nodeMatchers = [.with(change)]
        return question
    }

    @Test("each client with who it is, each resource with its version, its status and its bytes")
    func clients() async throws {
        var stream = stream(1)
        let clusters = try await stream.requestReceived(Self.request("a", .cluster), at: clock.now)
        var config = try #require(try answer().first)
        #expect(config.node.id == "a" && config.node.cluster == "shop" && config.node.locality.zone == "z")
        #expect(config.node.userAgentName == "envoy")
        let fields = config.node.metadata.fields
        #expect(fields["LABELS"]?.structValue.fields["app"]?.stringValue == "a")
        #expect(fields["IGNORED_FIELDS"] == nil)
        let ignored = fields["swift_service_mesh.ignored_fields"]?.listValue.values.map(\.stringValue)
        #expect(ignored == ["cluster c: x"])
        #expect(fields["swift_service_mesh.served_version"]?.stringValue == "7")
        #expect(fields["swift_service_mesh.applied_version"] == nil)
        let sent = try #require(config.genericXdsConfigs.first)
        #expect(config.genericXdsConfigs.count == 1)
        #expect(sent.typeURL == ResourceKind.cluster.typeURL && sent.name == "c")
        #expect(sent.configStatus == .stale && sent.versionInfo == clusters[0].resources[0].versionText)
        #expect(try Envoy_Config_Cluster_V3_Cluster(serializedBytes: sent.xdsConfig.bytes).name == "c")
        var taken = Self.request("a", .cluster)
        taken.responseNonce = clusters[0].nonce
        _ = try await stream.requestReceived(taken, at: clock.now)
        config = try #require(try answer().first)
        #expect(config.genericXdsConfigs.map(\.configStatus) == [.synced])
        #expect(config.node.metadata.fields["swift_service_mesh.applied_version"]?.stringValue == "7")
        var question = Question()
        question.excludeResourceContents = true
        #expect(try answer(question).first?.genericXdsConfigs.map(\.hasXdsConfig) == [false])
    }

    @Test("a refusal stands at the resources that it may be about, in the client's words")
    func refusal() async throws {
        var stream = stream(1)
        let endpoints = try await stream.requestReceived(
            Self.request("a", .endpointAssignment, adding: ["c", "x"]),
            at: clock.now
        )
        var refused = Self.request("a", .endpointAssignment)
        refused.responseNonce = endpoints[0].nonce
        refused.errorDetail.message = "c: endpoints[0]: no"
        _ = try await stream.requestReceived(refused, at: clock.now)
        let configs = try #require(try answer().first).genericXdsConfigs
        #expect(configs.map(\.name) == ["c", "x"])
        #expect(configs.map(\.configStatus) == [.error, .notSent])
        #expect(configs[0].errorState.details == "c: endpoints[0]: no")
        #expect(!configs[1].hasErrorState && !configs[1].hasXdsConfig && configs[1].versionInfo.isEmpty)
    }

    @Test("conditions on nodes choose among the clients; one of several is enough, all of one must hold")
    func matchers() async throws {
        for (number, id) in ["a", "b", "c"].enumerated() {
            var stream = stream(UInt64(number) + 1)
            _ = try await stream.requestReceived(Self.request(id, .cluster), at: clock.now)
        }
        #expect(try answer().map(\.node.id) == ["a", "b", "c"])
        var question = Self.matcher { $0.nodeID.exact = "b" }
        #expect(try answer(question).map(\.node.id) == ["b"])
        question.nodeMatchers.append(.with { $0.nodeMetadatas = [Self.label("c")] })
        #expect(try answer(question).map(\.node.id) == ["b", "c"])
        let both = Self.matcher {
            $0.nodeID.prefix = "b"
            $0.nodeMetadatas = [Self.label("c")]
        }
        #expect(try answer(both).isEmpty)
        let twice = Self.matcher { $0.nodeMetadatas = [Self.label("a"), Self.label("a")] }
        #expect(try answer(twice).map(\.node.id) == ["a"])
        #expect(try answer(Self.matcher { _ in }).count == 3)
    }

    @Test("a condition that cannot be read is refused with its path, and does not hold of everybody")
    func badMatchers() throws {
        let bad: [(Question, String)] = [
            (Self.matcher { $0.nodeID.prefix = "" }, "node_matchers[0].node_id"),
            (Self.matcher { $0.nodeID.safeRegex.regex = "(" }, "node_matchers[0].node_id.safe_regex"),
            (Self.matcher { $0.nodeMetadatas = [.init()] }, "node_matchers[0].node_metadatas[0].path"),
            (
                Self.matcher { $0.nodeMetadatas = [.with { $0.path = [.with { $0.key = "k" }] }] },
                "node_matchers[0].node_metadatas[0].value"
            ),
            (.with { $0.nodeMatchers = Array(repeating: .init(), count: 101) }, "node_matchers has more than 100"),
        ]
        for (question, path) in bad {
            let error = #expect(throws: RPCError.self) { try answer(question) }
            #expect(error?.code == .invalidArgument)
            #expect(error?.message.contains(path) == true, "\(path): \(error?.message ?? "")")
        }
    }

    private static func label(_ name: String) -> Envoy_Type_Matcher_V3_StructMatcher {
        .with {
            $0.path = ["LABELS", "app"].map { key in .with { $0.key = key } }
            $0.value.stringMatch.exact = name
        }
    }
}
