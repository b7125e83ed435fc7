// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The run as a document that stands beside its plots.
struct MarkdownReport {
    let results: Results
    /// The names of the plots, relative to the document.
    let plots: [String]

    var text: String {
        let machine = results.machine
        let settings = results.settings
        var parts = [
            "<!-- SPDX-License-Identifier: Apache-2.0 -->",
            "<!-- Written by benchmarks-e2e --markdown; do not edit. -->",
            "# Figures of one run",
        ]
        if !machine.isOptimised {
            parts.append("**This is a debug build: nothing here says how fast anything is.**")
        }
        parts.append(
            """
            | | |
            |---|---|
            | processor | \(machine.processor), \(machine.cores) cores |
            | system | \(machine.system) |
            | compiler | \(machine.compiler) |
            | Envoy | \(machine.envoy) |
            | HAProxy | \(machine.haproxy) |
            | load before the run | \(Optional(machine.loadAverage).text(2)) |
            | rounds | \(settings.rounds), interleaved; \(settings.seconds) s each after \(settings.warmUp) s |
            """
        )
        parts.append("## Goals")
        parts.append(results.goalTable().markdown)
        parts.append(
            """
            A ratio is the median of the rounds' ratios. Total CPU is that of client, server and proxies. Ratios of
            client CPU and throughput that are within 5% of their bound are decided by the ratio of instructions, for
            throughput its inverse.
            """
        )
        parts += plots.map { "![\($0)](\($0))" }
        for cell in results.cells {
            parts.append(
                "## \(cell.concurrency) concurrent request\(cell.concurrency == 1 ? "" : "s"), "
                    + "\(cell.size.byteCount) bytes"
            )
            parts.append(results.table(cell).markdown)
        }
        parts.append(
            """
            Medians over the rounds. CPU, instructions and allocations are a request's; the latter two are those of the
            client in user space, by valgrind. The last two columns compare with `ahc`, those of HTTP/2 with
            `nio-h2-loop`, those of mutual TLS with `ahc-haproxy-2-mtls`, whose client leaves encryption to the proxies.
            """
        )
        parts.append("## Variants")
        parts.append(Variant.allCases.map { "* `\($0.rawValue)`: \($0.title)" }.joined(separator: "\n"))
        if !results.missing.isEmpty || !results.failures.isEmpty {
            parts.append("## Not measured")
            parts.append(
                (results.missing
                    + results.failures.map { failure in
                        "\(failure.variant.rawValue) at \(failure.cell.concurrency), \(failure.cell.size.rawValue): "
                            + failure.reason
                    }).map { "* \($0)" }.joined(separator: "\n")
            )
        }
        return parts.joined(separator: "\n\n") + "\n"
    }
}
