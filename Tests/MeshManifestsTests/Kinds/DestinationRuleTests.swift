// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshManifests
import Testing

@Suite("DestinationRule")
struct DestinationRuleTests {
    /// A manifest whose spec begins in line 5 after `host`.
    private static func manifest(_ spec: String) -> String {
        """
        apiVersion: networking.istio.io/v1beta1
        kind: DestinationRule
        metadata: {name: reviews}
        spec:
          host: reviews
        \(spec)
        """
    }

    @Test("is read with everything that is supported")
    func complete() {
        let text = Self.manifest(
            """
              exportTo: ["*"]
              workloadSelector: {matchLabels: {app: productpage}}
              trafficPolicy:
                loadBalancer: {simple: ROUND_ROBIN}
                connectionPool:
                  tcp: {maxConnections: 10, connectTimeout: 1s, maxConnectionDuration: 1h, idleTimeout: 0s}
                  http:
                    http1MaxPendingRequests: 1
                    http2MaxRequests: 2
                    maxRequestsPerConnection: 0
                    idleTimeout: 30s
                    h2UpgradePolicy: UPGRADE
                    maxConcurrentStreams: 100
                    http2KeepAlive: {interval: 10s, timeout: 1s}
                    useClientProtocol: false
                outlierDetection: {consecutive5xxErrors: 0, interval: 1s, baseEjectionTime: 1m, maxEjectionPercent: 100}
                tls: {mode: ISTIO_MUTUAL, subjectAltNames: ["spiffe://a/ns/b/sa/c"]}
                retryBudget: {percent: 12.5, minRetryConcurrency: 5}
                portLevelSettings:
                - port: {number: 80}
                  tls: {mode: DISABLE}
              subsets:
              - {name: v1, labels: {version: v1}}
              - {name: v2, labels: {version: v2}, trafficPolicy: {loadBalancer: {simple: LEAST_REQUEST}}}
            """
        )
        #expect(ManifestReading.of(text).places.isEmpty)
    }

