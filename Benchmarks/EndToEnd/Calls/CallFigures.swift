// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What some rounds found of gRPC calls.
struct CallFigures {
    let rounds: [[CallVariant: LoadReport]]
    let variants: [CallVariant]

    /// Medians; ratios are medians of those within the rounds.
    var table: Table {
        var table = Table(header: [
            "variant", "calls/s", "p50 µs", "p99 µs", "client CPU µs", "Envoy's CPU µs", "client MiB", "compared with",
            "calls/s ×", "CPU ×",
        ])
        for variant in variants {
            let (other, own) = (variant.baseline, rounds.compactMap { $0[variant] })
            table.rows.append([
                variant.rawValue,
                median(own.map(\.throughput)).text(0),
                median(own.map(\.p50)).text(0),
                median(own.map(\.p99)).text(0),
                median(own.map(\.clientCPU)).text(1),
                median(own.compactMap(\.watchedCPU.first)).text(1),
                median(own.map { Double($0.residentKiB) / 1024 }).text(1),
                other?.rawValue ?? "–",
                ratio(variant, other, \.throughput).text(2),
                ratio(variant, other, \.totalCPU).text(2),
            ])
        }
        return table
    }

    private func ratio(_ variant: CallVariant, _ other: CallVariant?, _ figure: (LoadReport) -> Double) -> Double? {
        guard let other else { return nil }
        return median(
            rounds.compactMap { round in
                guard let own = round[variant], let base = round[other], figure(base) > 0 else { return nil }
                return figure(own) / figure(base)
            }
        )
    }

    private func median(_ values: [Double]) -> Double? {
        guard !values.isEmpty else { return nil }
        let (sorted, middle) = (values.sorted(), values.count / 2)
        return values.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}

extension LoadReport {
    /// CPU microseconds a request of the client and of what stands before the server.
    fileprivate var totalCPU: Double { clientCPU + watchedCPU.reduce(0, +) }
}
