// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshManifests
import Testing

/// The fields of a VirtualService's rules, as Istio's reference documents them, good and bad.
@Suite("HTTPRoute")
struct HTTPRouteTests {
    /// A manifest whose rule is line 7.
    private static func manifest(_ rule: String) -> String {
        """
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: {name: reviews}
        spec:
          hosts: [reviews]
          http:
        \(rule)
        """
    }

    private static let route = "route: [{destination: {host: reviews}}]"

    /// A rule with one field beside its route.
    private static func rule(_ field: String) -> String { "  - \(field)\n    \(route)" }

    @Test(
        arguments: [
            rule("match: [{queryParams: {a: {exact: b}, c: {prefix: d}, e: {regex: 'f+'}, g: {}, h: {regex: '*'}}}]"),
            rule("match: [{uri: {prefix: ''}}, {uri: {regex: '.*'}}]"),
            rule("headers: {request: {set: {host: a.b, x-a: '1'}, add: {x-b: '2'}, remove: [x-c]}}"),
            rule("headers: {response: {set: {x-a: '1'}, add: {x-b: '2'}, remove: [x-c]}}"),
            rule("headers: {request: {set: {':authority': a.b}}, response: {}}"),
            rule("headers: {}"),
            "  - route: [{destination: {host: reviews}, headers: {request: {add: {host: a.b}}}}]",
            rule("rewrite: {uri: /v2, authority: other}"),
            rule("rewrite: {uriRegexRewrite: {match: '^/service/([^/]+)(/.*)$', rewrite: '\\2/instance/\\1'}}"),
            "  - redirect: {uri: /v1/bookRatings, authority: newratings.default.svc.cluster.local, redirectCode: 308}",
            "  - redirect: {prefixRewrite: /new}\n    match: [{uri: {prefix: /old}}, {method: {exact: GET}}]",
            "  - redirect: {scheme: https, derivePort: FROM_REQUEST_PORT}\n    corsPolicy: {allowOrigins: [{exact: a}]}",
            "  - directResponse: {status: 503, body: {bytes: bm90aGluZw==}}\n    headers: {response: {add: {x-a: b}}}",
            rule("mirror: {host: ratings, port: {number: 9080}}\n    mirrorPercentage: {value: 0.1}"),
            rule("mirrors: [{destination: {host: ratings}, percentage: {value: 50}}, {destination: {host: details}}]"),
            rule("corsPolicy: {allowOrigins: [{exact: a}, {prefix: b}, {regex: 'c.*'}], allowMethods: [POST, '*']}"),
            rule("corsPolicy: {allowOrigins: [{exact: '*'}], allowHeaders: [x-a, '*'], exposeHeaders: [x-b]}"),
            rule("corsPolicy: {allowOrigins: [{exact: a}], maxAge: 48h, unmatchedPreflights: IGNORE}"),
            rule("retries: {attempts: 2, retryIgnorePreviousHosts: false, retryRemoteLocalities: false, backoff: 1s}"),
            rule("fault: {abort: {grpcStatus: UNAVAILABLE, percentage: {value: 1}}}"),
            "  - delegate: {name: other, namespace: shop}",
            // What has no value is not there.
            rule("delegate:\n    redirect:\n    fault:\n    mirror:\n    mirrors:\n    match:"),
        ]
    )
    func `takes what Istio takes without a word`(rule: String) {
        #expect(ManifestReading.of(Self.manifest(rule)).diagnostics.map(\.description) == [])
    }

    @Test(
        arguments: [
            Mistake("a parameter without a name", rule("match: [{queryParams: {'': {}}}]"), "7:28 MM0206"),
            Mistake("a bad expression", rule("match: [{queryParams: {a: {regex: 'a('}}}]"), "7:41 MM0208"),
            Mistake("a parameter that is text", rule("match: [{queryParams: {a: b}}]"), "7:31 MM0205"),
            Mistake("a star for a path", rule("match: [{uri: {regex: '*'}}]"), "7:28 MM0208"),
            Mistake("a header twice", rule("match: [{headers: {X-A: {}, x-a: {}}}]"), "7:33 MM0214"),
            Mistake(
                "a claim of a token",
                rule("match: [{headers: {'@request.auth.claims.group': {exact: a}}}]"),
                "7:24 MM0211"
            ),
            Mistake("a prefix of statistics", rule("match: [{statPrefix: a}]"), "7:14 MM0210"),
        ]
    )
    func `reports each mistake in a condition where it stands`(mistake: Mistake) {
        #expect(ManifestReading.of(Self.manifest(mistake.text)).places == mistake.expected)
    }

