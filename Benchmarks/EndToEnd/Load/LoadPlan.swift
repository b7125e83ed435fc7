// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// What a client is to do.
struct LoadPlan: Sendable {
    /// How long it goes on.
    enum Extent: Sendable {
        /// For a while, of which the first part is not measured.
        case time(warmUp: Nanoseconds, measured: Nanoseconds)
        /// For that many requests, of which nothing is measured.
        case count(Int)
    }

    /// The port on 127.0.0.1 of the server, or of the sidecar in front of it.
    let port: UInt16
    /// How many requests are under way at any time.
    let concurrency: Int
    let size: ResponseSize
    let extent: Extent
    /// The processes whose CPU time is read when the measured time begins and ends.
    let watched: [Int32]
    /// The folder of the authority, for clients that speak TLS.
    let certificates: String?
    // Made once, because an application has such strings at hand.
    let authority: String
    let path: String
    let url: String

    init(
        port: UInt16,
        concurrency: Int,
        size: ResponseSize,
        extent: Extent,
        watched: [Int32],
        certificates: String?
    ) {
        self.port = port
        self.concurrency = concurrency
        self.size = size
        self.extent = extent
        self.watched = watched
        self.certificates = certificates
        self.authority = "127.0.0.1:\(port)"
        self.path = size.path
        self.url = "http://\(authority)\(path)"
    }
}

extension Nanoseconds {
    init(seconds: Double) {
        self.init(rawValue: UInt64(max(0, seconds) * 1e9))
    }
}
