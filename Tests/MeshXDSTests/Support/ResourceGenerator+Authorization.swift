// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshSecurity

/// Whatever authorization can say.
extension ResourceGenerator {
    private mutating func addressRange() -> AddressRange {
        let addresses = ["10.0.0.0", "127.0.0.1", "2001:db8::", "::"].compactMap { IPAddress($0) }
        let address = pick(addresses)
        return AddressRange(address, length: below(address.bitCount + 1))
    }

    private mutating func metadataMatcher() -> MetadataMatcher {
        MetadataMatcher(
            filter: "envoy.filters.http.jwt_authn",
            path: list(1...3) { $0.pick(["payload", "iss", "realm access"]) },
            metadataCondition(),
            isInverted: chance(20)
        )
    }

    mutating func permission(depth: Int = 0) -> Permission {
        switch below(depth < 4 ? 12 : 9) {
        case 0: .any
        case 1: .header(headerMatcher())
        case 2: .path(stringMatcher())
        case 3: .destinationPort(UInt16(below(65_536)))
        case 4: .destinationPorts(80..<UInt32(81 + below(65_456)))
        case 5: .destinationAddress(addressRange())
        case 6: .serverName(stringMatcher())
        case 7: .metadata(metadataMatcher())
        case 8: .pathTemplate(Self.valid { try PathTemplate(pick(["/a/*", "/{country}/{rest=**}", "/**"])) })
        case 9: .all(list(1...3) { $0.permission(depth: depth + 1) })
        case 10: .anyOf(list(1...3) { $0.permission(depth: depth + 1) })
        default: .not(permission(depth: depth + 1))
        }
    }

    mutating func principal(depth: Int = 0) -> Principal {
        switch below(depth < 4 ? 15 : 12) {
        case 0: .any
        case 1: .header(headerMatcher())
        case 2: .authenticated(nil)
        case 3: .authenticated(stringMatcher())
        case 4: .identity(stringMatcher())
        case 5: .certificate(nil)
        case 6: .certificate(CertificateNameMatcher(pick([.uri, .dns]), stringMatcher()))
        case 7: .source(addressRange())
        case 8: .directRemote(addressRange())
        case 9: .remote(addressRange())
        case 10: .path(stringMatcher())
        case 11: .metadata(metadataMatcher())
        case 12: .all(list(1...3) { $0.principal(depth: depth + 1) })
        case 13: .anyOf(list(1...3) { $0.principal(depth: depth + 1) })
        default: .not(principal(depth: depth + 1))
        }
    }

    /// Rules whose policies have names that begin with `name`: a listener's messages go by the policies' names.
    mutating func rules(_ name: String, hasMessages: Bool = true) -> AuthorizationRules {
        AuthorizationRules(
            action: pick(AuthorizationRules.Action.allCases),
            policies: (0..<below(4)).map { number in
                AuthorizationPolicy(
                    name: "\(name) \(number)",
                    permissions: list(1...2) { $0.permission() },
                    principals: list(1...2) { $0.principal() },
                    denialMessage: hasMessages && chance() ? word() : nil
                )
            }
        )
    }

    /// A filter; only what a listener enforces has messages of its own.
    mutating func authorization(_ name: String, onListener: Bool = true) -> AuthorizationFilter {
        AuthorizationFilter(
            name: onListener && chance(20) ? "own \(name)" : "",
            rules: chance(80) ? rules(name, hasMessages: onListener) : nil,
            shadowRules: chance(30) ? rules("shadow of \(name)", hasMessages: false) : nil,
            prefix: chance(20) ? "enforced_" : "",
            shadowPrefix: chance(20) ? "tried_" : ""
        )
    }

    mutating func authorizationOverrides() -> [String: FilterOverride<AuthorizationFilter>] {
        guard chance(30) else { return [:] }
        return ["": chance(30) ? .disabled : .settings(authorization("of a route", onListener: false))]
    }
}