    @Test(
        arguments: [
            Mistake("a line of requests", rule("headers: {request: {set: {':path': /}}}"), "7:31 MM0206"),
            Mistake("the host of a response", rule("headers: {response: {set: {Host: a}}}"), "7:32 MM0206"),
            Mistake("the host to remove", rule("headers: {request: {remove: [host]}}"), "7:34 MM0206"),
            Mistake("a name that is none", rule("headers: {request: {set: {'a b': c}}}"), "7:31 MM0206"),
            Mistake("a name to remove that is none", rule("headers: {request: {remove: ['']}}"), "7:34 MM0206"),
            Mistake("a value of two lines", rule("headers: {request: {set: {a: \"b\\nc\"}}}"), "7:34 MM0206"),
            Mistake("a value that is a number", rule("headers: {request: {set: {a: 1}}}"), "7:34 MM0205"),
            Mistake("an empty value", rule("headers: {request: {set: {a: ''}}}"), "7:34 MM0212"),
            Mistake("an operator that nobody knows", rule("headers: {request: {set: {a: '%NOPE%'}}}"), "7:34 MM0206"),
            Mistake("half an operator", rule("headers: {response: {add: {a: 'is %REQ(b)'}}}"), "7:35 MM0206"),
            Mistake("a lonely percent sign", rule("headers: {response: {add: {a: 100%}}}"), "7:35 MM0206"),
            Mistake("two hosts", rule("headers: {request: {set: {host: a}, add: {host: b}}}"), "7:47 MM0214"),
            Mistake("no such operation", rule("headers: {request: {append: {a: b}}}"), "7:25 MM0204"),
            Mistake(
                "a host of headers and one of rewrite",
                rule("rewrite: {authority: a}\n    headers: {request: {set: {host: a}}}"),
                "8:5 MM0214"
            ),
        ]
    )
    func `reports each mistake in headers where it stands`(mistake: Mistake) {
        #expect(ManifestReading.of(Self.manifest(mistake.text)).places == mistake.expected)
    }

    @Test(
        arguments: [
            Mistake("an empty rewrite", rule("rewrite: {}"), "7:14 MM0201"),
            Mistake(
                "two rewrites",
                rule("rewrite: {uri: /a, uriRegexRewrite: {match: a, rewrite: b}}"),
                "7:24 MM0214"
            ),
            Mistake("half a rewrite", rule("rewrite: {uriRegexRewrite: {match: a}}"), "7:32 MM0201"),
            Mistake(
                "a rewrite with a bad expression",
                rule("rewrite: {uriRegexRewrite: {match: 'a(', rewrite: b}}"),
                "7:42 MM0208"
            ),
            Mistake(
                "a rewrite with a group that is not there",
                rule("rewrite: {uriRegexRewrite: {match: a, rewrite: 'b\\1'}}"),
                "7:54 MM0208"
            ),
            Mistake("an empty redirect", "  - redirect: {}", "7:15 MM0201"),
            Mistake("a redirect to nowhere else", "  - redirect: {uri: ''}", "7:15 MM0201", "7:21 MM0212"),
            Mistake("an action without a value", "  - redirect:", "7:5 MM0201"),
            Mistake("a delegate without a value", "  - delegate:", "7:5 MM0201"),
            Mistake("a redirect to FTP", "  - redirect: {scheme: ftp}", "7:24 MM0206"),
            Mistake("a redirect with 200", "  - redirect: {uri: /, redirectCode: 200}", "7:38 MM0206"),
            Mistake("a redirect with 304", "  - redirect: {uri: /, redirectCode: 304}", "7:38 MM0206"),
            Mistake("two ports", "  - redirect: {port: 80, derivePort: FROM_REQUEST_PORT}", "7:26 MM0214"),
            Mistake("two paths", "  - redirect: {uri: /, prefixRewrite: /}", "7:24 MM0214"),
            Mistake(
                "a prefix where none is matched",
                "  - redirect: {prefixRewrite: /}\n    match: [{uri: {exact: /a}}]",
                "7:16 MM0214"
            ),
            Mistake("a redirect and a route", rule("redirect: {uri: /}"), "7:5 MM0214"),
            Mistake(
                "a redirect with a fault and a timeout",
                "  - redirect: {uri: /}\n    fault: {abort: {httpStatus: 500, percentage: {value: 1}}}\n    timeout: 1s",
                "8:5 MM0214",
                "9:5 MM0212"
            ),
            Mistake(
                "an answer with a rewrite and a mirror",
                "  - directResponse: {status: 200}\n    rewrite: {uri: /}\n    mirror: {host: reviews}",
                "8:5 MM0214",
                "9:5 MM0212"
            ),
            Mistake("two bodies", "  - directResponse: {status: 200, body: {string: a, bytes: YQ==}}", "7:53 MM0214"),
            Mistake("no base64", "  - directResponse: {status: 200, body: {bytes: 'a!'}}", "7:49 MM0206"),
            Mistake("bytes that are no text", "  - directResponse: {status: 200, body: {bytes: /w==}}", "7:49 MM0211"),
            Mistake("an empty delegate", "  - delegate: {}", "7:15 MM0201"),
            Mistake("a delegate and a route", rule("delegate: {name: a}"), "8:5 MM0214"),
        ]
    )
    func `reports each mistake in rewrites and answers where it stands`(mistake: Mistake) {
        #expect(ManifestReading.of(Self.manifest(mistake.text)).places == mistake.expected)
    }

