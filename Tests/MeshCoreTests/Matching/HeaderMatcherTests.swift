// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshTesting
import Testing

@Suite struct HeaderMatcherTests {
    private let request = InMemoryRequest(
        method: "POST",
        scheme: "https",
        authority: "reviews:9080",
        path: "/a?b",
        headers: [("end-user", "jason"), ("n", "42"), ("list", "a"), ("list", "b"), ("empty", "")]
    )

    static let rows: [(HeaderMatcher, Bool)] = [
        (HeaderMatcher("End-User", .value(StringMatcher(.exact("jason")))), true),
        (HeaderMatcher("end-user", .value(StringMatcher(.exact("mary")))), false),
        (HeaderMatcher("end-user", .value(StringMatcher(.exact("jason"))), isInverted: true), false),
        (HeaderMatcher("end-user", .value(StringMatcher(.exact("mary"))), isInverted: true), true),
        (HeaderMatcher("list", .value(StringMatcher(.exact("a,b")))), true),
        (HeaderMatcher("absent", .value(StringMatcher(.exact("")))), false),
        (HeaderMatcher("absent", .value(StringMatcher(.exact("x"))), isInverted: true), false),
        (HeaderMatcher("absent", .value(StringMatcher(.exact(""))), treatsMissingAsEmpty: true), true),
        (
            HeaderMatcher("absent", .value(StringMatcher(.exact("x"))), isInverted: true, treatsMissingAsEmpty: true),
            true
        ),
        (
            HeaderMatcher("absent", .value(StringMatcher(.exact(""))), isInverted: true, treatsMissingAsEmpty: true),
            false
        ),
        (HeaderMatcher("n", .range(start: 42, end: 43)), true),
        (HeaderMatcher("n", .range(start: 41, end: 42)), false),
        (HeaderMatcher("n", .range(start: .min, end: .max)), true),
        (HeaderMatcher("end-user", .range(start: .min, end: .max)), false),
        (HeaderMatcher("end-user", .range(start: 0, end: 1), isInverted: true), true),
        (HeaderMatcher("absent", .range(start: 0, end: 1), treatsMissingAsEmpty: true), false),
        (HeaderMatcher("empty", .present(true)), true),
        (HeaderMatcher("absent", .present(true)), false),
        (HeaderMatcher("absent", .present(false)), true),
        (HeaderMatcher("absent", .present(true), isInverted: true), true),
        (HeaderMatcher("empty", .present(true), isInverted: true), false),
        (HeaderMatcher(":method", .value(StringMatcher(.exact("POST")))), true),
        (HeaderMatcher(":scheme", .value(StringMatcher(.exact("https")))), true),
        (HeaderMatcher(":authority", .value(StringMatcher(.suffix(":9080")))), true),
        (HeaderMatcher(":path", .value(StringMatcher(.exact("/a?b")))), true),
        (HeaderMatcher(":status", .present(true)), false),
    ]

    @Test(arguments: rows)
    func `a header matches as in Envoy`(matcher: HeaderMatcher, expected: Bool) {
        #expect(matcher.matches(request) == expected)
    }
}
