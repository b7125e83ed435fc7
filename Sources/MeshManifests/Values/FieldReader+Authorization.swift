// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity

extension FieldReader {
    /// A `Source` of an AuthorizationPolicy.
    mutating func authorizationSource(namespace: String) -> Authorization.Source? {
        var source = Authorization.Source()
        source.principals = principals("principals")
        source.notPrincipals = principals("notPrincipals")
        source.namespaces = namespaces("namespaces")
        source.notNamespaces = namespaces("notNamespaces")
        source.serviceAccounts = serviceAccounts("serviceAccounts", namespace: namespace)
        source.notServiceAccounts = serviceAccounts("notServiceAccounts", namespace: namespace)
        let reason = "peers would pass or fail that must not"
        refuse("requestPrincipals", "notRequestPrincipals", "ipBlocks", "notIpBlocks", because: reason)
        refuse("remoteIpBlocks", "notRemoteIpBlocks", "trustDomains", "notTrustDomains", because: reason)
        reportEmptiness(of: "source")
        return source
    }

    /// An `Operation` of an AuthorizationPolicy.
    mutating func authorizationOperation() -> Permission? {
        var parts: [Permission] = []
        let readers: [(field: String, read: (inout FieldReader, String) -> [Permission])] = [
            ("methods", { fields, name in fields.methods(name) }),
            ("paths", { fields, name in fields.paths(name) }),
            ("ports", { fields, name in fields.ports(name) }),
        ]
        for (field, read) in readers {
            let wanted = read(&self, field)
            if !wanted.isEmpty { parts.append(.anyOf(wanted)) }
            let inverse = "not" + field.prefix(1).uppercased() + field.dropFirst()
            let unwanted = read(&self, inverse)
            if !unwanted.isEmpty { parts.append(.not(.anyOf(unwanted))) }
        }
        refuse("hosts", "notHosts", because: "requests would pass or fail that must not")
        reportEmptiness(of: "operation")
        return parts.isEmpty ? .any : .all(parts)
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

    private mutating func paths(_ name: String) -> [Permission] {
        wildcardTexts(name).compactMap { text in
            if case .exact(let path) = text.value, path.contains("{") {
                context.error(.refusedField, at: text.position, "the path template \(path) is not supported")
                return nil
            }
            guard let pattern = text.value.pattern else { return .any }
            return .path(StringMatcher(pattern))
        }
    }

    private mutating func ports(_ name: String) -> [Permission] {
        filledTexts(name).compactMap { port in
            guard let number = UInt16(port.value), number > 0 else {
                context.error(.invalidValue, at: port.position, "the port \(port.value) is no number from 1 to 65535")
                return nil
            }
            return .destinationPort(number)
        }
    }

    private mutating func principals(_ name: String) -> [WildcardText] {
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

    private mutating func namespaces(_ name: String) -> [WildcardText] {
        wildcardTexts(name).compactMap { text in
            // No namespace is longer, and what is short is a small regular expression.
            guard text.value.length <= 63 else {
                context.error(.invalidValue, at: text.position, "a namespace has at most 63 characters")
                return nil
            }
            return text.value
        }
    }

    /// Texts of which there must be some: a condition without values would count as none, and let everybody through.
    private mutating func filledTexts(_ name: String) -> [Located<String>] {
        reportEmptyList(name)
        return texts(name)
    }

    /// Reports a list that is there and has no elements.
    mutating func reportEmptyList(_ name: String) {
        guard has(name) else { return }
        if value(name) == nil || elements(name)?.isEmpty == true {
            context.error(.missingField, at: keyPosition(name), "\(name) is empty; leave it out instead")
        }
    }

    private mutating func wildcardTexts(_ name: String) -> [Located<WildcardText>] {
        filledTexts(name).compactMap { text in
            guard !text.value.isEmpty, let pattern = WildcardText(text.value) else {
                context.error(
                    .invalidValue,
                    at: text.position,
                    "\(text.value) is no pattern: a * may stand at the beginning or at the end only"
                )
                return nil
            }
            return Located(value: pattern, position: text.position)
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

extension WildcardText {
    /// The pattern by which texts are matched; `nil` for any, as no client takes an empty prefix.
    var pattern: StringMatcher.Pattern? {
        switch self {
        case .exact(let text): .exact(text)
        case .prefix(let text): .prefix(text)
        case .suffix(let text): .suffix(text)
        case .any: nil
        }
    }

    var headerCondition: HeaderMatcher.Condition {
        pattern.map { .value(StringMatcher($0)) } ?? .present(true)
    }

    /// How many bytes it has beside the `*`.
    fileprivate var length: Int {
        switch self {
        case .exact(let text), .prefix(let text), .suffix(let text): text.utf8.count
        case .any: 0
        }
    }
}