    @Test(
        arguments: [
            Mistake("a copy to nobody", rule("mirror: {}"), "7:13 MM0201"),
            Mistake("a copy to a pattern", rule("mirror: {host: '*.a'}"), "7:20 MM0206"),
            Mistake("copies without a destination", rule("mirrors: [{percentage: {value: 1}}]"), "7:15 MM0201"),
            Mistake("mirror and mirrors", rule("mirror: {host: a}\n    mirrors: []"), "8:5 MM0214"),
            Mistake("a share above 100", rule("mirror: {host: a}\n    mirrorPercentage: {value: 101}"), "8:31 MM0206"),
            Mistake("a share of 0", rule("mirror: {host: a}\n    mirrorPercentage: {}"), "8:23 MM0212"),
            Mistake("an older share", rule("mirror: {host: a}\n    mirrorPercent: 10"), "8:5 MM0402"),
            Mistake("an older share in snake case", rule("mirror: {host: a}\n    mirror_percent: 10"), "8:5 MM0402"),
            Mistake("a share of nothing", rule("mirrorPercentage: {value: 1}"), "7:5 MM0212"),
            Mistake("no origins", rule("corsPolicy: {}"), "7:17 MM0212"),
            Mistake("an origin that says nothing", rule("corsPolicy: {allowOrigins: [{}]}"), "7:33 MM0201"),
            Mistake("an empty origin", rule("corsPolicy: {allowOrigins: [{prefix: ''}]}"), "7:42 MM0206"),
            Mistake("a star for an origin", rule("corsPolicy: {allowOrigins: [{regex: '*'}]}"), "7:42 MM0208"),
            Mistake("older origins", rule("corsPolicy: {allowOrigin: [a]}"), "7:18 MM0402"),
            Mistake(
                "both kinds of origins",
                rule("corsPolicy: {allowOrigin: [a], allowOrigins: [{exact: a}]}"),
                "7:18 MM0212",
                "7:18 MM0402"
            ),
            Mistake(
                "a method that does not exist",
                rule("corsPolicy: {allowOrigins: [{exact: a}], allowMethods: [PSOT]}"),
                "7:61 MM0206"
            ),
            Mistake(
                "a header that is none",
                rule("corsPolicy: {allowOrigins: [{exact: a}], exposeHeaders: ['a b']}"),
                "7:62 MM0206"
            ),
            Mistake(
                "an age of half a second",
                rule("corsPolicy: {allowOrigins: [{exact: a}], maxAge: 1500ms}"),
                "7:54 MM0207"
            ),
            Mistake(
                "an answer to other preflights that does not exist",
                rule("corsPolicy: {allowOrigins: [{exact: a}], unmatchedPreflights: DROP}"),
                "7:67 MM0206"
            ),
            Mistake("retries elsewhere", rule("retries: {attempts: 1, retryRemoteLocalities: true}"), "7:28 MM0210"),
            Mistake(
                "a status of gRPC that does not exist",
                rule("fault: {abort: {grpcStatus: UNAVAILABEL, percentage: {value: 1}}}"),
                "7:33 MM0206"
            ),
            Mistake(
                "an abort with OK",
                rule("fault: {abort: {grpcStatus: OK, percentage: {value: 1}}}"),
                "7:33 MM0206"
            ),
            Mistake(
                "two statuses",
                rule("fault: {abort: {grpcStatus: ABORTED, httpStatus: 500, percentage: {value: 1}}}"),
                "7:21 MM0214"
            ),
            Mistake(
                "an error of HTTP/2",
                rule("fault: {abort: {http2Error: CANCEL, percentage: {value: 1}}}"),
                "7:21 MM0211"
            ),
        ]
    )
    func `reports each mistake in copies, CORS, retries and faults where it stands`(mistake: Mistake) {
        #expect(ManifestReading.of(Self.manifest(mistake.text)).places == mistake.expected)
    }

    @Test
    func `a rule whose only condition cannot be read is left out and does not match everything`() {
        let texts = [
            "  - match: [{queryParams: {a: {regex: 'a('}}}]\n    \(Self.route)",
            "  - match: {uri: {exact: /}}\n    \(Self.route)",
            "  - match: [{headers: {'a b': {}}}]\n    \(Self.route)",
        ]
        for text in texts {
            #expect(Compilation(Self.manifest(text)).routes("reviews")?.map(\.name) == [], "\(text)")
        }
        let half = "  - match: [{uri: {regex: 'a('}}, {uri: {exact: /b}}]\n    \(Self.route)"
        #expect(Compilation(Self.manifest(half)).routes("reviews")?.count == 1)
    }
}
