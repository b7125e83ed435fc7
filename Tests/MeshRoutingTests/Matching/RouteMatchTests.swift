// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import MeshTesting
import Testing

/// The answers are those of a real Envoy 1.40.
@Suite struct RouteMatchTests {
    private static let one = StringMatcher(.exact("1"))

    static let queries: [(path: String, isOne: Bool, isPresent: Bool)] = [
        ("/?a=1", true, true), ("/?b=2&a=1", true, true), ("/?a=2&a=1", false, true), ("/?a=1&a=2", true, true),
        ("/?a=%31", false, true), ("/?%61=1", false, false), ("/?a", false, true), ("/?a=", false, true),
        ("/?a=1=2", false, true), ("/?A=1", false, false), ("/??a=1", false, false), ("/?b?a=1", false, false),
        ("/?;a=1", false, false), ("/?b", false, false), ("/", false, false), ("/?&&a=1", true, true),
        ("/?", false, false),
    ]

    @Test(arguments: queries)
    func `the first value of a query parameter counts, as it stands`(
        row: (path: String, isOne: Bool, isPresent: Bool)
    ) throws {
        let request = InMemoryRequest(path: row.path)
        func takes(_ condition: QueryParameterMatcher.Condition) throws -> Bool {
            try TableFixture.takes(RouteMatch(queryParameters: [QueryParameterMatcher("a", condition)]), request)
        }
        #expect(try takes(.value(Self.one)) == row.isOne)
        #expect(try takes(.present(true)) == row.isPresent)
        #expect(try takes(.present(false)) == !row.isPresent)
    }

    static let cookies: [([String], Bool)] = [
        (["a=1"], true), (["b=2; a=1"], true), (["a=2; a=1"], false), (["a=1; a=2"], true), (["a=\"1\""], true),
        (["A=1"], false), (["a = 1"], false), ([" a=1"], true), (["a=1;b=2"], true), (["x;a=1"], true),
        (["b=2;  a=1"], true), (["b=2;\ta=1"], false), ([], false), (["b=2", "a=1"], true), (["a=2", "a=1"], false),
        (["a=\""], false), (["=1;a=1"], true), ([";;"], false), (["a"], false),
    ]

    @Test(arguments: cookies)
    func `the first value of a cookie counts, without quotes, and an absent one is no match`(
        fields: [String],
        expected: Bool
    ) throws {
        let request = InMemoryRequest(headers: fields.map { ("cookie", $0) })
        for isInverted in [false, true] {
            let matcher = CookieMatcher("a", Self.one, isInverted: isInverted)
            #expect(try TableFixture.takes(RouteMatch(cookies: [matcher]), request) == (expected != isInverted))
        }
    }

    static let contentTypes: [(String, Bool)] = [
        ("application/grpc", true), ("application/grpc+proto", true), ("application/grpc;x", false),
        ("application/grpc-web", false), ("Application/grpc", false), ("application/grp", false), ("", false),
    ]

    @Test(arguments: contentTypes)
    func `gRPC's requests are told by their content type`(type: String, expected: Bool) throws {
        let request = InMemoryRequest(headers: [("content-type", type)])
        #expect(try TableFixture.takes(RouteMatch(isGRPCOnly: true), request) == expected)
        #expect(try !TableFixture.takes(RouteMatch(isGRPCOnly: true), InMemoryRequest()))
    }

    static let fractions: [(RuntimeFraction, UInt64, [String: RuntimeValue], Bool)] = [
        (RuntimeFraction(FractionalPercent(numerator: 10)), 109, [:], true),
        (RuntimeFraction(FractionalPercent(numerator: 10)), 110, [:], false),
        (RuntimeFraction(FractionalPercent(numerator: 1, denominator: .million)), 1_000_000, [:], true),
        (RuntimeFraction(FractionalPercent(numerator: 1, denominator: .million)), 100, [:], false),
        (RuntimeFraction(.none, key: "k"), 7, ["k": .integer(8)], true),
        (RuntimeFraction(.none, key: "k"), 8, ["k": .integer(8)], false),
        (RuntimeFraction(.none, key: "k"), 99, ["k": .integer(.max)], true),
        (RuntimeFraction(.all, key: "k"), 7, ["k": .boolean(false)], true),
        (RuntimeFraction(.all, key: "k"), 5, ["k": .fraction(FractionalPercent(numerator: 5))], false),
        (RuntimeFraction(.all, key: ""), 5, ["": .integer(0)], true),
        (RuntimeFraction(.all, key: "k"), 5, ["l": .integer(0)], true),
    ]

    @Test(arguments: fractions)
    func `a share is the runtime's if it has one for the key`(
        fraction: RuntimeFraction,
        random: UInt64,
        runtime: [String: RuntimeValue],
        expected: Bool
    ) throws {
        let facts = RoutingFacts(random: random, runtime: runtime)
        #expect(try TableFixture.takes(RouteMatch(fraction: fraction), InMemoryRequest(), facts: facts) == expected)
    }

