// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshSecurity
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite("Decoding authorization")
struct AuthorizationDecodingTests {
    private typealias Message = Envoy_Extensions_Filters_Http_Rbac_V3_RBAC
    private typealias Override = Envoy_Extensions_Filters_Http_Rbac_V3_RBACPerRoute
    private typealias Permissions = Envoy_Config_Rbac_V3_Permission
    private typealias Principals = Envoy_Config_Rbac_V3_Principal

    private static func message(
        _ permission: Permissions = .with { $0.any = true },
        _ principal: Principals = .with { $0.any = true }
    ) -> Message {
        .with { message in
            message.rules.policies["p"] = .with {
                $0.permissions = [permission]
                $0.principals = [principal]
            }
        }
    }

    private func decoded(_ message: Message) throws -> (AuthorizationFilter?, [String]) {
        var context = DecodingContext(registry: .standard)
        let any = try Google_Protobuf_Any(packing: message)
        guard case .authorization(let filter)? = AuthorizationCodec().decode(any, at: .root, &context) else {
            return (nil, context.problems.map(\.path))
        }
        return (filter, context.problems.map(\.path))
    }

    private func policy(_ message: Message) throws -> AuthorizationPolicy? {
        try decoded(message).0?.rules?.policies.first
    }

    @Test func `what decides and is not supported is refused where it stands`() throws {
        let refused: [(Message, String)] = [
            (Self.message(.with { $0.matcher.name = "x" }), "rules.policies[p].permissions[0].matcher"),
            (Self.message(Permissions()), "rules.policies[p].permissions[0]"),
            (
                Self.message(.with { $0.destinationPortRange.start = 5 }),
                "rules.policies[p].permissions[0].destination_port_range"
            ),
            (
                Self.message(.with { $0.destinationIp.addressPrefix = "10.0.0" }),
                "rules.policies[p].permissions[0].destination_ip.address_prefix"
            ),
            (
                Self.message(
                    .with {
                        $0.sourcedMetadata.metadataSource = .route
                        $0.sourcedMetadata.metadataMatcher.filter = "f"
                    }
                ),
                "rules.policies[p].permissions[0].sourced_metadata.metadata_source"
            ),
            (
                Self.message(.with { $0.any = true }, .with { $0.filterState.key = "x" }),
                "rules.policies[p].principals[0].filter_state"
            ),
            (
                Self.message(.with { $0.any = true }, .with { $0.custom.name = "x" }),
                "rules.policies[p].principals[0].custom.typed_config"
            ),
            (
                Self.message(
                    .with { $0.any = true },
                    .with {
                        $0.remoteIp = .with {
                            $0.addressPrefix = "10.0.0.0"; $0.prefixLen.value = 33
                        }
                    }
                ),
                "rules.policies[p].principals[0].remote_ip.prefix_len"
            ),
            (
                .with { $0.rules.policies["p"] = .with { $0.permissions = [.with { $0.any = true }] } },
                "rules.policies[p].principals"
            ),
            (.with { $0.shadowRules.action = .UNRECOGNIZED(7) }, "shadow_rules.action"),
        ]
        for (message, path) in refused {
            let (filter, problems) = try decoded(message)
            #expect(filter?.rules == nil && problems.first == path, "\(problems)")
        }
    }

    @Test func `a peer's verified certificate is asked by an extension`() throws {
        let names = Envoy_Extensions_Rbac_Principals_MtlsAuthenticated_V3_Config.with {
            $0.sanMatcher.sanType = .dns
            $0.sanMatcher.matcher.exact = "a.test"
        }
        let principal = try Principals.with { $0.custom.typedConfig = try Google_Protobuf_Any(packing: names) }
        let read = try policy(Self.message(.with { $0.any = true }, principal))
        #expect(read?.principals == [.certificate(CertificateNameMatcher(.dns, StringMatcher(.exact("a.test"))))])
        let nothing = try Principals.with {
            $0.custom.typedConfig = try Google_Protobuf_Any(
                packing: Envoy_Extensions_Rbac_Principals_MtlsAuthenticated_V3_Config()
            )
        }
        #expect(try decoded(Self.message(.with { $0.any = true }, nothing)).0 == nil)
    }

    @Test func `Istio's peer principal is the certificate's URI name and no other`() throws {
        let principal = Principals.with {
            $0.filterState.key = "io.istio.peer_principal"
            $0.filterState.stringMatch.exact = "spiffe://a/b"
        }
        let read = try policy(Self.message(.with { $0.any = true }, principal))
        #expect(read?.principals == [.identity(StringMatcher(.exact("spiffe://a/b")))])
    }

    @Test func `a filter without rules stays, since routes may have some`() throws {
        let (filter, problems) = try decoded(.with { $0.shadowRulesStatPrefix = "s_" })
        #expect(filter == AuthorizationFilter(rules: nil, shadowPrefix: "s_") && problems.isEmpty)
    }

    @Test func `a route's settings go by the filter's name, and none switch it off`() throws {
        var context = DecodingContext(registry: .standard)
        let off = try Google_Protobuf_Any(packing: Override())
        let on = try Google_Protobuf_Any(packing: Override.with { $0.rbac = Self.message() })
        let overrides = RouteOverrides(
            ["envoy.filters.http.rbac": off, "mine": on],
            at: .root,
            &context
        )
        #expect(overrides.filters.authorization[""] == .disabled)
        guard case .settings(let filter)? = overrides.filters.authorization["mine"] else {
            Issue.record("\(overrides.filters.authorization)")
            return
        }
        #expect(filter.rules?.policies.map(\.name) == ["p"])
        #expect(context.problems.isEmpty)
    }

    @Test func `a bad route's settings are an error, and leave nothing behind`() throws {
        var context = DecodingContext(registry: .standard)
        let bad = try Google_Protobuf_Any(
            packing: Override.with { $0.rbac = Self.message(.with { $0.matcher.name = "x" }) }
        )
        let overrides = RouteOverrides(["mine": bad], at: .root, &context)
        #expect(overrides.filters.authorization.isEmpty && !context.problems.isEmpty)
    }
}
