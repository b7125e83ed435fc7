// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshManifests
import Testing

@Suite("Istio's first API")
struct LegacyTests {
    private static func manifest(_ kind: String, _ spec: String) -> String {
        "apiVersion: config.istio.io/v1alpha2\nkind: \(kind)\nmetadata: {name: a}\n\(spec)\n"
    }

    /// What every manifest of the first API is told.
    private static let deprecation = "2:7 MM0401"

    @Test(
        "a RouteRule reports each mistake where it stands",
        arguments: [
            Mistake(
                "complete",
                """
                spec:
                  destination: {name: reviews, namespace: default, domain: svc.cluster.local}
                  precedence: 2
                  match:
                    source: {name: productpage, labels: {version: v1}}
                    request: {headers: {cookie: {regex: "^(.*?;)?(user=jason)(;.*)?$"}, uri: {prefix: /a}, method: {exact: GET}}}
                  route:
                  - labels: {version: v1}
                    weight: 40
                  - destination: {service: other.shop.svc.cluster.local}
                    weight: 60
                  httpReqTimeout: {simpleTimeout: {timeout: 10s}}
                  httpReqRetries: {simpleRetry: {attempts: 3, perTryTimeout: 2s}}
                  httpFault: {delay: {percent: 0.5, fixedDelay: 5s}, abort: {percent: 1, httpStatus: 400}}
                """
            ),
            Mistake("no destination", "spec: {}", "4:7 MM0201"),
            Mistake("a destination without a name", "spec: {destination: {namespace: a}}", "4:21 MM0201"),
            Mistake("two names", "spec: {destination: {name: a, service: b.c}}", "4:31 MM0214"),
            Mistake("labels of all", "spec: {destination: {name: a, labels: {v: b}}}", "4:31 MM0211"),
            Mistake(
                "labels that differ",
                "spec: {destination: {name: a}, route: [{labels: {v: a}, destination: {name: a, labels: {v: b}}}]}",
                "4:41 MM0214"
            ),
            Mistake("a bad name", "spec: {destination: {name: a b}}", "4:28 MM0206"),
            Mistake(
                "weights that do not sum to 100",
                "spec:\n  destination: {name: a}\n  route: [{weight: 50}, {weight: 49}]",
                "6:3 MM0209"
            ),
            Mistake("a weight above 100", "spec: {destination: {name: a}, route: [{weight: 101}]}", "4:49 MM0206"),
            Mistake(
                "a version that is a number",
                "spec: {destination: {name: a}, route: [{labels: {v: 1}}]}",
                "4:53 MM0205"
            ),
            Mistake("a precedence that is text", "spec: {destination: {name: a}, precedence: high}", "4:44 MM0205"),
            Mistake(
                "a delay without a duration",
                "spec: {destination: {name: a}, httpFault: {delay: {percent: 1}}}",
                "4:51 MM0201"
            ),
            Mistake(
                "a delay without a unit",
                "spec: {destination: {name: a}, httpFault: {delay: {percent: 1, fixedDelay: 5}}}",
                "4:76 MM0207"
            ),
            Mistake(
                "a delay that hits nobody",
                "spec: {destination: {name: a}, httpFault: {delay: {fixedDelay: 5s}}}",
                "4:51 MM0212"
            ),
            Mistake(
                "an abort without a status",
                "spec: {destination: {name: a}, httpFault: {abort: {percent: 1}}}",
                "4:51 MM0201"
            ),
            Mistake("a match of TCP", "spec: {destination: {name: a}, match: {tcp: {}}}", "4:40 MM0211"),
            Mistake("a redirect", "spec: {destination: {name: a}, redirect: {uri: /}}", "4:32 MM0211"),
            Mistake("a mirror", "spec: {destination: {name: a}, mirror: {name: b}}", "4:32 MM0210"),
            Mistake("a mistyped field", "spec: {destination: {name: a}, httpFualt: {}}", "4:32 MM0204"),
        ]
    )
    func routeRule(mistake: Mistake) {
        let places = ManifestReading.of(Self.manifest("RouteRule", mistake.text)).places
        #expect(places == [Self.deprecation] + mistake.expected)
    }

