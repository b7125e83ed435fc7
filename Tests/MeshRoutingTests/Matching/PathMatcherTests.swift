// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import Testing

@Suite struct PathMatcherTests {
    static let rows: [(PathMatcher, String, Bool)] = [
        (.any, "/", true), (.any, "/x", true), (.any, "*", false), (PathMatcher(.prefix("")), "*", true),
        (PathMatcher(.prefix("/a")), "/ab", true), (PathMatcher(.prefix("/a/")), "/a", false),
        (PathMatcher(.prefix("/A"), ignoresCase: true), "/ab", true), (PathMatcher(.prefix("/A")), "/ab", false),
        (PathMatcher(.exact("/a")), "/a", true), (PathMatcher(.exact("/a")), "/a/", false),
        (PathMatcher(.exact("/A"), ignoresCase: true), "/a", true), (PathMatcher(.separatedPrefix("/a")), "/a", true),
        (PathMatcher(.separatedPrefix("/a")), "/a/b", true), (PathMatcher(.separatedPrefix("/a")), "/ab", false),
        (PathMatcher(.separatedPrefix("/a")), "/", false), (PathMatcher(.separatedPrefix("/a")), "/A/b", false),
        (PathMatcher(.separatedPrefix("/a"), ignoresCase: true), "/A/b", true), (PathMatcher(.connect), "/", false),
    ]

    @Test(arguments: rows)
    func `paths are compared as configured`(matcher: PathMatcher, path: String, expected: Bool) {
        #expect(matcher.matches(path[...]) == expected)
    }

    @Test func `a regular expression has to match the whole path`() throws {
        let matcher = PathMatcher(.regularExpression(try RegularExpression("/reviews/[0-9]+")))
        #expect(matcher.matches("/reviews/7"))
        #expect(!matcher.matches("/reviews/7/x"))
        #expect(!matcher.matches("/v1/reviews/7"))
    }
}

@Suite struct DomainPatternTests {
    static let rows: [(String, DomainPattern?)] = [
        ("Reviews", .exact("reviews")), ("*", .any), ("*.example.com", .suffix(".example.com")),
        ("www.*", .prefix("www.")),
        ("*-x", .suffix("-x")), ("", nil), ("**", nil), ("*a*", nil), ("a*b", nil),
    ]

    @Test(arguments: rows)
    func `a star may stand at one end`(text: String, expected: DomainPattern?) {
        let pattern = DomainPattern(text)
        #expect(pattern == expected)
        if let pattern { #expect(pattern.text == text.lowercased()) }
    }
}
