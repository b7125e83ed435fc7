// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension Goal {
    /// Every goal for the data plane, in the order in which they are reported.
    ///
    /// For callers on the loop and for ordinary tasks, against the peers' best form in each case. H4 counts what
    /// client, server and proxies use together, because proxies encrypt in place of client and server.
    static let all: [Goal] =
        [1, 16, 64].flatMap { concurrency in
            [Variant.meshLoop, .meshTasks].map { variant in
                Goal(
                    name: "H1",
                    comparison: .ratio(.clientCPU, variant, to: .asyncHTTPClient),
                    concurrency: concurrency,
                    bound: .atMost(0.25)
                )
            }
        }
        + [(16, 2.2), (64, 2.5)].flatMap { concurrency, factor in
            [Variant.meshLoop, .meshTasks].map { variant in
                Goal(
                    name: "H2",
                    comparison: .ratio(.throughput, variant, to: .asyncHTTPClient),
                    concurrency: concurrency,
                    bound: .atLeast(factor)
                )
            }
        }
        + [Variant.meshLoop, .meshTasks].map { variant in
            Goal(
                name: "H2",
                comparison: .ratio(.p50, variant, to: .asyncHTTPClient),
                concurrency: 1,
                bound: .atMost(0.4)
            )
        }
        + [1, 16, 64].flatMap { concurrency in
            [(Metric.clientCPU, 1.10), (.p50, 1.05), (.p99, 1.10)].map { metric, factor in
                Goal(
                    name: "H3",
                    comparison: .ratio(metric, .meshLoop, to: .nioLoop),
                    concurrency: concurrency,
                    bound: .atMost(factor)
                )
            }
        }
        + [1, 16, 64].flatMap { concurrency in
            [(Variant.nioHAProxyMutualTLS, 0.6), (.asyncHTTPClientHAProxyMutualTLS, 0.35)].map { peer, factor in
                Goal(
                    name: "H4",
                    comparison: .ratio(.totalCPU, .meshMutualTLSLoop, to: peer),
                    concurrency: concurrency,
                    bound: .atMost(factor)
                )
            }
        }
        + [Variant.meshLoop, .meshTasks].flatMap { variant in
            [
                Goal(
                    name: "H4b",
                    comparison: .ratio(.throughput, variant, to: .envoyTwice),
                    concurrency: 16,
                    bound: .atLeast(6)
                ),
                Goal(
                    name: "H4b",
                    comparison: .ratio(.p99, variant, to: .envoyTwice),
                    concurrency: 16,
                    bound: .atMost(0.2)
                ),
            ]
        }
        + [Metric.p50, .p99].map { metric in
            Goal(
                name: "H5",
                comparison: .added(metric, .meshLoop, base: .nioLoop, proxied: .nioHAProxyTwice),
                concurrency: 1,
                bound: .atMost(0.03)
            )
        }
        + [1, 16, 64].flatMap { concurrency in
            [
                Goal(
                    name: "H6",
                    comparison: .ratio(.throughput, .meshAsyncHTTPClient, to: .asyncHTTPClient),
                    concurrency: concurrency,
                    bound: .atLeast(0.97)
                ),
                Goal(
                    name: "H6",
                    comparison: .ratio(.clientCPU, .meshAsyncHTTPClient, to: .asyncHTTPClient),
                    concurrency: concurrency,
                    bound: .atMost(1.03)
                ),
            ]
        }
}
