// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import SwiftProtobuf

extension Route {
    private static let read = ReadFields(
        Envoy_Config_Route_V3_Route.self,
        "name",
        "match",
        "route",
        "redirect",
        "direct_response",
        "non_forwarding_action",
        "typed_per_filter_config",
        "request_headers_to_add",
        "request_headers_to_remove",
        "response_headers_to_add",
        "response_headers_to_remove",
        // For people and statistics only; our own keys in the metadata are read.
        "metadata",
        "stat_prefix"
    )

    /// Decodes a route.
    /// - Returns: `nil`, with a report, if it has a condition that is not supported: it must not match more requests
    ///   than its author meant. `nil`, with a problem, if it is bad.
    init?(
        _ message: Envoy_Config_Route_V3_Route,
        inherited: InheritedPolicies,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        let others = context.ignoreOthers(in: message, at: path, read: Self.read)
        guard message.hasMatch else {
            context.reject(path["match"], "is missing")
            return nil
        }
        guard let match = RouteMatch(message.match, at: path["match"], &context),
            var headers = HeaderMutations(message, at: path, &context)
        else { return nil }
        guard var action = Self.action(message, others: others, inherited: inherited, at: path, &context) else {
            return nil
        }
        var overrides = inherited.overrides
        let own = RouteOverrides(message.typedPerFilterConfig, at: path, &context)
        overrides.add(own)
        var policies = overrides.policies
        let hedge = message.route.hasHedgePolicy ? message.route.hedgePolicy : inherited.hedge
        if let hedge, case .forward(var forward) = action {
            let path = path["route"]["hedge_policy"]
            policies.hedging = HedgingConfiguration(
                hedge,
                replacing: &forward.retry,
                isReplaySaid: RetryReplayMetadata.isSaid(message.metadata),
                at: path,
                &context
            )
            action = .forward(forward)
        }
        if case .directResponse(var reply) = action {
            reply.takeHeaders(of: &headers, as: message.metadata)
            action = .directResponse(reply)
        }
        var older = inherited.cors
        if message.route.hasCors {
            older = CORSRules(message.route.cors, at: path["route"]["cors"], &context)?.completed(by: older)
        }
        self.init(
            name: message.name,
            match: match,
            action: action,
            fault: overrides.fault,
            rateLimit: overrides.rateLimit,
            policies: policies,
            headers: headers,
            cors: (overrides.cors ?? older)?.effective,
            filters: own.filters
        )
    }

    private static func action(
        _ message: Envoy_Config_Route_V3_Route,
        others: [String],
        inherited: InheritedPolicies,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> RouteAction? {
        switch message.action {
        case .route(let action):
            let replays = RetryReplayMetadata.alwaysReplays(message.metadata, by: context.rules)
            return RouteAction(
                action,
                retry: action.hasRetryPolicy ? action.retryPolicy : inherited.retry,
                alwaysReplays: replays,
                at: path["route"],
                &context
            )
        case .nonForwardingAction: return .nonForwarding
        case .redirect(let redirect):
            let path = path["redirect"]
            guard Redirect.supports(redirect) else { return .unsupported("redirect", at: path, &context) }
            return Redirect(redirect, at: path, &context).map(RouteAction.redirect)
        case .directResponse(let response):
            return LocalReply(response, at: path["direct_response"], &context).map(RouteAction.directResponse)
        case nil where others.contains("filter_action"):
            return .unsupported("filter_action", at: path["filter_action"], &context)
        case nil:
            context.reject(path, "has no action")
            return nil
        }
    }
}

extension RouteAction {
    /// A route whose action is not supported still takes its requests, so that no later route does, and refuses them:
    /// gRPC fails such calls with "inappropriate action".
    static func unsupported(_ action: String, at path: FieldPath, _ context: inout DecodingContext) -> RouteAction {
        context.ignore(path, "is not supported; requests are answered with 501")
        return .directResponse(
            LocalReply(status: 501, body: "The mesh does not support the action \(action) of this route.")
        )
    }
}
