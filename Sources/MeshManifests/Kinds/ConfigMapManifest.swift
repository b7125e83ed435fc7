// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore

/// Kubernetes' ConfigMap. One means something here: Istio's own (`istio`, or `istio-REVISION`), whose `mesh` is YAML and has
/// the services that AuthorizationPolicy with the action CUSTOM asks.
struct ConfigMapManifest: ManifestKind {
    static let kind = "ConfigMap"
    static let apiVersions = ["v1"]

    private var providers: [AuthorizationProvider] = []

    init?(_ fields: inout FieldReader, metadata: ManifestMetadata) {
        defer { fields.acceptEverythingElse() }
        guard metadata.name == "istio" || metadata.name.hasPrefix("istio-") else { return }
        let mesh = fields.mapping("data") { fields -> Located<String>? in
            defer { fields.acceptEverythingElse() }
            return fields.has("mesh") ? fields.text("mesh") : nil
        }
        guard let mesh else { return }
        do throws(YAMLFile.Failure) {
            let file = try YAMLFile(ManifestFile(name: mesh.position.file, text: mesh.value))
            for document in file.documents {
                let read = FieldReader.read(document, named: "mesh", fields.context) { fields in
                    defer { fields.acceptEverythingElse() }
                    return fields.mappings("extensionProviders") { $0.authorizationProvider() }
                }
                providers += (read ?? nil) ?? []
            }
        } catch {
            fields.context.error(.invalidYAML, at: mesh.position, "mesh is no YAML: \(error.diagnostic.message)")
        }
    }

    func contribute(to model: inout ManifestModel) {
        model.authorizationProviders += providers
    }
}

extension FieldReader {
    /// An element of `extensionProviders`; `nil` for one of another kind.
    fileprivate mutating func authorizationProvider() -> AuthorizationProvider? {
        defer { acceptEverythingElse() }
        guard let name = requiredText("name")?.value else { return nil }
        switch oneOf(["envoyExtAuthzGrpc", "envoyExtAuthzHttp"], of: "a provider") {
        case "envoyExtAuthzGrpc": return mapping("envoyExtAuthzGrpc") { $0.authorizer(named: name) }
        case "envoyExtAuthzHttp":
            return mapping("envoyExtAuthzHttp") { fields -> AuthorizationProvider? in
                var http = HTTPAuthorization()
                if let prefix = fields.text("pathPrefix") {
                    if prefix.value.utf8.first != UInt8(ascii: "/") {
                        fields.context.error(.invalidValue, at: prefix.position, "pathPrefix must begin with a slash")
                    }
                    http.pathPrefix = prefix.value
                }
                http.addedHeaders = fields.textMap("includeAdditionalHeadersInCheck").map {
                    LocalReply.Header(HeaderName($0.value.key), $0.value.value)
                }
                http.upstreamHeaders = fields.headerPatterns("headersToUpstreamOnAllow")
                http.clientHeaders = fields.headerPatterns("headersToDownstreamOnDeny")
                fields.ignore("headersToDownstreamOnAllow", because: "the handler writes its own response")
                let sent =
                    fields.headerPatterns("includeRequestHeadersInCheck")
                    + fields.headerPatterns("includeHeadersInCheck")
                guard var provider = fields.authorizer(named: name) else { return nil }
                provider.http = http
                provider.sentHeaders = sent
                return provider
            }
        default: return nil
        }
    }

    /// What both ways to ask have in common.
    private mutating func authorizer(named name: String) -> AuthorizationProvider? {
        let service = requiredText("service")
        let port = integer("port", in: 1...65_535)
        if !has("port") { reportMissing("port") }
        let timeout = duration("timeout")
        let failOpen = boolean("failOpen") ?? false
        let status = text("statusOnError")
        ignore("clearRouteCache")
        refuse("includeRequestBodyInCheck", because: "the service would not see the body")
        if let status, Int(status.value).map({ (200...599).contains($0) }) != true {
            context.error(.invalidValue, at: status.position, "statusOnError must be from 200 to 599")
        }
        guard let service, let port else { return nil }
        // `NAMESPACE/HOST` says whose service of that name it is.
        let host = service.value.split(separator: "/").last.map(String.init) ?? service.value
        return AuthorizationProvider(
            name: name,
            cluster: "outbound|\(port.value)||\(host)",
            timeout: timeout?.value ?? .seconds(600),
            allowsOnFailure: failOpen,
            failureStatus: status.flatMap { Int($0.value) } ?? 403
        )
    }

    /// Names of headers, each of them whole or with a `*` at its end or its beginning.
    private mutating func headerPatterns(_ field: String) -> [StringMatcher] {
        texts(field).compactMap { text in
            switch WildcardText(text.value.lowercased()) {
            case .exact(let name): return StringMatcher(.exact(name))
            case .prefix(let prefix): return StringMatcher(.prefix(prefix))
            case .suffix(let suffix): return StringMatcher(.suffix(suffix))
            // An empty prefix is refused by every client.
            case .any: return (try? RegularExpression(".*")).map { StringMatcher(.regularExpression($0)) }
            case nil:
                context.error(.invalidValue, at: text.position, "\(text.value) has a * that is at neither end")
                return nil
            }
        }
    }
}
