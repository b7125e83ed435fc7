// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting

extension FormatFacts {
    /// What the mesh knows of a request on its way.
    init(_ context: CallContext, route: String, _ mesh: Mesh) {
        self.init()
        let now = mesh.clock.now
        duration = now.elapsed(since: context.startedAt)
        routeName = route
        cluster = context.selection?.clusterName
        upstreamHost = context.endpoint?.address.description
        upstreamHostName = context.endpoint?.hostname
        attemptCount = context.attempt
        trace = context.trace
        if context.responseStatus > 0 { responseCode = context.responseStatus }
        if context.isDelayInjected { responseFlags = [.delayInjected] }
        dynamicMetadata = context.filterMetadata
    }
}
