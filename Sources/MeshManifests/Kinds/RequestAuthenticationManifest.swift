// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity

/// Istio's RequestAuthentication: whose tokens some workloads believe. A request without a token passes; one with a bad
/// token does not.
struct RequestAuthenticationManifest: ManifestKind {
    static let kind = "RequestAuthentication"
    static let apiVersions = ["security.istio.io/v1", "security.istio.io/v1beta1"]

    private let authentication: RequestAuthentication

    init?(_ fields: inout FieldReader, metadata: ManifestMetadata) {
        let authentication = fields.requiredMapping("spec") { fields -> RequestAuthentication? in
            let labels = fields.mapping("selector") { $0.labels("matchLabels") }
            fields.refuse("targetRef", "targetRefs", because: "the rules would apply to other workloads; use selector")
            let providers = fields.mappings("jwtRules") { $0.jwtRule() }
            return RequestAuthentication(metadata: metadata, workloadLabels: labels, providers: providers)
        }
        guard let authentication else { return nil }
        self.authentication = authentication
    }

    func contribute(to model: inout ManifestModel) {
        model.requestAuthentications.append(authentication)
    }
}

extension FieldReader {
    /// One issuer (`JWTRule`).
    fileprivate mutating func jwtRule() -> JWTProvider? {
        let issuer = requiredText("issuer")
        let keys = jwtKeys(issuer?.value ?? "")
        let audiences = texts("audiences").map(\.value)
        let headers = mappings("fromHeaders") { fields -> JWTProvider.HeaderLocation? in
            let name = fields.headerName("name")
            let prefix = fields.text("prefix")
            return name.map { JWTProvider.HeaderLocation($0, valuePrefix: prefix?.value ?? "") }
        }
        let parameters = texts("fromParams").map(\.value)
        let cookies = texts("fromCookies").map(\.value)
        let payload = has("outputPayloadToHeader") ? headerName("outputPayloadToHeader") : nil
        let claims = mappings("outputClaimToHeaders") { fields -> JWTProvider.ClaimHeader? in
            let header = fields.headerName("header")
            let claim = fields.requiredText("claim")
            guard let header, let claim else { return nil }
            return JWTProvider.ClaimHeader(header, claim: claim.value)
        }
        let forwards = boolean("forwardOriginalToken") ?? false
        let spaced = texts("spaceDelimitedClaims").map(\.value)
        guard let issuer, let keys else { return nil }
        return JWTProvider(
            name: "",
            issuer: issuer.value,
            audiences: audiences,
            keys: keys,
            forwardsToken: forwards,
            fromHeaders: headers,
            fromParameters: parameters,
            fromCookies: cookies,
            payloadHeader: payload,
            claimHeaders: claims,
            // Where AuthorizationPolicy looks for them.
            claimsNote: "payload",
            // These two are lists by custom (RFC 8693 §4.2), others where the rule says so.
            spaceDelimitedClaims: Set(spaced + ["permission", "scope"]).sorted()
        )
    }

    /// The keys: `jwks`, `jwksUri`, or else what the issuer says of itself (OpenID Connect Discovery).
    private mutating func jwtKeys(_ issuer: String) -> JWTProvider.Keys? {
        let timeout = duration("timeout")?.value ?? .seconds(5)
        func remote(_ uri: String, at position: SourcePosition, _ name: String) -> JWTProvider.Keys? {
            let keys = RemoteKeys(uri: uri, timeout: timeout)
            do throws(ConfigurationError) {
                try keys.validate()
            } catch {
                context.error(.invalidValue, at: position, "\(name) must be an address of http or https")
                return nil
            }
            return .remote(keys)
        }
        switch oneOf(["jwks", "jwksUri"], of: "a JWT rule") {
        case "jwks":
            guard let text = text("jwks") else { return nil }
            do throws(JSONWebKeySet.Malformed) {
                _ = try JSONWebKeySet(Array(text.value.utf8))
            } catch {
                context.error(.invalidValue, at: text.position, "jwks is no key set: \(error.description)")
                return nil
            }
            return .text(text.value)
        case "jwksUri":
            guard let uri = text("jwksUri") else { return nil }
            return remote(uri.value, at: uri.position, "jwksUri")
        default:
            guard !issuer.isEmpty else { return nil }
            let base = issuer.utf8.last == UInt8(ascii: "/") ? String(issuer.dropLast()) : issuer
            let position = keyPosition("issuer")
            return remote("\(base)/.well-known/openid-configuration", at: position, "an issuer without jwksUri")
        }
    }

    private mutating func headerName(_ field: String) -> HeaderName? {
        guard let text = requiredText(field) else { return nil }
        let name = HeaderName(text.value)
        guard name.isValid, name.lowercased.utf8.first != UInt8(ascii: ":") else {
            context.error(.invalidValue, at: text.position, "\(field) is \(text.value), which is no header's name")
            return nil
        }
        return name
    }
}
