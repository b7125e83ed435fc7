// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
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
        // For people and statistics only; our own key in the metadata is read.
        "metadata",
        "stat_prefix",
        "response_headers_to_add"
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
        guard let match = RouteMatch(message.match, at: path["match"], &context) else { return nil }
        guard let action = Self.action(message, others: others, inherited: inherited, at: path, &context) else {
            return nil
        }
        var overrides = inherited.overrides
        overrides.add(RouteOverrides(message.typedPerFilterConfig, at: path, &context))
        self.init(
            name: message.name,
            match: match,
            action: action,
            fault: overrides.fault,
            rateLimit: overrides.rateLimit
        )
    }

    private static func action(
        _ message: Envoy_Config_Route_V3_Route,
        others: [String],
        inherited: InheritedPolicies,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> RouteAction? {
        if case .directResponse(let response) = message.action {
            let headers = message.responseHeadersToAdd
            return LocalReply(response, headers: headers, at: path, &context).map(RouteAction.directResponse)
        }
        if !message.responseHeadersToAdd.isEmpty { context.ignore(path["response_headers_to_add"]) }
        switch message.action {
        case .route(let action):
            let replays = RetryReplayMetadata.alwaysReplays(message.metadata)
            return RouteAction(
                action,
                retry: action.hasRetryPolicy ? action.retryPolicy : inherited.retry,
                alwaysReplays: replays,
                at: path["route"],
                &context
            )
        case .nonForwardingAction: return .nonForwarding
        case .redirect: return .unsupported("redirect", at: path["redirect"], &context)
        case nil where others.contains("filter_action"):
            return .unsupported("filter_action", at: path["filter_action"], &context)
        case .directResponse, nil:
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
