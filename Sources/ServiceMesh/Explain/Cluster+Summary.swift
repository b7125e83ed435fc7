// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience

extension Cluster {
    /// How connections to the endpoints are made and kept, in words: the version of HTTP, and the rest where it is not
    /// the default.
    var connectionSummary: String {
        let standard = Cluster(name: "")
        var parts: [String] = []
        func note(_ part: String, if isOther: Bool) {
            if isOther { parts.append(part) }
        }
        let usual = standard.concurrencyLimit
        note("made within \(connectTimeout.duration)", if: connectTimeout != standard.connectTimeout)
        note(
            "at most \(concurrencyLimit.maximumConnections) to an endpoint",
            if: concurrencyLimit.maximumConnections != usual.maximumConnections
        )
        note(
            "at most \(concurrencyLimit.maximumPendingRequests) requests wait for one",
            if: concurrencyLimit.maximumPendingRequests != usual.maximumPendingRequests
        )
        return ([connection.httpVersion.summary] + parts + connection.limits).joined(separator: ", ")
    }

    /// The cluster's proxy in words; `nil` if there is none.
    var proxySummary: String? {
        switch proxy {
        case .direct: nil
        case .ofEndpoint: "as each endpoint says"
        case .address(let address): "\(address), unless an endpoint says otherwise"
        }
    }
}

extension ConnectionOptions {
    /// What is not the default, but for the version of HTTP.
    fileprivate var limits: [String] {
        let standard = ConnectionOptions()
        var parts: [String] = []
        if let idleTimeout {
            parts.append(idleTimeout == .zero ? "never closed when idle" : "closed after \(idleTimeout.duration) idle")
        }
        if let maximumAge { parts.append("at most \(maximumAge.duration) old") }
        if maximumRequests > 0 { parts.append("at most \(maximumRequests) requests each") }
        if preconnectRatio != standard.preconnectRatio { parts.append("preconnect ratio \(preconnectRatio)") }
        guard httpVersion != .http1 else { return parts }
        if maximumConcurrentStreams != standard.maximumConcurrentStreams {
            parts.append("at most \(maximumConcurrentStreams) streams each")
        }
        if keepaliveInterval > .zero {
            parts.append("pinged every \(keepaliveInterval.duration), answered within \(keepaliveTimeout.duration)")
        }
        return parts
    }
}

extension ConnectionOptions.HTTPVersion {
    /// The version in words.
    fileprivate var summary: String {
        switch self {
        case .http1: "HTTP/1.1"
        case .http2: "HTTP/2"
        case .automatic: "HTTP/2 or HTTP/1.1 as TLS finds out, HTTP/1.1 in plaintext"
        }
    }
}
