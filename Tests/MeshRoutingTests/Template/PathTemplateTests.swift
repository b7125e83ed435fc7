// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import Testing

@Suite struct PathTemplateTests {
    static let matches: [(template: String, path: String, isMatch: Bool)] = [
        ("/", "/", true), ("/", "/a", false), ("/a/b", "/a/b", true), ("/a/b", "/a/b/", false), ("/a/", "/a/", true),
        ("/a/", "/a", false), ("/*", "/a", true), ("/*", "/", false), ("/*", "/a/b", false), ("/**", "/", true),
        ("/**", "/a/b/c", true), ("/a/**", "/a", false), ("/a/**", "/a/", true), ("/a/*/c", "/a/b/c", true),
        ("/a/*/c", "/a/b/b/c", false), ("/{x}", "/v", true), ("/{x}", "/v/w", false), ("/{x=*}/b", "/a/b", true),
        ("/{x=a/*}/c", "/a/b/c", true), ("/{x=a/*}/c", "/b/b/c", false), ("/{x=**}/end", "/1/2/end", true),
        ("/{x=**}/end", "/1/2/end/", false), ("/*.txt", "/a.txt", true), ("/*.txt", "/atxt", false),
        ("/{x}.m3u8", "/s.m3u8", true), ("/**.mpd", "/a/b.mpd", true), ("/a$(b)+.", "/a$(b)+.", true),
        ("/a.b", "/axb", false), ("/{x}", "/a=b", true), ("/{x}", "/a*b", true), ("/{x}", "/a%2Fb", true),
        ("/{x}", "/é", false), ("/{x}", "/a{b}", false), ("/**", "/a=b/*", true), ("/a=b", "/a=b", true),
        ("/a{x}b/c", "/aXXb/c", true), ("/a{x}b/c", "/ab/c", false), ("/p-{x}.txt", "/p-1.txt", true),
        ("/p-{x}.txt", "/p-.txt", false), ("/{x=**}b", "/a/b", true), ("/{x=**}b", "/b", true),
        ("/{x}b/c", "/ab/c", true),
        ("/{x}b/c", "/b/c", false), ("/a{x=**}", "/ab/c", true), ("/a{x=**}", "/b", false), ("/{x=a=b}", "/a=b", true),
        ("/{a}/{b}/{c}/{d}/{e}", "/1/2/3/4/5", true),
    ]

    @Test(arguments: matches)
    func `a template takes its paths and no others`(template: String, path: String, isMatch: Bool) throws {
        #expect(try PathTemplate(template).matches(path) == isMatch)
    }

    static let broken = [
        "", "a", "a/b", "//", "/a//b", "/a b", "/é", "/a*", "/{x}*", "/***", "/**/*", "/**/{x}", "/{x=**}/*", "/**/**",
        "/{}", "/{1x}", "/{x", "/{x-y}", "/{x=}", "/{x=/a}", "/{x=a/}", "/{x=a//b}", "/{x=*a}", "/{x={y}}", "/{x}/{x}",
        "/{abcdefghijklmnopq}", "/{a}/{b}/{c}/{d}/{e}/{f}", "/*b/c", "/a?b", "/a}", "/**b/c", "/{x}{y}", "/{x}b{y}",
        "/{x=*b}", "/a{x=b/*}c",
        "/*{x}", "/**/b/*",
    ]

    @Test(arguments: broken)
    func `a template that Envoy refuses is refused`(template: String) {
        #expect(throws: ConfigurationError.self) { try PathTemplate(template) }
    }

    static let rewrites: [(template: String, rewrite: String, path: String, expected: String?)] = [
        ("/{x}/{y}", "/{y}/{x}", "/a/b", "/b/a"), ("/{x}/{y}", "/z", "/a/b", "/z"), ("/{x}/{y}", "/{y}", "/a", nil),
        ("/a/{rest=**}", "/b/{rest}", "/a/1/2", "/b/1/2"), ("/a/{rest=**}", "/b{rest}", "/a/", "/b"),
        ("/{x=a/*}/c", "/{x}", "/a/b/c", "/a/b"), ("/{x}.{y}", "/", "/a.b", nil), ("/{x}", "/{x}{x}", "/a", "/aa"),
        ("/{x=**}/{y}", "/{y}", "/a", nil), ("/{x}", "/p", "/$1", "/p"), ("/{x}", "/{x}", "/\\1", nil),
    ]

    @Test(arguments: rewrites)
    func `a rewrite puts the variables where it names them`(
        template: String,
        rewrite: String,
        path: String,
        expected: String?
    ) throws {
        guard let template = try? PathTemplate(template) else {
            // Two variables in one segment, or one behind `**`, are no template.
            #expect(expected == nil)
            return
        }
        #expect(try PathTemplateRewrite(rewrite).bound(to: template).rewritten(path) == expected)
    }

    @Test(arguments: ["", "a", "/a//b", "/{x", "/{}", "/{1}", "/a b", "/a}", "/a\\1"])
    func `a rewrite that Envoy refuses is refused`(rewrite: String) {
        #expect(throws: ConfigurationError.self) { try PathTemplateRewrite(rewrite) }
    }

    @Test func `a rewrite may use the template's variables only`() throws {
        let template = try PathTemplate("/{x}")
        let error = #expect(throws: ConfigurationError.self) { try PathTemplateRewrite("/{y}").bound(to: template) }
        #expect(error?.problems.first?.message.contains("\"y\"") == true)
    }
}
