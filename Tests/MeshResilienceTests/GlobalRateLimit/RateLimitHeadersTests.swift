// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import Testing

/// The cases of Envoy's `ratelimit_headers_test.cc`.
@Suite struct RateLimitHeadersTests {
    private typealias Status = RateLimitVerdict.Status

    private static let first = Status(
        limit: .init(name: "first", requestsPerUnit: 1, unit: .minute),
        remaining: 2,
        reset: .seconds(3)
    )
    private static let second = Status(
        limit: .init(name: "second", requestsPerUnit: 4, unit: .hour),
        remaining: 5,
        reset: .seconds(6)
    )

    private func text(
        _ statuses: [Status],
        _ options: [RateLimitHeaders?] = [],
        standard: RateLimitHeaders = .draft03
    ) -> String {
        RateLimitVerdict(statuses: statuses)
            .limitHeaders(for: options.map { RateLimitDescriptor([], headers: $0) }, standard: standard)
            .map(\.value).joined(separator: " | ")
    }

    @Test func `nothing is said of no limit`() {
        #expect(text([]) == "" && text([Status(remaining: 1)]) == "")
    }

    @Test func `the limit that is closest to its end is told, and the policies of all`() {
        let policy = "1, 1;w=60;name=\"first\", 4;w=3600;name=\"second\""
        #expect(text([Self.first, Self.second]) == "\(policy) | 2 | 3")
        #expect(
            text([Self.second, Self.first]) == "1, 4;w=3600;name=\"second\", 1;w=60;name=\"first\" | 2 | 3"
        )
        #expect(text([Status(remaining: 0), Self.first]) == "1, 1;w=60;name=\"first\" | 2 | 3")
    }

    @Test func `a unit that nobody knows has no policy, and a name may be missing`() {
        let unknown = Status(limit: .init(requestsPerUnit: 9, unit: nil), remaining: 1, reset: .seconds(2))
        #expect(text([unknown, Self.first]) == "9, 1;w=60;name=\"first\" | 1 | 2")
        let nameless = Status(limit: .init(requestsPerUnit: 9, unit: .day, multiplier: 2), remaining: 1)
        #expect(text([nameless]) == "9, 9;w=172800 | 1 | 0")
    }

    @Test func `descriptors say themselves whether they are told`() {
        #expect(text([Self.first, Self.second], [nil, .off]) == "1, 1;w=60;name=\"first\" | 2 | 3")
        #expect(text([Self.first, Self.second], [.off, nil]) == "")
        #expect(
            text([Self.first, Self.second], [.draft03, nil], standard: .off) == "1, 1;w=60;name=\"first\" | 2 | 3"
        )
        #expect(text([Self.first, Self.second], standard: .off) == "")
    }
}
