// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshSecurity
import Testing

@testable import MeshXDS

@Suite("Authorization for gRPC's servers")
struct AuthorizationTranslationTests {
    private func translated(_ filter: AuthorizationFilter) throws -> (AuthorizationFilter, [FieldReport]) {
        let listener = Listener(
            name: "in",
            direction: .inbound(address: EndpointAddress(host: "0.0.0.0", port: 1), security: .plaintext),
            filters: [.authorization(filter)],
            routes: .inline(RouteConfiguration(name: "r", virtualHosts: []))
        )
        let translation = DialectTranslation(MeshResources(listeners: [listener]), to: .grpc)
        guard case .authorization(let sent)? = translation.resources.listeners["in"]?.filters.first else {
            throw CancellationError()
        }
        return (sent, translation.reports)
    }

    private func rules(
        _ action: AuthorizationRules.Action,
        _ permission: Permission,
        _ principal: Principal = .any
    ) -> AuthorizationRules {
        AuthorizationRules(
            action: action,
            policies: [AuthorizationPolicy(name: "p", permissions: [permission], principals: [principal])]
        )
    }

    @Test func `a template is sent as the expression that it means, a short range as its ports`() throws {
        let template = try PathTemplate("/a/{x}")
        let (sent, reports) = try translated(
            AuthorizationFilter(rules: rules(.allow, .all([.pathTemplate(template), .destinationPorts(80..<82)])))
        )
        let expression = StringMatcher(.regularExpression(template.expression))
        let ports = Permission.anyOf([.destinationPort(80), .destinationPort(81)])
        #expect(sent.rules == rules(.allow, .all([.path(expression), ports])))
        #expect(!reports.contains { $0.path.contains("policies") })
    }

    @Test func `what cannot be said makes refusals wider and permissions narrower`() throws {
        let wide = Permission.destinationPorts(1..<60_000)
        let cases: [(AuthorizationRules, AuthorizationRules)] = [
            (rules(.deny, wide), rules(.deny, .any)),
            (rules(.deny, .not(wide)), rules(.deny, .not(.not(.any)))),
            (rules(.allow, wide), rules(.allow, .not(.any))),
            (rules(.allow, .not(wide)), rules(.allow, .not(.any))),
            (rules(.allow, .any, .certificate(nil)), rules(.allow, .any, .not(.any))),
            (rules(.deny, .any, .certificate(nil)), rules(.deny, .any, .any)),
        ]
        for (meant, expected) in cases {
            let (sent, reports) = try translated(AuthorizationFilter(rules: meant))
            #expect(sent.rules == expected)
            #expect(reports.contains { $0.path.hasSuffix("rules.policies[p]") })
        }
    }

    @Test func `rules that only log, and those that are only tried, are not sent`() throws {
        let filter = AuthorizationFilter(rules: rules(.log, .any), shadowRules: rules(.deny, .any))
        let (sent, reports) = try translated(filter)
        #expect(sent.rules == nil && sent.shadowRules == nil)
        #expect(reports.count >= 2)
    }
}
