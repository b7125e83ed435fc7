// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import Testing

@Suite struct PathRewriteTests {
    struct Case: Sendable {
        let match: PathMatcher
        let rewrite: PathRewrite
        let path: String
        let expected: String?

        static func prefix(
            _ pattern: PathMatcher.Pattern,
            _ replacement: String,
            _ path: String,
            _ expected: String?
        ) -> Case {
            Case(match: PathMatcher(pattern), rewrite: .prefix(replacement), path: path, expected: expected)
        }

        static func regex(_ pattern: String, _ substitution: String, _ path: String, _ expected: String?) throws -> Case
        {
            let substitution = RegexSubstitution(try RegularExpression(pattern), substitution: substitution)
            return Case(
                match: PathMatcher(.prefix("/")),
                rewrite: .regularExpression(substitution),
                path: path,
                expected: expected
            )
        }
    }

    static let prefixes: [Case] = [
        .prefix(.prefix("/old"), "/new", "/old/rest?a=b", "/new/rest?a=b"),
        .prefix(.prefix("/old"), "/new", "/OLD/rest", "/new/rest"), .prefix(.prefix("/old/"), "/zz", "/old/a", "/zza"),
        .prefix(.prefix("/old"), "/", "/old/a", "//a"), .prefix(.prefix("/"), "/api/", "/a?b", "/api/a?b"),
        .prefix(.prefix(""), "/api", "/a", "/api/a"), .prefix(.prefix("/old"), "/new", "/old", "/new"),
        .prefix(.prefix("/old"), "/new", "/old?x#y", "/new?x#y"), .prefix(.exact("/old"), "/new", "/old?a", "/new?a"),
        .prefix(.exact("/old"), "/new", "/old;p=1", "/new;p=1"),
        .prefix(.separatedPrefix("/a/b"), "/c", "/a/b/d?e", "/c/d?e"), .prefix(.connect, "/c", "/x/y?z", "/c?z"),
        .prefix(.prefix("/longer-than-that"), "/new", "/x", nil), .prefix(.prefix("/old"), "/new", "/other", nil),
        .prefix(.prefix("/old"), "", "/old/a", nil),
    ]

    static let expressions: [Case] = {
        do {
            return try [
                .regex("/(\\w+)/(.*)", "/\\2/\\1", "/service/foo?q=/service/x", "/foo/service?q=/service/x"),
                .regex("one", "two", "/xxx/one/yyy/one/zzz", "/xxx/two/yyy/two/zzz"),
                .regex("(?i)/XXX/", "/yyy/", "/aaa/xxx/bbb#one", "/aaa/yyy/bbb#one"),
                .regex("none", "x", "/a?none", "/a?none"), .regex(".*", "", "/a?b", nil),
                .regex("^/service/([^/]+)(/.*)$", "\\2/instance/\\1", "/service/foo/v1/api", "/v1/api/instance/foo"),
            ]
        } catch {
            return []
        }
    }()

    @Test(arguments: prefixes)
    func `a prefix rewrite replaces what the route matched`(rewrite: Case) {
        #expect(rewrite.rewrite.rewritten(rewrite.path, matchedBy: rewrite.match) == rewrite.expected)
    }

    @Test func `all expressions are ones`() { #expect(Self.expressions.count == 6) }

    @Test(arguments: expressions)
    func `an expression replaces every match in the path and leaves the query`(rewrite: Case) {
        #expect(rewrite.rewrite.rewritten(rewrite.path, matchedBy: rewrite.match) == rewrite.expected)
    }

    @Test func `a route by an expression is replaced whole by a prefix rewrite`() throws {
        let match = PathMatcher(.regularExpression(try RegularExpression("/a.*")))
        #expect(PathRewrite.prefix("/b").rewritten("/abc/d?e", matchedBy: match) == "/b?e")
    }

    @Test func `a megabyte of path is rewritten whole`() throws {
        let path = "/old/" + String(repeating: "aä/", count: 250_000)
        let prefix = PathRewrite.prefix("/new").rewritten(path + "?q", matchedBy: PathMatcher(.prefix("/old")))
        #expect(prefix?.utf8.count == path.utf8.count + 2)
        let expression = RegexSubstitution(try RegularExpression("(a+)+b"), substitution: "x")
        let same = PathRewrite.regularExpression(expression).rewritten(path, matchedBy: .any)
        #expect(same == path)
    }

    @Test func `a path that is not UTF-8 is rewritten where it is`() {
        let path = String(decoding: [0x2F, 0x6F, 0xFF, 0xC3, 0x3F, 0x80] as [UInt8], as: UTF8.self)
        let rewritten = PathRewrite.prefix("/n").rewritten(path, matchedBy: PathMatcher(.prefix("/o")))
        #expect(rewritten == "/n" + path.dropFirst(2))
    }

    @Test func `a substitution that names a group too many is refused, and changes nothing`() throws {
        let broken = RegexSubstitution(try RegularExpression("a(b)"), substitution: "\\2")
        #expect(throws: ConfigurationError.self) { try broken.validate() }
        #expect(broken.applied(to: "ab") == "ab")
        let sound = RegexSubstitution(try RegularExpression("a(b)"), substitution: "\\1")
        #expect(throws: Never.self) { try sound.validate() }
    }
}
