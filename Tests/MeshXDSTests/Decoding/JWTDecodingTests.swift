// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting
import MeshSecurity
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite("The JWT filter in xDS")
struct JWTDecodingTests {
    private typealias Message = Envoy_Extensions_Filters_Http_JwtAuthn_V3_JwtAuthentication
    private typealias Provider = Envoy_Extensions_Filters_Http_JwtAuthn_V3_JwtProvider

    private static let keys =
        #"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#

    private static func filter(_ change: (inout Message) -> Void = { _ in }) -> Message {
        var provider = Provider()
        provider.issuer = "i"
        provider.localJwks.inlineString = keys
        var message = Message()
        message.providers["p"] = provider
        change(&message)
        return message
    }

    private func decode(_ message: Message) throws -> (filter: HTTPFilter?, problems: [String]) {
        var context = DecodingContext(registry: .standard)
        let filter = JWTCodec().decode(try Google_Protobuf_Any(packing: message), at: .root, &context)
        return (filter, context.problems.map(\.path))
    }

    @Test func `what stands there is read, with Envoy's defaults`() throws {
        let decoded = try decode(Self.filter())
        #expect(decoded.problems == [])
        guard case .jwt(let filter)? = decoded.filter else {
            Issue.record("no filter")
            return
        }
        #expect(filter.providers == [JWTProvider(name: "p", issuer: "i", keys: .text(Self.keys))])
        #expect(filter.providers.first?.clockSkew == 60)
        #expect(filter.providers.first?.cachedTokens == 100)
    }

    /// Something that is wrong with a filter, and where that is said.
    struct Flaw: Sendable, CustomTestStringConvertible {
        let path: String
        let change: @Sendable (inout Envoy_Extensions_Filters_Http_JwtAuthn_V3_JwtAuthentication) -> Void

        init(
            _ path: String,
            _ change: @escaping @Sendable (inout Envoy_Extensions_Filters_Http_JwtAuthn_V3_JwtAuthentication) -> Void
        ) {
            self.path = path
            self.change = change
        }

        var testDescription: String { path }
    }

    @Test(
        "what cannot be read as it is meant is refused by its path",
        arguments: [
            Flaw("providers[p].keys") { $0.providers["p"]?.localJwks.inlineString = "{}" },
            Flaw("providers[p].local_jwks") { $0.providers["p"]?.localJwks.filename = "/etc/passwd" },
            Flaw("providers[p].keys.uri") { $0.providers["p"]?.remoteJwks.httpUri.uri = "ftp://a" },
            Flaw("providers[p]") { $0.providers["p"]?.jwksSourceSpecifier = nil },
            Flaw("rules[0].requirement") { $0.rules = [.rule { $0.requires.providerName = "q" }] },
            Flaw("rules[0].requirement") { $0.rules = [.rule { $0.requirementName = "q" }] },
            Flaw("rules[0].match") { $0.rules = [.init()] },
            Flaw("rules[0].requires.requires_any.requirements") {
                $0.rules = [.rule { $0.requires.requiresAny.requirements = [.init()] }]
            },
        ]
    )
    func refusals(flaw: Flaw) throws {
        let decoded = try decode(Self.filter(flaw.change))
        #expect(decoded.filter == nil)
        #expect(decoded.problems.contains(flaw.path), "\(decoded.problems)")
    }

    @Test func `a requirement of a kind that is not known lets nobody through`() throws {
        // Field 7: `extract_only_without_validation`.
        var requirement = try Envoy_Extensions_Filters_Http_JwtAuthn_V3_JwtRequirement(serializedBytes: [0x3A, 0x00])
        #expect(requirement.requiresType == nil)
        var decoded = try decode(Self.filter { $0.rules = [.rule { $0.requires = requirement }] })
        #expect(decoded.filter == nil)
        #expect(!decoded.problems.isEmpty)
        requirement = .init()
        decoded = try decode(Self.filter { $0.rules = [.rule { $0.requires = requirement }] })
        #expect(decoded.filter != nil)
    }

    @Test func `a place where it is switched off says so in its own settings`() throws {
        var fields: [String: Google_Protobuf_Any] = [:]
        try fields.add(FilterOverrides(jwt: .disabled))
        let found = try #require(fields["envoy.filters.http.jwt_authn"])
        #expect(try Envoy_Extensions_Filters_Http_JwtAuthn_V3_PerRouteConfig(unpackingAny: found).disabled)
    }

    @Test func `gRPC is not told of it, and Envoy gets a cluster`() {
        let provider = JWTProvider(name: "p", keys: .remote(RemoteKeys(uri: "https://issuer.test/keys")))
        let listener = Listener(
            name: "in",
            direction: .inbound(address: EndpointAddress(host: "127.0.0.1", port: 80), security: .plaintext),
            filters: [.jwt(JWTFilter(providers: [provider], .provider("p")))],
            routes: .inline(RouteConfiguration(name: "r", virtualHosts: []))
        )
        let resources = MeshResources(listeners: [listener])
        let grpc = DialectTranslation(resources, to: .grpc)
        #expect(grpc.resources.listeners["in"]?.filters == [])
        #expect(!grpc.reports.isEmpty)
        let envoy = DialectTranslation(resources, to: .envoy)
        guard case .jwt(let filter)? = envoy.resources.listeners["in"]?.filters.first,
            case .remote(let remote)? = filter.providers.first?.keys
        else {
            Issue.record("no filter")
            return
        }
        #expect(remote.cluster == "outbound|443||issuer.test")
        #expect(!envoy.reports.isEmpty)
    }
}

extension Envoy_Extensions_Filters_Http_JwtAuthn_V3_RequirementRule {
    fileprivate static func rule(_ change: (inout Self) -> Void) -> Self {
        var rule = Self()
        rule.match.prefix = "/"
        change(&rule)
        return rule
    }
}