    @Test(arguments: [false, true], [false, true])
    func `conditions on the certificate ask for what is configured, and for nothing else`(
        isPresented: Bool,
        isValidated: Bool
    ) throws {
        let facts = RoutingFacts(
            random: 0,
            isCertificatePresented: isPresented,
            isCertificateValidated: isValidated
        )
        for presented in [nil, true, false] {
            for validated in [nil, true, false] {
                let condition = CertificateCondition(isPresented: presented, isValidated: validated)
                let expected = (presented ?? isPresented) == isPresented && (validated ?? isValidated) == isValidated
                let match = RouteMatch(certificate: condition)
                #expect(try TableFixture.takes(match, InMemoryRequest(), facts: facts) == expected)
            }
        }
    }

    static let metadata: [([String], MetadataMatcher.Condition, Bool)] = [
        (["text"], .text(StringMatcher(.prefix("va"))), true), (["text"], .text(StringMatcher(.exact("va"))), false),
        (["text"], .null, false), (["null"], .null, true), (["absent"], .null, false), (["number"], .equals(2), true),
        (["number"], .range(start: 1, end: 2), false), (["number"], .range(start: 2, end: 3), true),
        (["truth"], .boolean(true), true), (["truth"], .boolean(false), false), (["text"], .present(true), true),
        (["absent"], .present(true), false), (["absent"], .present(false), false), (["text"], .present(false), false),
        (["deep", "er"], .equals(1), true), (["deep", "absent"], .present(true), false),
        (["text", "er"], .present(true), false), (["list"], .contains(.equals(3)), true),
        (["list"], .contains(.equals(4)), false), (["text"], .contains(.equals(3)), false),
        (["number"], .any([.null, .equals(2)]), true), ([], .present(true), false),
    ]

    @Test(arguments: metadata)
    func `what filters noted is looked up by its path`(
        path: [String],
        condition: MetadataMatcher.Condition,
        expected: Bool
    ) throws {
        let facts = RoutingFacts(
            random: 0,
            metadata: [
                "f": .fields([
                    "text": .text("value"), "null": .null, "number": .number(2), "truth": .boolean(true),
                    "deep": .fields(["er": .number(1)]), "list": .list([.text("x"), .number(3)]),
                ])
            ]
        )
        for isInverted in [false, true] {
            let matcher = MetadataMatcher(filter: "f", path: path, condition, isInverted: isInverted)
            let match = RouteMatch(metadata: [matcher])
            #expect(try TableFixture.takes(match, InMemoryRequest(), facts: facts) == (expected != isInverted))
        }
    }

    static let parameters: [(String, Int?)] = [
        ("/a", 0), ("/a;x", 0), ("/a;x/b", nil), ("/a?x;", 0), ("/a;?", 0), ("/b;/a", nil), ("/;a", nil),
        ("/b/c", 1), ("/b;x/c", 1), ("/b;x=1/c;y?z;", 1), ("/b;x//c", nil), ("/t/v;x", 2), ("/t;x/v", nil),
    ]

    @Test(arguments: parameters)
    func `parameters of a path are left aside where the table says so`(path: String, expected: Int?) throws {
        let template = try PathTemplate("/t/{rest}")
        let matches = [
            RouteMatch(path: PathMatcher(.exact("/a"))), RouteMatch(path: PathMatcher(.exact("/b/c"))),
            // Envoy hides no parameters from templates.
            RouteMatch(path: PathMatcher(.template(template))),
        ]
        let ignoring = try TableFixture(matches, options: .init(ignoresPathParameters: true))
        #expect(ignoring.route(InMemoryRequest(path: path)) == expected)
        #expect(try TableFixture(matches).route(InMemoryRequest(path: "/a;x")) == nil)
    }

    @Test func `CONNECT without a path takes routes for it only, and an empty path means a slash otherwise`() throws {
        for count in [3, 20] {
            var matches = [RouteMatch(path: PathMatcher(.prefix(""))), RouteMatch(path: PathMatcher(.connect))]
            matches += Array(repeating: RouteMatch(path: PathMatcher(.exact("/x"))), count: count - 2)
            let fixture = try TableFixture(matches)
            #expect(fixture.route(InMemoryRequest(method: "CONNECT", path: "")) == 1)
            #expect(fixture.route(InMemoryRequest(method: "CONNECT", path: "/")) == 0)
            #expect(fixture.route(InMemoryRequest(path: "")) == 0)
            let facts = RoutingFacts(random: 0)
            let trace = fixture.table.trace(InMemoryRequest(method: "CONNECT", path: ""), facts: facts)
            #expect(trace.chosen?.route == 1 && trace.passedOver.count == 1)
        }
        #expect(try TableFixture.takes(RouteMatch(path: PathMatcher(.exact("/"))), InMemoryRequest(path: "")))
    }
}
