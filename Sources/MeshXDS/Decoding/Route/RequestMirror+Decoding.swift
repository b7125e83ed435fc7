// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import SwiftProtobuf

extension RequestMirror {
    private static let read = ReadFields(
        Envoy_Config_Route_V3_RouteAction.RequestMirrorPolicy.self,
        "cluster",
        "cluster_header",
        "runtime_fraction",
        "disable_shadow_host_suffix_append",
        "host_rewrite_literal"
    )

    /// Decodes a mirror.
    /// - Returns: `nil`, with a problem, if it is bad.
    init?(
        _ message: Envoy_Config_Route_V3_RouteAction.RequestMirrorPolicy,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        context.ignoreOthers(in: message, at: path, read: Self.read)
        let target: Target
        switch (message.cluster.isEmpty, message.clusterHeader.isEmpty) {
        case (false, true): target = .cluster(message.cluster.canonicalResourceName)
        case (true, false):
            guard let name = context.headerName(message.clusterHeader, at: path["cluster_header"]) else { return nil }
            target = .header(name)
        case (true, true), (false, false):
            context.reject(path, "needs either cluster or cluster_header, and not both")
            return nil
        }
        self.init(
            target,
            appendsShadowSuffix: !message.disableShadowHostSuffixAppend,
            host: message.hostRewriteLiteral
        )
        if message.hasRuntimeFraction {
            let path = path["runtime_fraction"]
            guard let fraction = RuntimeFraction(message.runtimeFraction, at: path, &context) else { return nil }
            self.fraction = fraction
        }
    }
}

extension Envoy_Config_Route_V3_RouteAction.RequestMirrorPolicy {
    /// Encodes a mirror.
    init(_ mirror: RequestMirror) {
        self.init()
        switch mirror.target {
        case .cluster(let name): cluster = name
        case .header(let name): clusterHeader = name.lowercased
        }
        if mirror.fraction != RuntimeFraction(.all) {
            runtimeFraction = Envoy_Config_Core_V3_RuntimeFractionalPercent(mirror.fraction)
        }
        disableShadowHostSuffixAppend = !mirror.appendsShadowSuffix
        hostRewriteLiteral = mirror.host
    }
}
