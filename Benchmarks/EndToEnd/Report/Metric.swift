// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What can be read from a measurement.
enum Metric: String, Codable {
    case throughput
    case p50
    case p99
    case clientCPU = "client CPU"
    case serverCPU = "server CPU"
    case proxyCPU = "proxies' CPU"
    /// The client's, the server's and the proxies' together.
    case totalCPU = "total CPU"
    case memory
    case instructions
    case allocations

    /// Requests a second, microseconds, or KiB; valgrind's counts are not in a report.
    func value(of report: LoadReport) -> Double {
        switch self {
        case .throughput: report.throughput
        case .p50: report.p50
        case .p99: report.p99
        case .clientCPU: report.clientCPU
        case .serverCPU: report.watchedCPU.first ?? 0
        case .proxyCPU: report.watchedCPU.dropFirst().reduce(0, +)
        case .totalCPU: report.clientCPU + report.watchedCPU.reduce(0, +)
        case .memory: Double(report.residentKiB)
        case .instructions, .allocations: 0
        }
    }
}
