// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A copy of requests that goes elsewhere, and whose answer nobody sees (`RouteAction.RequestMirrorPolicy`).
public struct RequestMirror: Hashable, Sendable {
    /// Where the copy goes.
    public enum Target: Hashable, Sendable {
        /// To this cluster.
        case cluster(String)
        /// To the cluster that the request names in this header; nowhere without it.
        case header(HeaderName)
    }

    /// Where the copy goes.
    public var target: Target
    /// The share of requests that are copied. Default: all.
    public var fraction: RuntimeFraction
    /// Whether the copy's authority gets `-shadow` behind its host. Default `true`.
    public var appendsShadowSuffix: Bool
    /// The copy's authority, in place of the request's; empty keeps that.
    public var host: String

    /// Creates a mirror.
    public init(
        _ target: Target,
        fraction: RuntimeFraction = RuntimeFraction(.all),
        appendsShadowSuffix: Bool = true,
        host: String = ""
    ) {
        self.target = target
        self.fraction = fraction
        self.appendsShadowSuffix = appendsShadowSuffix
        self.host = host
    }
}
