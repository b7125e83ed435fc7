// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

/// The examples of `Docs/Policies`, as they stand there; `RepositoryTests` compares them.
@Suite struct PolicyExampleTests {
    private struct Page: Sendable, Equatable {
        var number = 0
        static let empty = Page()
    }

    @Sendable private func fetch(page number: Int) async throws -> Page { Page(number: number) }
    @Sendable private func cachedPage() async throws -> Page { throw Broken() }
    @Sendable private func fetchUsers(_ ids: [Int]) async throws -> [Int: String] {
        Dictionary(uniqueKeysWithValues: ids.map { ($0, "user \($0)") })
    }

    @Test func `timeout`() async throws {
        let timeout = try Timeout(TimeoutConfiguration(duration: .milliseconds(200)), name: "reviews")
        let page = try await timeout.run { try await fetch(page: 7) }
        let other = try await timeout.runAbandoning { try await fetch(page: 8) }
        #expect((page.number, other.number) == (7, 8))
    }

    @Test func `hedging`() async throws {
        let hedging = try Hedging(
            HedgingConfiguration(delay: .percentile(HedgingPercentile(0.95))),
            budget: RetryBudget(),
            name: "reviews"
        )
        let page = try await hedging.run { attempt in try await fetch(page: 7) }
        #expect(page.number == 7)
    }

    @Test func `fallback`() async throws {
        let fallback = try Fallback<Page>(steps: [FallbackStep { _ in try await cachedPage() }, .value(.empty)])
        let page = try await fallback.run { try await fetch(page: 7) }
        #expect(page.number == 7)
        #expect(try await fallback.run { throw Broken() } == .empty)
    }

    @Test func `response cache`() async throws {
        let pages = try ResponseCache<Int, Page>(
            ResponseCacheConfiguration(timeToLive: .seconds(60), staleIfError: .seconds(600)),
            name: "pages"
        )
        let page = try await pages.run(7) { try await fetch(page: 7) }
        #expect(page.number == 7)
    }

    @Test func `coalescing`() async throws {
        let coalescing = try Coalescing<Int, Page>(name: "reviews")
        let page = try await coalescing.run(7) { try await fetch(page: 7) }
        #expect(page.number == 7)
    }

    @Test func `batching`() async throws {
        let users = try Batching<Int, String>(name: "users") { ids in
            try await fetchUsers(ids).mapValues { .success($0) }
        }
        let user = try await users.run(7)
        #expect(user == "user 7")
    }
}
