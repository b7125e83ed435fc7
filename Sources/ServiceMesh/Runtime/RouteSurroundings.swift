// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting

/// What a route has from its virtual host and its table.
struct RouteSurroundings: Sendable {
    /// The virtual host's name.
    let host: String
    /// What headers the virtual host changes.
    let hostHeaders: HeaderMutations
    /// What headers the table changes.
    let tableHeaders: HeaderMutations
    /// Whether the table's changes come first.
    let mostSpecificHeadersWin: Bool
    /// Where copies of the route's requests go.
    let mirrors: [RequestMirror]
    /// Names for requests that look alike.
    let virtualClusters: [VirtualCluster]
    /// Whether attempts, responses and attempts after a timeout say so.
    let sendsAttemptCount: Bool
    let answersAttemptCount: Bool
    let sendsTimeoutRetry: Bool

    init(_ route: Route, in host: VirtualHost, of table: RouteConfiguration) {
        self.host = host.name
        self.hostHeaders = host.headers
        self.tableHeaders = table.headers
        self.mostSpecificHeadersWin = table.mostSpecificHeadersWin
        if case .forward(let forward) = route.action {
            self.mirrors = forward.mirrors ?? (host.mirrors.isEmpty ? table.mirrors : host.mirrors)
        } else {
            self.mirrors = []
        }
        self.virtualClusters = host.virtualClusters
        self.sendsAttemptCount = host.sendsAttemptCount
        self.answersAttemptCount = host.answersAttemptCount
        self.sendsTimeoutRetry = host.sendsTimeoutRetry
    }
}
