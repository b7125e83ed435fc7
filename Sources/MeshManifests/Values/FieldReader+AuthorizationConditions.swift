// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity

extension FieldReader {
    /// A `Condition` of an AuthorizationPolicy: a key, and values that it has or does not have.
    mutating func authorizationCondition() -> Authorization.Conditions? {
        guard let key = requiredText("key") else {
            acceptEverythingElse()
            return nil
        }
        guard has("values") || has("notValues") else {
            context.error(.missingField, at: key.position, "\(key.value) has neither values nor notValues")
            return nil
        }
        switch key.value {
        case "source.ip": return source(\.addresses) { $0.addressRanges($1) }
        case "remote.ip": return source(\.remoteAddresses) { $0.addressRanges($1) }
        case "source.namespace": return source(\.namespaces) { $0.namespaces($1) }
        case "source.principal": return source(\.principals) { $0.principals($1) }
        case "request.auth.principal": return source(\.requestPrincipals) { $0.requestPrincipals($1) }
        case "request.auth.audiences": return claims(["aud"])
        case "request.auth.presenter": return claims(["azp"])
        case "destination.ip":
            return permission { fields, name in fields.addressRanges(name).map { .destinationAddress($0) } }
        case "destination.port": return permission { $0.ports($1) }
        case "connection.sni":
            return permission { fields, name in fields.wildcardTexts(name).map { .serverName($0.value.matcher) } }
        default: return bracketed(key)
        }
    }

    /// Keys that end with names in brackets.
    private mutating func bracketed(_ key: Located<String>) -> Authorization.Conditions? {
        if let names = Self.names(in: key.value, behind: "request.headers"), names.count == 1 {
            let header = HeaderName(names[0])
            guard header.isValid else {
                context.error(.invalidValue, at: key.position, "\(names[0]) is no header name")
                acceptEverythingElse()
                return nil
            }
            return principal { fields, name in
                fields.wildcardTexts(name).map { .header(HeaderMatcher(header, $0.value.headerCondition)) }
            }
        }
        if let names = Self.names(in: key.value, behind: "request.auth.claims") { return claims(names) }
        acceptEverythingElse()
        if key.value.hasPrefix("experimental.envoy.filters.") {
            context.error(.refusedField, at: key.position, "\(key.value) is not supported: it is about Envoy's insides")
        } else {
            context.error(.invalidValue, at: key.position, "\(key.value) is no key of a condition")
        }
        return nil
    }

    /// The names in brackets behind a word: `a` and `b` of `word[a][b]`; `nil` if the text is none such.
    private static func names(in text: String, behind word: String) -> [String]? {
        guard text.utf8.starts(with: word.utf8) else { return nil }
        var rest = text.utf8.dropFirst(word.utf8.count)
        var names: [String] = []
        while rest.first == UInt8(ascii: "[") {
            guard let end = rest.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            let name = rest[rest.index(after: rest.startIndex)..<end]
            guard !name.isEmpty, !name.contains(UInt8(ascii: "[")), let text = String(name) else { return nil }
            names.append(text)
            rest = rest[rest.index(after: end)...]
        }
        return rest.isEmpty && !names.isEmpty ? names : nil
    }

    private mutating func source<Value>(
        _ field: WritableKeyPath<Authorization.Names, [Value]>,
        _ read: (inout FieldReader, String) -> [Value]
    ) -> Authorization.Conditions {
        var source = Authorization.Source()
        source.wanted[keyPath: field] = read(&self, "values")
        source.unwanted[keyPath: field] = read(&self, "notValues")
        return Authorization.Conditions(sources: [source])
    }

    private mutating func permission(
        _ read: (inout FieldReader, String) -> [Permission]
    ) -> Authorization.Conditions {
        let (wanted, unwanted) = (read(&self, "values"), read(&self, "notValues"))
        var all = wanted.isEmpty ? [] : [Permission.anyOf(wanted)]
        if !unwanted.isEmpty { all.append(.not(.anyOf(unwanted))) }
        return Authorization.Conditions(permissions: all)
    }

    private mutating func principal(
        _ read: (inout FieldReader, String) -> [Principal]
    ) -> Authorization.Conditions {
        let (wanted, unwanted) = (read(&self, "values"), read(&self, "notValues"))
        var all = wanted.isEmpty ? [] : [Principal.anyOf(wanted)]
        if !unwanted.isEmpty { all.append(.not(.anyOf(unwanted))) }
        return Authorization.Conditions(principals: all)
    }

    /// A claim of the request's token: a text that matches, or a list with one.
    private mutating func claims(_ names: [String]) -> Authorization.Conditions {
        principal { fields, name in
            fields.wildcardTexts(name).map { text in
                let matcher = MetadataMatcher.Condition.text(text.value.matcher)
                return .claim(names, .any([matcher, .contains(matcher)]))
            }
        }
    }
}

extension Principal {
    /// A claim of the token that the request brought, where token filters note it (`payload_in_metadata`).
    static func claim(_ names: [String], _ condition: MetadataMatcher.Condition) -> Principal {
        .metadata(MetadataMatcher(filter: "envoy.filters.http.jwt_authn", path: ["payload"] + names, condition))
    }
}
