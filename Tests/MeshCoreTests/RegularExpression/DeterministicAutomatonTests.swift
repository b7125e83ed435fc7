// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Testing

@testable import MeshCore

@Suite struct DeterministicAutomatonTests {
    private func automata(_ pattern: String) throws -> (whole: DeterministicAutomaton?, search: DeterministicAutomaton?)
    {
        let compiled = try RegularExpression(pattern).compiled
        return (compiled.automaton(for: .whole), compiled.automaton(for: .anywhere))
    }

    @Test(arguments: [
        "/api/v[0-9]+/users/[^/]+(/.*)?", "(?i)([a-z0-9-]+\\.)*example\\.com", ".*", "\\b\\w+\\b", "(?m)^a$",
        "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "(?:GET|POST|PUT)", "Bearer [A-Za-z0-9._~+/-]+=*",
    ])
    func `patterns of the kind that routes hold get a table`(pattern: String) throws {
        let (whole, search) = try automata(pattern)
        #expect(whole != nil)
        #expect(search != nil)
    }

    @Test(arguments: ["(a|b)*a(a|b){12}", ".{1000}", "(?:.{0,30}x){20}"])
    func `a pattern whose table would be too large is run without one`(pattern: String) throws {
        let (whole, search) = try automata(pattern)
        #expect(whole == nil)
        #expect(search == nil)
        #expect(try !RegularExpression(pattern).matchesAnywhere("c"))
    }

    @Test func `a literal is compared and needs no table for the whole`() throws {
        for pattern in ["/healthz", "^/healthz$", "\\A/healthz\\z", "\\Q/healthz\\E"] {
            let expression = try RegularExpression(pattern)
            #expect(expression.compiled.literal == Array("/healthz".utf8))
            #expect(expression.matchesWhole("/healthz"))
            #expect(!expression.matchesWhole("/healthz/"))
            #expect(!expression.matchesWhole("/health"))
        }
        for pattern in ["a$b", "(a)", "a?", "(?i)a", "a^", "(?m)^a", "a.b"] {
            #expect(try RegularExpression(pattern).compiled.literal == nil)
        }
    }

    @Test func `tables stay within their bound`() throws {
        for count in 1...12 {
            let (whole, _) = try automata("(a|b)*a(a|b){\(count)}")
            #expect((whole?.table.count ?? 0) <= 16_384)
        }
    }
}
