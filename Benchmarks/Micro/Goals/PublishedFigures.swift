// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What the authors of other libraries published, on their machines: a size to expect, no race.
struct PublishedFigure: Sendable {
    let library: String
    let subject: String
    let figure: String
    let source: String

    static let all = [
        PublishedFigure(
            library: "Polly v8",
            subject: "five strategies",
            figure: "766 ns, 40 B",
            source: "bench/BenchmarkDotNet.Artifacts, i7-13700H, 2025"
        ),
        PublishedFigure(
            library: "Polly v8",
            subject: "five strategies, as documented",
            figure: "2089 ns, 40 B",
            source: "pollydocs.org/advanced/performance"
        ),
        PublishedFigure(
            library: "Polly v8",
            subject: "circuit breaker / retry / timeout / concurrency limiter",
            figure: "138 / 109 / 148 / 128 ns",
            source: "bench/BenchmarkDotNet.Artifacts"
        ),
        PublishedFigure(
            library: "Polly v8",
            subject: "hedging, first / second attempt wins",
            figure: "395 / 655 ns",
            source: "bench/BenchmarkDotNet.Artifacts"
        ),
        PublishedFigure(
            library: "Polly v8",
            subject: "open breaker, as an outcome / thrown",
            figure: "234 / 5151 ns",
            source: "bench/BenchmarkDotNet.Artifacts"
        ),
        PublishedFigure(
            library: "resilience4j",
            subject: "breaker, 1 / 8 threads",
            figure: "73-87 / 1650-2650 ns",
            source: "fusebox docs/benchmarks.md, M1 Max"
        ),
        PublishedFigure(
            library: "resilience4j",
            subject: "bulkhead, 1 / 8 threads",
            figure: "1-15 / 4650-4970 ns",
            source: "fusebox docs/benchmarks.md, M1 Max"
        ),
        PublishedFigure(
            library: "resilience4j",
            subject: "retry / time limiter, 1 thread",
            figure: "48-59 / 4440-4560 ns",
            source: "fusebox docs/benchmarks.md, M1 Max"
        ),
        PublishedFigure(
            library: "Kitex",
            subject: "breaker middleware",
            figure: "71 ns, 0 B",
            source: "commit 99816dcf (#1564), arm64"
        ),
        PublishedFigure(
            library: "Finagle",
            subject: "20 / 50 filters that do nothing",
            figure: "29.8 / 86.2 ns, 0 B",
            source: "commit 48d04c155, FilterBenchmark"
        ),
        PublishedFigure(
            library: "Finagle",
            subject: "P2C pick among 1000 nodes",
            figure: "1692 ns",
            source: "doc/src/sphinx/Clients.rst"
        ),
    ]

    var line: String { library.padded(14) + subject.padded(58) + figure.padded(28) + source }
}
