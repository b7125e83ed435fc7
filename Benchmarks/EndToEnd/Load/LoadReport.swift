// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What a client found.
struct LoadReport: Codable, Sendable {
    /// Requests that ended in the measured time.
    var requests = 0
    /// The measured time.
    var seconds = 0.0
    /// Latencies in microseconds.
    var p50 = 0.0
    var p90 = 0.0
    var p99 = 0.0
    /// CPU microseconds a request of the client's whole process.
    var clientCPU = 0.0
    /// CPU microseconds a request of the watched processes.
    var watchedCPU: [Double] = []
    /// The memory of the client that is resident at the end, in KiB.
    var residentKiB = 0

    var throughput: Double { seconds > 0 ? Double(requests) / seconds : 0 }
}
