// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

extension FieldReader {
    /// A `ConnectionPoolSettings` of a DestinationRule.
    mutating func connectionPool() -> TrafficPolicy.ConnectionPool? {
        var pool = TrafficPolicy.ConnectionPool()
        _ = mapping("tcp") { fields -> Bool in
            pool.maximumConnections = fields.integer("maxConnections", in: Self.limits).map { UInt32($0.value) }
            pool.connectTimeout = fields.duration("connectTimeout")?.value
            pool.maximumAge = fields.duration("maxConnectionDuration")?.value
            pool.idleTimeout = fields.duration("idleTimeout", allowsZero: true)?.value
            fields.ignore("tcpKeepalive")
            return true
        }
        _ = mapping("http") { fields -> Bool in
            fields.readHTTPSettings(into: &pool)
            return true
        }
        return pool
    }

    private static let limits = 1...Int(Int32.max)

    private mutating func readHTTPSettings(into pool: inout TrafficPolicy.ConnectionPool) {
        let zeroOrLimits = 0...Int(Int32.max)
        pool.maximumPendingRequests = integer("http1MaxPendingRequests", in: Self.limits).map { UInt32($0.value) }
        pool.maximumRequests = integer("http2MaxRequests", in: Self.limits).map { UInt32($0.value) }
        pool.maximumRequestsPerConnection = integer("maxRequestsPerConnection", in: zeroOrLimits)
            .map { UInt32($0.value) }
        // Istio takes what is said for HTTP before what is said for TCP.
        if let idle = duration("idleTimeout", allowsZero: true) { pool.idleTimeout = idle.value }
        let upgrade = choice("h2UpgradePolicy", ["DEFAULT": false, "DO_NOT_UPGRADE": false, "UPGRADE": true])
        // The two others leave it to the port: Istio's DO_NOT_UPGRADE is about the mesh's own default only.
        pool.upgradesToHTTP2 = upgrade?.value ?? false
        let streams = integer("maxConcurrentStreams", in: zeroOrLimits)
        // 0 is how an absent field looks to Istio.
        pool.maximumConcurrentStreams = streams.flatMap { $0.value == 0 ? nil : UInt32($0.value) }
        _ = mapping("http2KeepAlive") { fields -> Bool in
            pool.keepaliveInterval = fields.duration("interval")?.value
            pool.keepaliveTimeout = fields.duration("timeout")?.value
            fields.ignore("intervalJitter", "connectionIdleInterval")
            return true
        }
        pool.http2Position = ["maxConcurrentStreams", "http2KeepAlive"].first(where: has).map(keyPosition)
        // 0 is what Istio has by default: no bound but the budget.
        let retries = integer("maxRetries", in: zeroOrLimits)
        pool.maximumRetries = retries.flatMap { $0.value == 0 ? nil : UInt32($0.value) }
        if boolean("useClientProtocol") == true {
            context.warning(
                .unsupportedField,
                at: keyPosition("useClientProtocol"),
                "useClientProtocol is not supported: the mesh is in the client, so that the port says what is spoken"
            )
        }
    }
}
