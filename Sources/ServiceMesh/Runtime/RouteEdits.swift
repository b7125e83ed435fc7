// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
public import MeshCore
import MeshRouting

/// What happens to the heads of a route's requests to one cluster, and of their responses.
@usableFromInline
final class RouteEdits: Sendable {
    private let changes: HeadChanges
    private let routeName: String
    private let virtualClusters: [VirtualCluster]
    private let sendsAttemptCount: Bool
    private let answersAttemptCount: Bool
    private let sendsTimeoutRetry: Bool

    /// Whether each attempt's own head is changed.
    var editsAttempts: Bool { sendsAttemptCount || sendsTimeoutRetry || changes.takesEndpointName }

    /// Whether the mesh's own answers are changed.
    var changesReplies: Bool { changes.changesResponses || answersAttemptCount }

    /// Whether an attempt's authority becomes its endpoint's host name.
    var takesEndpointName: Bool { changes.takesEndpointName }

    /// Compiles the changes.
    /// - Returns: `nil` if there are none.
    init?(
        _ route: Route,
        _ forward: RouteAction.Forward,
        _ share: WeightedCluster,
        name: String,
        _ surroundings: RouteSurroundings
    ) {
        self.changes = HeadChanges(
            share: share,
            route: route.headers,
            virtualHost: surroundings.hostHeaders,
            table: surroundings.tableHeaders,
            mostSpecificHeadersWin: surroundings.mostSpecificHeadersWin,
            match: route.match.path,
            pathRewrite: forward.pathRewrite,
            hostRewrite: forward.hostRewrite,
            appendsForwardedHost: forward.appendsForwardedHost
        )
        self.routeName = name
        self.virtualClusters = surroundings.virtualClusters
        self.sendsAttemptCount = surroundings.sendsAttemptCount
        self.answersAttemptCount = surroundings.answersAttemptCount
        self.sendsTimeoutRetry = surroundings.sendsTimeoutRetry
        if changes.isEmpty, !editsAttempts, !answersAttemptCount { return nil }
    }

    /// Changes a request before its first attempt.
    @usableFromInline
    func apply(to request: inout some RequestHead, _ context: CallContext, _ mesh: Mesh) {
        changes.apply(to: &request, facts: self.facts(context, mesh))
    }

    /// Changes a request for the current attempt, whose endpoint is picked.
    @usableFromInline
    func apply(toAttempt request: inout some RequestHead, _ context: CallContext) {
        if let endpoint = context.endpoint { changes.pick(of: endpoint.hostname, in: &request) }
        if sendsAttemptCount { request.setValue(String(context.attempt), for: EnvoyHeader.attemptCount) }
        if sendsTimeoutRetry, context.isTimeoutRetry { request.setValue("true", for: EnvoyHeader.isTimeoutRetry) }
    }

    /// Changes a response on its way to the caller.
    /// - Parameters:
    ///   - request: The request as it was sent.
    ///   - countsAttempts: Whether the response tells the number of attempts, where the route says so.
    @usableFromInline
    func apply(
        to response: inout some ResponseHead,
        of request: some RequestHead,
        _ context: CallContext,
        _ mesh: Mesh,
        countsAttempts: Bool = true
    ) {
        changes.apply(to: &response, request: request, facts: self.facts(context, mesh))
        guard answersAttemptCount, countsAttempts else { return }
        response.setValue(String(context.attempt), for: EnvoyHeader.attemptCount)
    }

    /// Changes a copy of a request on its way to a mirror.
    func apply(toCopy request: inout some RequestHead) {
        // It is made when the first attempt begins, and is an attempt itself.
        if sendsAttemptCount { request.setValue("1", for: EnvoyHeader.attemptCount) }
    }

    private func facts(_ context: CallContext, _ mesh: Mesh) -> FormatFacts {
        FormatFacts(context, route: routeName, mesh)
    }
}