    @Test(
        "a DestinationPolicy reports each mistake where it stands",
        arguments: [
            Mistake(
                "complete",
                """
                spec:
                  source: {name: reviews, labels: {version: v2}}
                  destination: {name: ratings, labels: {version: v1}}
                  loadBalancing: {name: LEAST_CONN}
                  circuitBreaker:
                    simpleCb:
                      maxConnections: 100
                      httpMaxPendingRequests: 10
                      httpMaxRequests: 20
                      sleepWindow: 2m
                      httpConsecutiveErrors: 1
                      httpDetectionInterval: 1s
                      httpMaxEjectionPercent: 100
                """
            ),
            Mistake("no destination", "spec: {loadBalancing: {name: ROUND_ROBIN}}", "4:7 MM0201"),
            Mistake("a draw", "spec: {destination: {name: a}, loadBalancing: {name: RANDOM}}"),
            Mistake("no such balancing", "spec: {destination: {name: a}, loadBalancing: {name: RR}}", "4:54 MM0206"),
            Mistake(
                "a breaker with a bad window",
                "spec: {destination: {name: a}, circuitBreaker: {simpleCb: {sleepWindow: soon}}}",
                "4:73 MM0207"
            ),
            Mistake(
                "a breaker of others",
                "spec: {destination: {name: a}, circuitBreaker: {custom: {}}}",
                "4:49 MM0204"
            ),
        ]
    )
    func destinationPolicy(mistake: Mistake) {
        let places = ManifestReading.of(Self.manifest("DestinationPolicy", mistake.text)).places
        #expect(places == [Self.deprecation] + mistake.expected)
    }

    @Test(
        "Mixer's objects report each mistake where it stands",
        arguments: [
            ("denier", Mistake("complete", "spec: {status: {code: 7, message: Not allowed}}")),
            ("denier", Mistake("without a status", "spec: {}")),
            ("denier", Mistake("success", "spec: {status: {code: 0}}", "4:23 MM0211")),
            ("denier", Mistake("another code", "spec: {status: {code: 16}}", "4:23 MM0211")),
            ("denier", Mistake("no code at all", "spec: {status: {code: no}}", "4:23 MM0205")),
            ("denier", Mistake("caching", "spec: {validDuration: 5s}", "4:8 MM0210")),
            ("checknothing", Mistake("empty", "spec:")),
            ("checknothing", Mistake("with a field", "spec: {a: b}", "4:8 MM0204")),
            (
                "rule",
                Mistake("without a condition", "spec: {actions: [{handler: a.denier, instances: [b.checknothing]}]}")
            ),
            ("rule", Mistake("without actions", "spec: {match: \"true\"}", "4:7 MM0212")),
            ("rule", Mistake("without a handler", "spec: {actions: [{}]}", "4:18 MM0201")),
            ("rule", Mistake("with a bad handler", "spec: {actions: [{handler: a}]}", "4:28 MM0206")),
            ("rule", Mistake("with telemetry", "spec: {actions: [{handler: a.prometheus}]}", "4:28 MM0210")),
            ("rule", Mistake("with a list", "spec: {actions: [{handler: a.listchecker}]}", "4:28 MM0211")),
            (
                "rule",
                Mistake(
                    "with a condition that stops making sense",
                    "spec:\n  match: source.labels[\"a\"] == request.path\n  actions: [{handler: a.denier}]",
                    "5:32 MM0215"
                )
            ),
            (
                "rule",
                Mistake(
                    "with a condition in quotes",
                    "spec:\n  match: 'source.labels[\"a\"] = \"b\"'\n  actions: [{handler: a.denier}]",
                    "5:30 MM0215"
                )
            ),
            (
                "rule",
                Mistake(
                    "with a condition over several lines",
                    "spec:\n  match: |\n    source.ip == \"a\"\n  actions: [{handler: a.denier}]",
                    "5:10 MM0215"
                )
            ),
        ]
    )
    func mixer(kind: String, mistake: Mistake) {
        let places = ManifestReading.of(Self.manifest(kind, mistake.text)).places
        #expect(places == [Self.deprecation] + mistake.expected)
    }

    @Test("each kind names its successor")
    func successors() {
        let reading = ManifestReading.of(Self.manifest("RouteRule", "spec: {destination: {name: a}}"))
        #expect(
            reading.diagnostics.map(\.description) == [
                "mesh.yaml:2:7: deprecation: RouteRule of config.istio.io/v1alpha2 is deprecated; its successor is "
                    + "VirtualService of networking.istio.io/v1 [MM0401]"
            ]
        )
    }
}