    @Test(
        "reports each mistake where it stands",
        arguments: [
            Mistake("a mistyped field", "  subset: []", "6:3 MM0204"),
            Mistake("a subset without a name", "  subsets: [{labels: {a: b}}]", "6:13 MM0201"),
            Mistake("a subset with a bad name", "  subsets: [{name: a|b, labels: {a: b}}]", "6:20 MM0206"),
            Mistake("a subset without labels", "  subsets: [{name: a}]", "6:20 MM0212"),
            Mistake(
                "a subset twice",
                "  subsets:\n  - {name: a, labels: {a: b}}\n  - {name: a, labels: {a: c}}",
                "8:12 MM0214"
            ),
            Mistake("a version that is a number", "  subsets: [{name: a, labels: {version: 1.0}}]", "6:41 MM0205"),
            Mistake(
                "a way to balance that does not exist",
                "  trafficPolicy: {loadBalancer: {simple: ROUND}}",
                "6:42 MM0206"
            ),
            Mistake("an older name", "  trafficPolicy: {loadBalancer: {simple: LEAST_CONN}}", "6:42 MM0402"),
            Mistake(
                "a way to balance to come",
                "  trafficPolicy: {loadBalancer: {simple: PASSTHROUGH}}",
                "6:42 MM0210"
            ),
            Mistake("a warmup without end", "  trafficPolicy: {loadBalancer: {warmup: {}}}", "6:42 MM0201"),
            Mistake(
                "a warmup that slows down",
                "  trafficPolicy: {loadBalancer: {warmup: {duration: 1s, aggression: 0.5}}}",
                "6:69 MM0206"
            ),
            Mistake(
                "a warmup of what is drawn",
                "  trafficPolicy: {loadBalancer: {simple: RANDOM, warmup: {duration: 1s}}}",
                "6:50 MM0212"
            ),
            Mistake(
                "a warmup said twice",
                "  trafficPolicy: {loadBalancer: {warmupDurationSecs: 1s, warmup: {duration: 1s}}}",
                "6:34 MM0402",
                "6:58 MM0214"
            ),
            Mistake("no connections", "  trafficPolicy: {connectionPool: {tcp: {maxConnections: 0}}}", "6:58 MM0206"),
            Mistake("keep-alive", "  trafficPolicy: {connectionPool: {tcp: {tcpKeepalive: {}}}}", "6:42 MM0210"),
            Mistake("a bad limit", "  trafficPolicy: {connectionPool: {http: {http2MaxRequests: ten}}}", "6:61 MM0205"),
            Mistake(
                "an age of nothing",
                "  trafficPolicy: {connectionPool: {tcp: {maxConnectionDuration: 0s}}}",
                "6:65 MM0207"
            ),
            Mistake("a bad time", "  trafficPolicy: {connectionPool: {http: {idleTimeout: long}}}", "6:56 MM0207"),
            Mistake(
                "requests below 0",
                "  trafficPolicy: {connectionPool: {http: {maxRequestsPerConnection: -1}}}",
                "6:69 MM0206"
            ),
            Mistake(
                "too many streams",
                "  trafficPolicy: {connectionPool: {http: {maxConcurrentStreams: 2147483648}}}",
                "6:65 MM0206"
            ),
            Mistake(
                "an upgrade that does not exist",
                "  trafficPolicy: {connectionPool: {http: {h2UpgradePolicy: ALWAYS}}}",
                "6:60 MM0206"
            ),
            Mistake(
                "the client's protocol",
                "  trafficPolicy: {connectionPool: {http: {useClientProtocol: true}}}",
                "6:43 MM0210"
            ),
            Mistake("retries below 0", "  trafficPolicy: {connectionPool: {http: {maxRetries: -1}}}", "6:55 MM0206"),
            Mistake("a span of a budget", "  trafficPolicy: {retryBudget: {budgetInterval: 1s}}", "6:33 MM0210"),
            Mistake(
                "failures by status",
                "  trafficPolicy: {outlierDetection: {outlierDetectionHttpErrorCodes: [500]}}",
                "6:38 MM0210"
            ),
            Mistake("more than all retries", "  trafficPolicy: {retryBudget: {percent: 101}}", "6:42 MM0206"),
            Mistake(
                "pings that never come",
                "  trafficPolicy: {connectionPool: {http: {http2KeepAlive: {interval: 0s}}}}",
                "6:70 MM0207"
            ),
            Mistake(
                "a mistyped ping, in a subset and for a port",
                "  subsets: [{name: a, labels: {a: b}, trafficPolicy: {portLevelSettings: [{port: {number: 1}, "
                    + "connectionPool: {http: {http2KeepAlive: {time: 1s}}}}]}}]",
                "6:136 MM0204"
            ),
            Mistake("an older count", "  trafficPolicy: {outlierDetection: {consecutiveErrors: 3}}", "6:38 MM0402"),
            Mistake("above 100%", "  trafficPolicy: {outlierDetection: {maxEjectionPercent: 101}}", "6:58 MM0206"),
            Mistake("no interval", "  trafficPolicy: {outlierDetection: {interval: 0s}}", "6:48 MM0207"),
            Mistake(
                "failures that are not counted apart",
                "  trafficPolicy: {outlierDetection: {consecutiveLocalOriginFailures: 3}}",
                "6:70 MM0212"
            ),
            Mistake("TLS without a mode", "  trafficPolicy: {tls: {}}", "6:24 MM0201"),
            Mistake("a mode that does not exist", "  trafficPolicy: {tls: {mode: ISTIO_MUTAL}}", "6:31 MM0206"),
            Mistake("no certificate to show", "  trafficPolicy: {tls: {mode: MUTUAL}}", "6:31 MM0201"),
            Mistake(
                "a certificate that is not shown",
                "  trafficPolicy: {tls: {mode: SIMPLE, clientCertificate: /a}}",
                "6:58 MM0214"
            ),
            Mistake(
                "whoever answers, by mutual TLS",
                "  trafficPolicy: {tls: {mode: ISTIO_MUTUAL, insecureSkipVerify: true}}",
                "6:45 MM0214"
            ),
            Mistake(
                "a secret of Kubernetes",
                "  trafficPolicy: {tls: {mode: SIMPLE, credentialName: a}}",
                "6:39 MM0211"
            ),
            Mistake(
                "certificates of its own",
                "  trafficPolicy: {tls: {mode: ISTIO_MUTUAL, caCertificates: /a}}",
                "6:61 MM0214"
            ),
            Mistake("a tunnel", "  trafficPolicy: {tunnel: {}}", "6:19 MM0210"),
            Mistake(
                "settings for no port",
                "  trafficPolicy: {portLevelSettings: [{tls: {mode: DISABLE}}]}",
                "6:39 MM0201"
            ),
        ]
    )
    func mistakes(mistake: Mistake) {
        #expect(ManifestReading.of(Self.manifest(mistake.text)).places == mistake.expected)
    }

    @Test("suggests the name that was probably meant")
    func suggestion() {
        let reading = ManifestReading.of(Self.manifest("  trafficPolicy: {tls: {mode: ISTIO_MUTAL}}"))
        #expect(
            reading.diagnostics.map(\.message) == [
                "mode is ISTIO_MUTAL, and must be one of DISABLE, ISTIO_MUTUAL, MUTUAL, SIMPLE; did you mean "
                    + "ISTIO_MUTUAL?"
            ]
        )
    }
}
