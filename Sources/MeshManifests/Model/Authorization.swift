// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity

/// Who may do what to some workloads.
struct Authorization: Sendable {
    var metadata: ManifestMetadata
    var action: Action
    /// The labels of the workloads; `nil` for the whole namespace, or the whole mesh in the root namespace.
    var workloadLabels: [String: String]?
    /// The full names of the services whose workloads are meant (`targetRefs`); empty for those of the labels.
    var targetServices: [String] = []
    /// Whether it is only tried (`istio.io/dry-run`).
    var isDryRun = false
    /// One must match; with none of them an `allow` allows nothing and the others do nothing.
    var rules: [Rule]

    /// What a matching rule means.
    enum Action: Hashable, Sendable {
        /// As authorization itself has it; `log` is Istio's AUDIT.
        case rules(AuthorizationRules.Action)
        /// An external authorizer of this name decides about the request.
        case custom(provider: String)
    }

    struct Rule: Sendable {
        /// One must match; an empty list always does.
        var sources: [Source]
        var permissions: [Permission]
        /// All must hold.
        var conditions = Conditions()
    }

    /// What `when` asks for.
    struct Conditions: Sendable {
        var sources: [Source] = []
        var principals: [Principal] = []
        var permissions: [Permission] = []
    }

    /// Conditions on a peer that must all hold; in a list, one value must match.
    struct Source: Hashable, Sendable {
        var wanted = Names()
        var unwanted = Names()
    }

    /// Whom a source means, by the fields of Istio's `Source`.
    struct Names: Hashable, Sendable {
        var principals: [WildcardText] = []
        var namespaces: [WildcardText] = []
        var serviceAccounts: [ServiceAccount] = []
        var trustDomains: [WildcardText] = []
        var requestPrincipals: [String] = []
        var addresses: [AddressRange] = []
        var remoteAddresses: [AddressRange] = []
    }

    struct ServiceAccount: Hashable, Sendable {
        var namespace: String
        var name: String
    }
}
