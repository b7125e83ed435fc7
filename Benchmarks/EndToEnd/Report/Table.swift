// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation

/// Rows of text, for a terminal or for a document.
struct Table {
    var header: [String]
    var rows: [[String]] = []
    /// How many columns hold words, from the left; those behind them hold numbers.
    var words = 1

    /// Columns in line.
    var plain: String {
        let widths = header.indices.map { column in ([header] + rows).map { $0[column].count }.max() ?? 0 }
        return ([header] + rows).map { row in
            zip(row, widths).enumerated().map { column, cell in
                let space = String(repeating: " ", count: cell.1 - cell.0.count)
                return column < words ? cell.0 + space : space + cell.0
            }.joined(separator: "  ")
        }.joined(separator: "\n")
    }

    var markdown: String {
        let rule = header.indices.map { $0 < words ? "---" : "--:" }
        return ([header, rule] + rows).map { "| " + $0.joined(separator: " | ") + " |" }.joined(separator: "\n")
    }
}

extension Optional<Double> {
    /// The number with that many places; a dash where there is none.
    func text(_ places: Int) -> String {
        map { String(format: "%.\(places)f", $0) } ?? "–"
    }
}

extension Results {
    /// The figures of one cell.
    func table(_ cell: Cell) -> Table {
        var table = Table(header: [
            "variant", "requests/s", "p50 µs", "p99 µs", "client CPU µs", "server CPU µs", "proxies' CPU µs",
            "total CPU µs", "client MiB", "proxies MiB", "instructions", "allocations", "requests/s ×",
            "client CPU ×",
        ])
        for variant in variants(cell) {
            func median(_ metric: Metric) -> Double? { self.median(metric, variant, cell) }
            let baseline = variant.baseline
            let isProxied = variant.path != .direct
            table.rows.append([
                variant.rawValue,
                median(.throughput).text(0),
                median(.p50).text(1),
                median(.p99).text(1),
                median(.clientCPU).text(1),
                median(.serverCPU).text(1),
                isProxied ? median(.proxyCPU).text(1) : "–",
                median(.totalCPU).text(1),
                median(.memory).map { $0 / 1024 }.text(1),
                proxyKiB[variant.rawValue].map { Double($0) / 1024 }.text(1),
                median(.instructions).text(0),
                median(.allocations).text(1),
                ratio(.throughput, variant, to: baseline, cell).text(2),
                ratio(.clientCPU, variant, to: baseline, cell).text(2),
            ])
        }
        return table
    }

    /// The goals with what was found.
    func goalTable() -> Table {
        var table = Table(
            header: ["goal", "what", "concurrent", "bound", "measured", "instructions", "verdict"],
            words: 2
        )
        for goal in Goal.all {
            let verdict = goal.verdict(self)
            table.rows.append([
                goal.name, goal.subject, "\(goal.concurrency)", goal.bound.text, verdict.measured.text(3),
                verdict.instructions.text(3), verdict.text,
            ])
        }
        return table
    }
}
