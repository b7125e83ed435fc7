// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite("What is said of bad resources stays short, however long they are")
struct ReportSizeTests {
    /// One Swift character of any number of scalars.
    private static let endless = "e" + String(repeating: "\u{301}", count: 300_000)

    @Test("a long key of a map is not repeated in every path below it")
    func longKey() throws {
        let key = String(repeating: "k", count: 10_000)
        let override = try Google_Protobuf_Any(
            packing: Envoy_Extensions_Filters_Http_Rbac_V3_RBACPerRoute.with {
                $0.rbac.rules.action = .UNRECOGNIZED(9)
            }
        )
        let routes = Envoy_Config_Route_V3_RouteConfiguration.with { routes in
            routes.name = "r"
            routes.virtualHosts = (0..<300).map { number in
                .with {
                    $0.name = "\(number)"
                    $0.domains = ["\(number)"]
                    $0.typedPerFilterConfig[key] = override
                }
            }
        }
        let decoded = ResourceDecoder().decode(try Fixtures.packed(routes), as: .routeConfiguration)
        guard case .failure(let error) = decoded.result else {
            Issue.record("an unknown action is accepted")
            return
        }
        #expect(error.problems.count == DecodingContext.maximumReports)
        #expect(error.problems.allSatisfy { $0.path.utf8.count < 400 })
    }

    @Test("what a field holds is repeated in part")
    func longValue() throws {
        let cluster = Envoy_Config_Cluster_V3_Cluster.with {
            $0.name = "c"
            $0.loadBalancingPolicy.policies = (0..<300).map { number in
                .with { $0.typedExtensionConfig.typedConfig.typeURL = "a/\(number)\(Self.endless.cut(to: 3000))" }
            }
        }
        let decoded = ResourceDecoder().decode(try Fixtures.packed(cluster), as: .cluster)
        guard case .failure(let error) = decoded.result else {
            Issue.record("a cluster without a policy is accepted")
            return
        }
        #expect(error.problems.allSatisfy { $0.message.unicodeScalars.count <= DecodingContext.maximumTextLength + 1 })
    }

    @Test("a refusal is bounded in bytes, not in characters")
    func endlessName() throws {
        var session = ScriptedSession.connected()
        let packed = try Fixtures.packed(
            Envoy_Config_Listener_V3_Listener.with { $0.name = Self.endless }
        )
        let refusal = try #require(session.respond(.listener, [packed]).refusal)
        #expect(refusal.utf8.count < ResponseIntake.maximumRefusalLength + 8192)
    }

    @Test("of thousands of bad resources some are named, and the others counted")
    func manyProblems() throws {
        var session = ScriptedSession.connected()
        let packed = PackedResource(typeURL: ResourceKind.listener.typeURL, bytes: [])
        let refusal = try #require(session.respond(.listener, Array(repeating: packed, count: 5000)).refusal)
        #expect(refusal.utf8.count < ResponseIntake.maximumRefusalLength + 8192)
        let last = try #require(refusal.split(separator: "; ").last)
        #expect(last.hasSuffix("further resources are refused"))
        let counted = Int(last.prefix { $0.isNumber }) ?? 0
        #expect(counted + refusal.split(separator: "; ").count - 1 == 5000)
    }

    @Test("texts are cut between scalars, and short ones stay as they are", arguments: ["", "a", "abc", "e\u{301}"])
    func cut(text: String) {
        #expect(text.cut(to: 3) == text)
        #expect((text + "xyz").cut(to: 2).unicodeScalars.count == 3)
    }
}
