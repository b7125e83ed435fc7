// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

/// The examples of `Docs/Policies` about answers that several requests share, as they stand there.
@Suite struct SharingExampleTests {
    private struct Client: Sendable {
        /// As many stars as the identifier says.
        func stars(_ url: String) async throws -> [Int: Int] {
            let ids = url.split(separator: "=").last?.split(separator: ",").compactMap { Int($0) } ?? []
            return Dictionary(uniqueKeysWithValues: ids.map { ($0, $0) })
        }
    }

    private let client = Client()

    @Test func `batching in front of a client`() async throws {
        let client = client
        let ratings = try Batching<Int, Int>(name: "ratings") { ids in
            let list = ids.map(String.init).joined(separator: ",")
            return try await client.stars("http://ratings:9080/ratings?ids=\(list)").mapValues { .success($0) }
        }
        #expect(try await ratings.run(5) == 5)
    }

    @Test func `a cache on a route`() throws {
        let cache = ResponseCacheConfiguration(timeToLive: .seconds(5), staleIfError: .seconds(60))
        // Each identity for itself.
        let rules = ResponseSharingRules(keyHeaders: ["accept", "authorization"])
        try cache.validate()
        try rules.validate()
        let keys = ["a", "b"].map { rules.key(of: InMemoryRequest(headers: [("authorization", $0)])) }
        #expect(keys[0] != nil && keys[0] != keys[1])
    }
}
