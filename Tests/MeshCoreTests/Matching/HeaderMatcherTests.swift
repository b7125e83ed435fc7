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
        headers: [
            ("end-user", "jason"), ("n", "42"), ("list", "a"), ("list", "b"), ("empty", ""), ("accept", "a"),
            ("accept", "b"), ("numbers", "1"), ("numbers", "2"),
        ]
    )

    static let rows: [(HeaderMatcher, Bool)] = [
        (HeaderMatcher("End-User", .value(StringMatcher(.exact("jason")))), true),
        (HeaderMatcher("end-user", .value(StringMatcher(.exact("mary")))), false),
        (HeaderMatcher("end-user", .value(StringMatcher(.exact("jason"))), isInverted: true), false),
        (HeaderMatcher("end-user", .value(StringMatcher(.exact("mary"))), isInverted: true), true),
        (HeaderMatcher("list", .value(StringMatcher(.exact("a,b")))), false),
        (HeaderMatcher("list", .value(StringMatcher(.exact("a,b"))), joinsValues: true), true),
        (HeaderMatcher("list", .value(StringMatcher(.exact("a")))), true),
        (HeaderMatcher("list", .value(StringMatcher(.exact("b")))), true),
        (HeaderMatcher("list", .value(StringMatcher(.exact("b"))), isInverted: true), false),
        (HeaderMatcher("list", .value(StringMatcher(.contains(","))), isInverted: true), true),
        (HeaderMatcher("accept", .value(StringMatcher(.exact("a")))), false),
        (HeaderMatcher("accept", .value(StringMatcher(.exact("a,b")))), true),
        (HeaderMatcher("numbers", .range(start: 2, end: 3)), true),
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
        (HeaderMatcher("absent", .present(true), treatsMissingAsEmpty: true), true),
        (HeaderMatcher("absent", .present(false), treatsMissingAsEmpty: true), false),
        (HeaderMatcher("absent", .present(true), isInverted: true, treatsMissingAsEmpty: true), false),
        (HeaderMatcher("host", .value(StringMatcher(.exact("reviews:9080")))), true),
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

    static let numbers: [(String, Int64?)] = [
        ("42", 42), ("+42", 42), ("-5", -5), (" 4\t", 4), ("007", 7), ("-0", 0), ("4 4", nil), ("", nil), ("-", nil),
        ("+-1", nil), ("0x10", nil), ("1.0", nil), ("9223372036854775807", .max), ("9223372036854775808", nil),
        ("-9223372036854775808", .min), ("-9223372036854775809", nil), ("99999999999999999999999", nil),
    ]

    @Test(arguments: numbers)
    func `a number is read as Envoy reads it, up to the type's ends`(text: String, expected: Int64?) {
        #expect(Int64(decimalField: text) == expected)
    }
}
