// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshManifests
import Testing

@Suite("VirtualService")
struct VirtualServiceTests {
    /// A manifest whose rules begin in line 7.
    private static func manifest(_ http: String) -> String {
        """
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: {name: reviews}
        spec:
          hosts: [reviews]
          http:
        \(http)
        """
    }

    private static let route = "route: [{destination: {host: reviews}}]"

    @Test(
        "is read in every version",
        arguments: ["networking.istio.io/v1", "networking.istio.io/v1beta1", "networking.istio.io/v1alpha3"]
    )
    func versions(version: String) {
        let text = Self.manifest("  - \(Self.route)").replacing("networking.istio.io/v1", with: version)
        let reading = ManifestReading.of(text)
        #expect(reading.diagnostics.isEmpty)
        #expect(reading.objects.map(\.apiVersion) == [version])
        #expect(reading.objects.map(\.name) == ["reviews"])
        #expect(reading.objects.map(\.namespace) == ["default"])
        #expect(reading.objects.map(\.position.line) == [1])
    }

    @Test("is read with everything that is supported")
    func complete() {
        let text = Self.manifest(
            """
              - name: jason
                match:
                - name: by-header
                  uri: {prefix: /Reviews}
                  ignoreUriCase: true
                  method: {exact: GET}
                  authority: {regex: "reviews(:[0-9]+)?"}
                  scheme: {exact: http}
                  headers: {end-user: {exact: jason}, x-any: {}, x-null: }
                  withoutHeaders: {x-bot: {regex: ".*"}, x-old: {prefix: "1"}}
                  sourceLabels: {app: productpage}
                  sourceNamespace: default
                  port: 9080
                  gateways: [mesh]
                route:
                - destination: {host: reviews, subset: v2, port: {number: 9080}}
                  weight: 1
                - destination: {host: reviews.default.svc.cluster.local}
                  weight: 0
                timeout: 0s
                retries: {attempts: 0}
                fault: {abort: {httpStatus: 555, percentage: {value: 0.5}}}
              - directResponse: {status: 503, body: {string: closed}}
            """
        )
        #expect(
            ManifestReading.of(text + "\n  gateways: [mesh, other/gateway]\n  exportTo: [., \"*\"]").diagnostics.isEmpty
        )
    }

    @Test(
        "reports each mistake where it stands",
        arguments: [
            Mistake("a field that does not exist", "  - rout: []", "7:5 MM0201", "7:5 MM0204"),
            Mistake("no action", "  - match: []", "7:5 MM0201"),
            Mistake("no destination", "  - route: []", "7:5 MM0201"),
            Mistake("a wrong type of list", "  - route: x", "7:12 MM0205"),
            Mistake("an element that is text", "  - route: [x]", "7:13 MM0205"),
            Mistake("no host", "  - route: [{destination: {subset: v1}}]", "7:27 MM0201"),
            Mistake("a host that is none", "  - route: [{destination: {host: a b}}]", "7:34 MM0206"),
            Mistake("a destination that is a pattern", "  - route: [{destination: {host: \"*.b\"}}]", "7:34 MM0206"),
            Mistake("an empty host", "  - route: [{destination: {host: \"\"}}]", "7:34 MM0206"),
            Mistake("a subset that is a number", "  - route: [{destination: {host: a, subset: 1}}]", "7:45 MM0205"),
            Mistake("a subset that is a boolean", "  - route: [{destination: {host: a, subset: on}}]", "7:45 MM0205"),
            Mistake("a port of 0", "  - route: [{destination: {host: a, port: {number: 0}}}]", "7:52 MM0206"),
            Mistake("a port of 65536", "  - route: [{destination: {host: a, port: {number: 65536}}}]", "7:52 MM0206"),
            Mistake("a port without a number", "  - route: [{destination: {host: a, port: {}}}]", "7:43 MM0201"),
            Mistake("a negative weight", "  - route: [{destination: {host: a}, weight: -1}]", "7:46 MM0206"),
            Mistake("half a weight", "  - route: [{destination: {host: a}, weight: 0.5}]", "7:46 MM0205"),
            Mistake("a weight in quotes", "  - route: [{destination: {host: a}, weight: \"1\"}]", "7:46 MM0205"),
            Mistake(
                "a huge weight",
                "  - route: [{destination: {host: a}, weight: 99999999999999999999}]",
                "7:46 MM0206"
            ),
            Mistake("weights of 0", "  - route: [{destination: {host: a}, weight: 0}]", "7:5 MM0209"),
            Mistake(
                "no weights among several",
                "  - route: [{destination: {host: a}}, {destination: {host: b}}]",
                "7:5 MM0209"
            ),
            Mistake(
                "weights beyond the bound",
                """
                  - route:
                    - {destination: {host: a}, weight: 4294967295}
                    - {destination: {host: b}, weight: 1}
                """,
                "7:5 MM0209"
            ),
            Mistake("a timeout without a unit", "  - timeout: 5\n    \(route)", "7:14 MM0207"),
            Mistake("a negative timeout", "  - timeout: -5s\n    \(route)", "7:14 MM0207"),
            Mistake("a timeout that is too short", "  - timeout: 10us\n    \(route)", "7:14 MM0207"),
            Mistake("a timeout of days", "  - timeout: 25h\n    \(route)", "7:14 MM0207"),
            Mistake("a timeout that is a list", "  - timeout: [5s]\n    \(route)", "7:14 MM0205"),
            Mistake("retries without attempts", "  - retries: {perTryTimeout: 1s}\n    \(route)", "7:14 MM0201"),
            Mistake("settings for no retries", "  - retries: {attempts: 0, retryOn: 5xx}\n    \(route)", "7:28 MM0214"),
            Mistake(
                "a retry condition that does not exist",
                "  - retries: {attempts: 1, retryOn: \"5xx, conect-failure\"}\n    \(route)",
                "7:43 MM0206"
            ),
            Mistake(
                "a retry condition that nothing can meet",
                "  - retries: {attempts: 1, retryOn: \"reset,retriable-headers\"}\n    \(route)",
                "7:44 MM0212"
            ),
            Mistake(
                "status codes that are not there",
                "  - retries: {attempts: 1, retryOn: retriable-status-codes}\n    \(route)",
                "7:37 MM0212"
            ),
            Mistake("a fault that does nothing", "  - fault: {}\n    \(route)", "7:12 MM0212"),
            Mistake(
                "a fault that hits nobody",
                "  - fault: {delay: {fixedDelay: 1s}}\n    \(route)",
                "7:20 MM0212"
            ),
            Mistake(
                "a delay without a duration",
                "  - fault: {delay: {percentage: {value: 1}}}\n    \(route)",
                "7:20 MM0201"
            ),
            Mistake(
                "a share above 100",
                "  - fault: {delay: {fixedDelay: 1s, percentage: {value: 101}}}\n    \(route)",
                "7:57 MM0206"
            ),
            Mistake(
                "a share in its old form",
                "  - fault: {delay: {fixedDelay: 1s, percent: 10}}\n    \(route)",
                "7:37 MM0402"
            ),
            Mistake(
                "an abort with a strange status",
                "  - fault: {abort: {httpStatus: 99, percentage: {value: 1}}}\n    \(route)",
                "7:33 MM0206"
            ),
            Mistake(
                "a delay that Istio does not implement",
                "  - fault: {delay: {exponentialDelay: 1s, percentage: {value: 1}}}\n    \(route)",
                "7:21 MM0211"
            ),
            Mistake("a response and a route", "  - directResponse: {status: 200}\n    \(route)", "7:5 MM0214"),
            Mistake("a response without a status", "  - directResponse: {}", "7:21 MM0201"),
            Mistake(
                "two ways to match a path",
                "  - match: [{uri: {exact: a, prefix: b}}]\n    \(route)",
                "7:30 MM0214"
            ),
            Mistake(
                "a way to match that does not exist",
                "  - match: [{uri: {sufix: a}}]\n    \(route)",
                "7:20 MM0204"
            ),
            Mistake(
                "a regular expression that is none",
                "  - match: [{uri: {regex: /a(b}}]\n    \(route)",
                "7:29 MM0208"
            ),
            Mistake(
                "a regular expression that backtracks",
                "  - match: [{uri: {regex: '(a)\\1'}}]\n    \(route)",
                "7:31 MM0208"
            ),
            Mistake("an empty regular expression", "  - match: [{uri: {regex: \"\"}}]\n    \(route)", "7:27 MM0206"),
            Mistake(
                "a header that is none",
                "  - match: [{headers: {\"a b\": {exact: c}}}]\n    \(route)",
                "7:24 MM0206"
            ),
            Mistake("a header without a way to match", "  - match: [{headers: {a: b}}]\n    \(route)", "7:27 MM0205"),
            Mistake("a boolean in quotes", "  - match: [{ignoreUriCase: \"true\"}]\n    \(route)", "7:29 MM0205"),
            Mistake("labels that are none", "  - match: [{sourceLabels: {a: b c}}]\n    \(route)", "7:29 MM0206"),
            Mistake("a list of matches that is a mapping", "  - match: {uri: {}}\n    \(route)", "7:12 MM0205"),
        ]
    )
    func mistakes(mistake: Mistake) {
        #expect(ManifestReading.of(Self.manifest(mistake.text)).places == mistake.expected)
    }

    @Test(
        "reports mistakes around its rules",
        arguments: [
            Mistake("a spec that is text", "spec: text", "4:7 MM0205"),
            Mistake("no spec", "", "1:1 MM0201"),
            Mistake("an empty spec", "spec:", "4:1 MM0201"),
            Mistake("hosts that are text", "spec: {hosts: a}", "4:15 MM0205"),
            Mistake("a host that is no text", "spec: {hosts: [1]}", "4:16 MM0205"),
            Mistake("routes of TCP", "spec: {hosts: [a], tcp: []}", "4:20 MM0210"),
            Mistake("a gateway only", "spec: {hosts: [a], gateways: [b]}", "4:20 MM0501"),
            Mistake("a field from elsewhere", "spec: {hosts: [a], subsets: []}", "4:20 MM0204"),
            Mistake("a field beside the spec", "spec: {hosts: [a]}\nspecs: {}", "5:1 MM0204"),
        ]
    )
    func surroundings(mistake: Mistake) {
        let text = """
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata: {name: reviews}
            \(mistake.text)
            """
        #expect(ManifestReading.of(text).places == mistake.expected)
    }
}
