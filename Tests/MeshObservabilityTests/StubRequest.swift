// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// A request of nothing but its head.
struct StubRequest: RequestHead {
    var method = "GET"
    var scheme: String? = "http"
    var authority: String? = "reviews:9080"
    var path = "/reviews/7"
    var isReplayable = true
    var headers: [HeaderName: String] = [:]

    func value(of name: HeaderName) -> String? { headers[name] }
    mutating func setValue(_ value: String, for name: HeaderName) { headers[name] = value }
    mutating func appendValue(_ value: String, for name: HeaderName) {
        headers[name] = headers[name].map { $0 + "," + value } ?? value
    }
    mutating func removeValues(of name: HeaderName) { headers[name] = nil }
}

extension CallContext {
    /// The context of a request that entered at the clock's start.
    static var fresh: CallContext { CallContext(now: MeshInstant(nanoseconds: 1)) }
}

extension RequestRecord {
    /// A request that succeeded on its first attempt.
    static func succeeded(_ direction: TrafficDirection = .outbound) -> RequestRecord {
        RequestRecord(
            direction: direction,
            method: "GET",
            authority: "reviews:9080",
            path: "/reviews/7",
            status: 200,
            duration: .milliseconds(12),
            route: direction == .outbound ? "reviews-v2" : nil,
            cluster: direction == .outbound ? "outbound|9080|v2|reviews.default.svc.cluster.local" : nil,
            endpoint: direction == .outbound ? EndpointAddress(host: "127.0.0.1", port: 4011) : nil,
            peerIdentity: direction == .inbound ? "spiffe://cluster.local/ns/default/sa/productpage" : nil
        )
    }
}
