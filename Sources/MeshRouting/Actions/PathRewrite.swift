// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// How a path is changed before a request is sent on; the query stays as it is.
public enum PathRewrite: Hashable, Sendable {
    /// What the route's prefix matched, or the whole path of an exact match, becomes this (`prefix_rewrite`).
    case prefix(String)
    /// Every match of the expression becomes the substitution (`regex_rewrite`).
    case regularExpression(RegexSubstitution)
    /// The variables of the route's template are put into another one (`path_rewrite_policy`).
    case template(PathTemplateRewrite)
}
