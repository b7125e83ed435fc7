// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Testing

@testable import MeshManifests

@Suite("Conditions of Mixer rules")
struct MixerExpressionParserTests {
    private let ratings = MixerExpression.Party(
        labels: ["app": "ratings"],
        services: ["ratings.default.svc.cluster.local"],
        namespace: "default"
    )
    private let reviews = MixerExpression.Party(
        labels: ["app": "reviews", "version": "v3"],
        services: ["reviews.default.svc.cluster.local"],
        namespace: "shop"
    )

    @Test(
        "are decided from who calls whom",
        arguments: [
            (#"destination.labels["app"] == "ratings" && source.labels["version"] == "v3""#, true),
            (#"destination.labels["app"] == "ratings" && source.labels["version"] == "v2""#, false),
            (#"source.labels["app"]=="reviews""#, true), (#""reviews"==source.labels["app"]"#, true),
            (#"source.labels["app"] != "reviews""#, false), (#"source.labels["none"] != "x""#, true),
            (#"source.labels["none"] == """#, true), (#"source.labels["app"] == destination.labels["app"]"#, false),
            (#"source.service == "reviews.default.svc.cluster.local""#, true),
            (#"destination.service != "ratings.default.svc.cluster.local""#, false),
            (#"source.namespace == "shop" || destination.namespace == "shop""#, true),
            (#"false || true && false"#, false), (#"(false || true) && true"#, true), (#"true || true && false"#, true),
            (#"(((true)))"#, true), (#""a\"b" == "a\"b""#, true), (#""\\" == `\`"#, true),
        ]
    )
    func decisions(text: String, holds: Bool) throws {
        #expect(try MixerExpressionParser.parse(text).holds(source: reviews, destination: ratings) == holds)
    }

    @Test(
        "are refused where they stop being understood",
        arguments: [
            ("", 0), ("source.labels", 13), ("source.labels[app]", 14), (#"source.labels["a"] = "b""#, 19),
            (#"source.ip == "1.2.3.4""#, 0), (#"request.path == "/""#, 0), (#"source.labels["a"] == "b" &&"#, 28),
            (#"(true"#, 5), ("true)", 4), (#""a" == "b"#, 7), (#"match(source.service, "x*")"#, 20),
            (#"startsWith(source.service)"#, 0), ("!true", 0),
            (#""a\n" == "b""#, 2), ("true true", 5), ("1 == 1", 0), ("source.labels[\"a\"", 17), ("a.b.c == \"\"", 0),
            ("source.labels[\"a\"] == ä", 22), ("&& true", 0),
        ]
    )
    func problems(text: String, offset: Int) {
        let problem = #expect(throws: MixerExpressionParser.Problem.self) { try MixerExpressionParser.parse(text) }
        #expect(problem?.offset == offset)
    }

    @Test("are bounded in length and depth")
    func bounds() throws {
        let deep = String(repeating: "(", count: 40) + "true" + String(repeating: ")", count: 40)
        #expect(throws: MixerExpressionParser.Problem.self) { try MixerExpressionParser.parse(deep) }
        let long = String(repeating: "true || ", count: 600) + "true"
        #expect(throws: MixerExpressionParser.Problem.self) { try MixerExpressionParser.parse(long) }
        let wide = String(repeating: "true || ", count: 400) + "true"
        #expect(try MixerExpressionParser.parse(wide).holds(source: reviews, destination: ratings))
    }
}
