// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation

extension Plot {
    /// The plots of a run, by the names of their files.
    static func all(_ results: Results) -> [(file: String, plot: Plot)] {
        [
            (
                "throughput.svg",
                Plot(
                    title: "Requests a second",
                    note: "128-byte answers on loopback; server and client have one event loop each; more is better",
                    form: .bars
                ) { variant, cell in
                    results.median(.throughput, variant, cell).map { Mark(to: $0, label: $0.grouped) }
                }
            ),
            (
                "cpu.svg",
                Plot(
                    title: "CPU microseconds a request",
                    note: "blue: the client's process; orange: the proxies'; less is better",
                    form: .bars
                ) { variant, cell in
                    guard let client = results.median(.clientCPU, variant, cell) else { return nil }
                    let proxies = results.median(.proxyCPU, variant, cell) ?? 0
                    let label = proxies > 0 ? "\(client.grouped) + \(proxies.grouped)" : String(format: "%.1f", client)
                    return Mark(to: client, more: proxies, label: label)
                }
            ),
            (
                "latency.svg",
                Plot(
                    title: "Latency, microseconds",
                    note: "from the median (dot) to the 99th percentile, on a logarithmic scale; less is better",
                    form: .ranges
                ) { variant, cell in
                    guard let p50 = results.median(.p50, variant, cell), let p99 = results.median(.p99, variant, cell)
                    else { return nil }
                    return Mark(from: p50, to: p99, label: "\(p50.grouped) – \(p99.grouped)")
                }
            ),
        ]
    }
}
