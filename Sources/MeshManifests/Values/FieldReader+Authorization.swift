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
        source.namespaces = wildcardTexts("namespaces").map(\.value)
        source.notNamespaces = wildcardTexts("notNamespaces").map(\.value)
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
            return .path(StringMatcher(text.value.pattern))
        }
    }

    private mutating func ports(_ name: String) -> [Permission] {
        texts(name).compactMap { port in
            guard let number = UInt16(port.value), number > 0 else {
                context.error(.invalidValue, at: port.position, "the port \(port.value) is no number from 1 to 65535")
                return nil
            }
            return .destinationPort(number)
        }
    }

    private mutating func principals(_ name: String) -> [WildcardText] {
        wildcardTexts(name).compactMap { text in
            if case .exact(let principal) = text.value, principal.hasPrefix("spiffe://") {
                context.error(
                    .invalidValue,
                    at: text.position,
                    "a principal is written without spiffe://, as \(principal.dropFirst("spiffe://".count))"
                )
                return nil
            }
            return text.value
        }
    }

    private mutating func wildcardTexts(_ name: String) -> [Located<WildcardText>] {
        let texts = texts(name)
        if has(name), texts.isEmpty, list(name).isEmpty {
            context.error(.missingField, at: keyPosition(name), "\(name) is empty; leave it out instead")
        }
        return texts.compactMap { text in
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
        texts(name).compactMap { text in
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
    /// The pattern by which texts are matched.
    var pattern: StringMatcher.Pattern {
        switch self {
        case .exact(let text): .exact(text)
        case .prefix(let text): .prefix(text)
        case .suffix(let text): .suffix(text)
        case .any: .prefix("")
        }
    }

    var headerCondition: HeaderMatcher.Condition {
        self == .any ? .present(true) : .value(StringMatcher(pattern))
    }
}
