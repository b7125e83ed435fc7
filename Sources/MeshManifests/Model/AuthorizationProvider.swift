// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore

/// A service that AuthorizationPolicy with the action CUSTOM asks.
struct AuthorizationProvider: Sendable {
    /// Its name, by which policies mean it.
    var name: String
    /// The cluster that it is reached by.
    var cluster: String
    /// How it is asked over HTTP; `nil` for gRPC.
    var http: HTTPAuthorization?
    /// The headers that it sees; empty for those that it sees in any case.
    var sentHeaders: [StringMatcher] = []
    /// How long an answer may take. Default 600 s: Istio's.
    var timeout: Nanoseconds
    /// Whether requests pass while it does not answer.
    var allowsOnFailure: Bool
    /// The status while it does not.
    var failureStatus: Int

    /// The filter that asks it, about requests whose matching policy begins so.
    func filter(policyPrefix: String) -> HTTPFilter {
        .externalAuthorization(
            ExternalAuthorizationFilter(
                service: cluster,
                http: http,
                timeout: timeout,
                allowsOnFailure: allowsOnFailure,
                failureStatus: failureStatus,
                sentHeaders: sentHeaders,
                enabledMetadata: MetadataMatcher(
                    filter: "envoy.filters.http.rbac",
                    path: ["\(CustomAuthorization.shadowPrefix)shadow_effective_policy_id"],
                    .text(StringMatcher(.prefix(policyPrefix)))
                )
            )
        )
    }
}
