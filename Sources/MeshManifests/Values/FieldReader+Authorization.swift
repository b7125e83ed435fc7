// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity

extension FieldReader {
    /// A `Source` of an AuthorizationPolicy.
    mutating func authorizationSource(namespace: String) -> Authorization.Source? {
        var source = Authorization.Source()
        for isWanted in [true, false] {
            let name = { (field: String) in isWanted ? field : Self.inverse(field) }
            var names = Authorization.Names()
            names.principals = principals(name("principals"))
            names.namespaces = namespaces(name("namespaces"))
            names.serviceAccounts = serviceAccounts(name("serviceAccounts"), namespace: namespace)
            names.trustDomains = trustDomains(name("trustDomains"))
            names.requestPrincipals = requestPrincipals(name("requestPrincipals"))
            names.addresses = addressRanges(name("ipBlocks"))
            names.remoteAddresses = addressRanges(name("remoteIpBlocks"))
            if isWanted { source.wanted = names } else { source.unwanted = names }
        }
        reportEmptiness(of: "source")
        return source
    }

    /// An `Operation` of an AuthorizationPolicy.
    mutating func authorizationOperation() -> Permission? {
        var parts: [Permission] = []
        let readers: [(field: String, read: (inout FieldReader, String) -> [Permission])] = [
            ("hosts", { fields, name in fields.hosts(name) }),
            ("methods", { fields, name in fields.methods(name) }),
            ("paths", { fields, name in fields.paths(name) }),
            ("ports", { fields, name in fields.ports(name) }),
        ]
        for (field, read) in readers {
            let wanted = read(&self, field)
            if !wanted.isEmpty { parts.append(.anyOf(wanted)) }
            let unwanted = read(&self, Self.inverse(field))
            if !unwanted.isEmpty { parts.append(.not(.anyOf(unwanted))) }
        }
        reportEmptiness(of: "operation")
        return parts.isEmpty ? .any : .all(parts)
    }

    /// `notPaths` for `paths`.
    private static func inverse(_ field: String) -> String {
        "not" + field.prefix(1).uppercased() + field.dropFirst()
    }

    /// An empty source or operation matches everything, which nobody means.
    private func reportEmptiness(of name: String) {
        if isEmpty {
            context.error(.missingField, at: position, "an empty \(name) would match everything; leave it out instead")
        }
    }

    private mutating func methods(_ name: String) -> [Permission] {
        wildcardTexts(name).map { .header(HeaderMatcher(":method", $0.value.headerCondition)) }
    }

    /// Hosts as requests have them, with their port if they say one, in letters of either case, as in Istio.
    private mutating func hosts(_ name: String) -> [Permission] {
        wildcardTexts(name).map { text in
            let matcher = text.value.pattern.map { HeaderMatcher.Condition.value(StringMatcher($0, ignoresCase: true)) }
            return .header(HeaderMatcher(":authority", matcher ?? .present(true)))
        }
    }

    private mutating func paths(_ name: String) -> [Permission] {
        filledTexts(name).compactMap { text in
            if text.value.utf8.contains(UInt8(ascii: "{")) { return pathTemplate(text) }
            guard let wildcard = wildcard(text) else { return nil }
            guard let pattern = wildcard.value.pattern else { return .any }
            return .path(StringMatcher(pattern))
        }
    }

    /// A path with `{*}` for one segment and `{**}` for any number of them.
    private func pathTemplate(_ text: Located<String>) -> Permission? {
        let plain = text.value.replacing("{**}", with: "").replacing("{*}", with: "")
        guard !plain.utf8.contains(where: { "{}*".utf8.contains($0) }) else {
            let message = "the path template \(text.value) may have {*} and {**}, and no other braces or stars"
            context.error(.refusedField, at: text.position, message)
            return nil
        }
        do {
            let template = text.value.replacing("{**}", with: "**").replacing("{*}", with: "*")
            return .pathTemplate(try PathTemplate(template))
        } catch {
            context.error(.invalidValue, at: text.position, "\(text.value): \(error)")
            return nil
        }
    }

    mutating func ports(_ name: String) -> [Permission] {
        filledTexts(name).compactMap { port in
            guard let number = UInt16(port.value), number > 0 else {
                context.error(.invalidValue, at: port.position, "the port \(port.value) is no number from 1 to 65535")
                return nil
            }
            return .destinationPort(number)
        }
    }

    mutating func principals(_ name: String) -> [WildcardText] {
        wildcardTexts(name).compactMap { text in
            let scheme = "spiffe://"
            let shown: String
            switch text.value {
            case .exact(let principal) where principal.hasPrefix(scheme): shown = principal
            case .prefix(let principal) where principal.hasPrefix(scheme): shown = principal + "*"
            default: return text.value
            }
            context.error(
                .invalidValue,
                at: text.position,
                "a principal is written without \(scheme), as \(shown.dropFirst(scheme.count))"
            )
            return nil
        }
    }

    mutating func namespaces(_ name: String) -> [WildcardText] {
        // No namespace is longer, and what is short is a small regular expression.
        shortTexts(name, maximum: 63, "a namespace")
    }

    private mutating func trustDomains(_ name: String) -> [WildcardText] {
        shortTexts(name, maximum: 255, "a trust domain")
    }

    private mutating func shortTexts(_ name: String, maximum: Int, _ what: String) -> [WildcardText] {
        wildcardTexts(name).compactMap { text in
            guard text.value.length <= maximum else {
                context.error(.invalidValue, at: text.position, "\(what) has at most \(maximum) characters")
                return nil
            }
            return text.value
        }
    }

    private mutating func serviceAccounts(_ name: String, namespace: String) -> [Authorization.ServiceAccount] {
        filledTexts(name).compactMap { text in
            let parts = text.value.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
            let account =
                switch parts.count {
                case 1: Authorization.ServiceAccount(namespace: namespace, name: parts[0])
                case 2: Authorization.ServiceAccount(namespace: parts[0], name: parts[1])
                default: Authorization.ServiceAccount(namespace: "", name: "")
                }
            guard KubernetesName.isLabel(account.namespace), KubernetesName.isSubdomain(account.name) else {
                context.error(
                    .invalidValue,
                    at: text.position,
                    "\(text.value) is no service account; write NAMESPACE/NAME, or NAME for this namespace"
                )
                return nil
            }
            return account
        }
    }
}
