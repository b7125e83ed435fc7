// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// How the authority is changed before a request is sent on (`RouteAction.host_rewrite_specifier`).
public enum HostRewrite: Hashable, Sendable {
    /// It becomes this one (`host_rewrite_literal`).
    case literal(String)
    /// It becomes the host name of the endpoint that is picked, where that has one (`auto_host_rewrite`).
    case endpoint
    /// It becomes the value of this header, where the request has it (`host_rewrite_header`).
    case header(HeaderName)
    /// It becomes what the path, without its query, is turned to (`host_rewrite_path_regex`).
    case path(RegexSubstitution)
}
