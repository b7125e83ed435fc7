// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshManifests
import MeshSecurity
import Testing

@Suite("RequestAuthentication and CUSTOM")
struct RequestAuthenticationTests {
    private static let keys =
        #"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#

    private static func authentication(_ spec: String, name: String = "a", namespace: String = "default") -> String {
        """
        apiVersion: security.istio.io/v1
        kind: RequestAuthentication
        metadata: {name: \(name), namespace: \(namespace)}
        spec:
        \(spec)
        ---

        """
    }

    private func tokens(_ text: String) -> JWTFilter? {
        let filters = Compilation(text, for: Bookinfo.node("ratings")).inbound?.filters ?? []
        if case .jwt(let filter)? = filters.first { return filter }
        return nil
    }

    @Test("every field of a rule is taken")
    func fields() throws {
        let filter = try #require(
            tokens(
                Self.authentication(
                    """
                      jwtRules:
                      - issuer: https://issuer.test
                        audiences: [api]
                        jwks: '\(Self.keys)'
                        fromHeaders: [{name: X-Token, prefix: "Token "}]
                        fromParams: [tok]
                        fromCookies: [jwt]
                        outputPayloadToHeader: x-payload
                        outputClaimToHeaders: [{header: x-sub, claim: sub}]
                        forwardOriginalToken: true
                        spaceDelimitedClaims: [groups]
                    """
                )
            )
        )
        #expect(
            filter.providers == [
                JWTProvider(
                    name: "origins-0",
                    issuer: "https://issuer.test",
                    audiences: ["api"],
                    keys: .text(Self.keys),
                    forwardsToken: true,
                    fromHeaders: [.init("x-token", valuePrefix: "Token ")],
                    fromParameters: ["tok"],
                    fromCookies: ["jwt"],
                    payloadHeader: "x-payload",
                    claimHeaders: [.init("x-sub", claim: "sub")],
                    claimsNote: "payload",
                    spaceDelimitedClaims: ["groups", "permission", "scope"]
                )
            ]
        )
        #expect(filter.rules.first?.requirement == .inline(.any([.provider("origins-0"), .allowMissing])))
        #expect(filter.bypassesPreflight)
    }

    @Test("keys come from where the rule says, or from what the issuer says of itself")
    func remoteKeys() throws {
        let filter = try #require(
            tokens(
                Self.authentication(
                    """
                      jwtRules:
                      - {issuer: "https://b.test/", timeout: 3s}
                      - {issuer: "https://a.test", jwksUri: "https://keys.test/jwks"}
                    """
                )
            )
        )
        #expect(
            filter.providers.map(\.keys) == [
                .remote(RemoteKeys(uri: "https://keys.test/jwks")),
                .remote(
                    RemoteKeys(uri: "https://b.test/.well-known/openid-configuration", timeout: .seconds(3))
                ),
            ],
            "in the order of issuers"
        )
        let each = ["origins-0", "origins-1"].map { JWTRequirement.any([.provider($0), .allowMissing]) }
        #expect(
            filter.rules.first?.requirement
                == .inline(.any([.provider("origins-0"), .provider("origins-1"), .all(each)]))
        )
    }

    @Test("it is about the workloads that it selects")
    func selection() {
        let rule = "  jwtRules: [{issuer: i, jwks: '\(Self.keys)'}]"
        #expect(tokens(Self.authentication(rule)) != nil)
        #expect(tokens(Self.authentication(rule, namespace: "elsewhere")) == nil)
        #expect(tokens(Self.authentication("  selector: {matchLabels: {app: reviews}}\n\(rule)")) == nil)
        #expect(tokens(Self.authentication("  selector: {matchLabels: {app: ratings}}\n\(rule)")) != nil)
    }

    @Test(
        "what is wrong is an error",
        arguments: [
            "  jwtRules: [{issuer: i, jwks: '{}'}]", "  jwtRules: [{jwks: '\(keys)'}]",
            "  jwtRules: [{issuer: i, jwksUri: 'ftp://a'}]", "  jwtRules: [{issuer: i}]",
            "  jwtRules: [{issuer: i, jwks: '\(keys)', jwksUri: 'https://a'}]",
            "  targetRefs: [{kind: Service, name: a}]",
            "  jwtRules: [{issuer: i, jwks: '\(keys)', outputPayloadToHeader: ':path'}]",
        ]
    )
    func errors(spec: String) {
        let reading = ManifestReader().read([ManifestFile(name: "a.yaml", text: Self.authentication(spec))])
        #expect(reading.diagnostics.contains { $0.severity == .error }, "\(reading.diagnostics)")
    }

    private static func custom(_ provider: String) -> String {
        """
        apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        metadata: {name: ask, namespace: default}
        spec:
          action: CUSTOM
          provider: {name: \(provider)}
          rules: [{to: [{operation: {paths: ["/asked"]}}]}]
        ---

        """
    }

    private static let mesh = """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: istio, namespace: istio-system}
        data:
          meshNetworks: "networks: {}"
          mesh: |-
            accessLogFile: /dev/stdout
            extensionProviders:
            - name: authz
              envoyExtAuthzGrpc: {service: foo/authz.foo.svc.cluster.local, port: 9000, timeout: 1s, failOpen: true}
            - name: web
              envoyExtAuthzHttp:
                service: web.test
                port: 80
                pathPrefix: /check
                includeRequestHeadersInCheck: [Cookie]
                headersToUpstreamOnAllow: ["x-up-*"]
                statusOnError: "503"
        ---

        """

    @Test("a CUSTOM policy asks the mesh's provider about the requests that it is about")
    func asksProvider() throws {
        let filters =
            Compilation(Self.mesh + Self.custom("authz"), for: Bookinfo.node("ratings")).inbound?.filters ?? []
        #expect(filters.count == 2)
        guard case .authorization(let marking)? = filters.first, case .externalAuthorization(let asking)? = filters.last
        else {
            Issue.record("\(filters)")
            return
        }
        #expect(marking.rules == nil)
        #expect(marking.shadowRules?.policies.count == 1)
        #expect(asking.service == "outbound|9000||authz.foo.svc.cluster.local")
        #expect(asking.timeout == .seconds(1))
        #expect(asking.allowsOnFailure)
        let noted: [String: MetadataValue] = [
            "istio_ext_authz_shadow_effective_policy_id": .text(marking.shadowRules?.policies.first?.name ?? "")
        ]
        #expect(asking.enabledMetadata?.matches(["envoy.filters.http.rbac": .fields(noted)]) == true)
        #expect(asking.enabledMetadata?.matches([:]) == false)
    }

    @Test("a provider over HTTP is asked by the mesh's own client")
    func asksOverHTTP() throws {
        let filters = Compilation(Self.mesh + Self.custom("web"), for: Bookinfo.node("ratings")).inbound?.filters ?? []
        guard case .externalAuthorization(let asking)? = filters.last else {
            Issue.record("\(filters)")
            return
        }
        #expect(asking.service == "outbound|80||web.test")
        #expect(asking.http?.pathPrefix == "/check")
        #expect(asking.http?.upstreamHeaders == [StringMatcher(.prefix("x-up-"))])
        #expect(asking.sentHeaders == [StringMatcher(.exact("cookie"))])
        #expect(asking.failureStatus == 503)
    }

    @Test("requests that nobody can be asked about are refused", arguments: ["nobody"])
    func unknownProvider(name: String) {
        let filters = Compilation(Self.mesh + Self.custom(name), for: Bookinfo.node("ratings")).inbound?.filters ?? []
        guard case .authorization(let filter)? = filters.first, filters.count == 1 else {
            Issue.record("\(filters)")
            return
        }
        #expect(filter.rules?.action == .deny)
    }
}
