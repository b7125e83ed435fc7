// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshSecurity

/// Who may do what to some workloads.
struct Authorization: Sendable {
    var metadata: ManifestMetadata
    var action: AuthorizationRules.Action
    /// The labels of the workloads; `nil` for the whole namespace, or the whole mesh in the root namespace.
    var workloadLabels: [String: String]?
    /// One must match; with none of them an `allow` allows nothing and a `deny` denies nothing.
    var rules: [Rule]

    struct Rule: Sendable {
        /// One must match; an empty list always does.
        var sources: [Source]
        var permissions: [Permission]
    }

    /// Conditions on a peer that must all hold; in a list, one value must match.
    struct Source: Hashable, Sendable {
        var principals: [WildcardText] = []
        var notPrincipals: [WildcardText] = []
        var namespaces: [WildcardText] = []
        var notNamespaces: [WildcardText] = []
        var serviceAccounts: [ServiceAccount] = []
        var notServiceAccounts: [ServiceAccount] = []
    }

    struct ServiceAccount: Hashable, Sendable {
        var namespace: String
        var name: String
    }
}

/// A text of Istio's authorization: as it is, `prefix*`, `*suffix`, or `*` for any that is not empty.
enum WildcardText: Hashable, Sendable {
    case exact(String)
    case prefix(String)
    case suffix(String)
    case any

    /// - Returns: `nil` if a `*` stands anywhere but at one end.
    init?(_ text: String) {
        let stars = text.utf8.count { $0 == UInt8(ascii: "*") }
        switch (text, stars) {
        case ("*", _): self = .any
        case (_, 0): self = .exact(text)
        case (_, 1) where text.hasSuffix("*"): self = .prefix(String(text.dropLast()))
        case (_, 1) where text.hasPrefix("*"): self = .suffix(String(text.dropFirst()))
        default: return nil
        }
    }
}
