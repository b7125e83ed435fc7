// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

extension ResourceGenerator {
    /// Settings of HTTP/2 stand only where it is spoken: the API has no place for them elsewhere.
    mutating func connection() -> ConnectionOptions {
        var options = ConnectionOptions(
            httpVersion: pick(ConnectionOptions.HTTPVersion.allCases),
            idleTimeout: pick([nil, .zero, span()]),
            maximumAge: chance() ? span() : nil,
            maximumRequests: pick([0, 1, .max]),
            preconnectRatio: pick([1, 1.5, 2.125, 3])
        )
        guard options.httpVersion != .http1 else { return options }
        options.maximumConcurrentStreams = pick([1, 100, 1024, 2_147_483_647])
        options.keepaliveInterval = pick([.zero, .milliseconds(1), .seconds(30)])
        options.keepaliveTimeout = pick([.milliseconds(1), .seconds(20), .seconds(5)])
        return options
    }
}
