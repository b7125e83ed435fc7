// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshManifests
import Testing

/// Manifests as they are half written, half erased and mangled: 20 000 of them, always the same.
@Suite("Mutated manifests")
struct MutationTests {
    private struct Mutator {
        var state: UInt64

        mutating func next(below bound: Int) -> Int {
            // SplitMix64.
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return Int((mixed ^ (mixed >> 31)) % UInt64(bound))
        }

        private static let inserts = [
            "\n", " ", "  ", "\t", ":", ": ", "- ", "[", "]", "{", "}", "\"", "'", "*a", "&a ", "|\n", ">", "#",
            "---\n",
            "...", "? ", "!", "!!str ", "%", "\u{0}", "\u{85}", "\u{2028}", "\u{FEFF}", "ä", "\u{E000}", "<<: ", "null",
            "-1",
            "1e9", "99999999999999999999", "true", "5s", "*", "\\", "\r",
        ].map { Array($0.utf8) }

        mutating func mutate(_ bytes: [UInt8], with others: [[UInt8]]) -> [UInt8] {
            var bytes = bytes
            for _ in 0...next(below: 4) {
                let place = next(below: bytes.count + 1)
                let length = min(next(below: 24), bytes.count - place)
                switch next(below: 7) {
                case 0: bytes = Array(bytes.prefix(place))
                case 1: bytes.removeSubrange(place..<(place + length))
                case 2: bytes.insert(contentsOf: Self.inserts[next(below: Self.inserts.count)], at: place)
                case 3: if place < bytes.count { bytes[place] = UInt8(next(below: 256)) }
                case 4:
                    bytes.insert(contentsOf: Array(bytes[place..<(place + length)]), at: next(below: bytes.count + 1))
                case 5:
                    let other = others[next(below: others.count)]
                    bytes.insert(contentsOf: other.suffix(next(below: other.count)).prefix(80), at: place)
                default:
                    bytes.replaceSubrange(place..<(place + length), with: Self.inserts[next(below: Self.inserts.count)])
                }
            }
            return bytes
        }
    }

    @Test("never trap, always say where, and compile to something valid if nothing is wrong", arguments: 1...4)
    func mutations(seed: UInt64) async throws {
        let originals =
            try Fixture.articles().map(\.bytes)
            + Self.modern.split(separator: "---\n").map { Array($0.utf8) }
        let workloads = [
            Workload(
                id: "a",
                service: "reviews",
                address: EndpointAddress(host: "127.0.0.1", port: 1),
                labels: ["app": "reviews", "version": "v1"]
            )
        ]
        var mutator = Mutator(state: seed)
        var flawless = 0
        for round in 0..<1500 {
            // Other tests are to go on meanwhile.
            await Task.yield()
            let original = originals[mutator.next(below: originals.count)]
            let bytes = mutator.mutate(original, with: originals)
            let file = ManifestFile(name: "mesh.yaml", bytes: bytes)
            let reading = ManifestReader.read([file])
            let isPlaced = reading.diagnostics.allSatisfy { (1...bytes.count + 1).contains($0.line) && $0.column >= 1 }
            #expect(isPlaced, "round \(round): \(reading.diagnostics)")
            let compiled = ManifestCompiler().compile(
                reading.objects,
                workloads: workloads,
                for: Node(labels: ["app": "reviews"], inboundAddresses: [workloads[0].address])
            )
            if !reading.diagnostics.hasErrors {
                flawless += 1
                #expect(throws: Never.self) { try compiled.resources.validate() }
            }
        }
        #expect(flawless > 75 && flawless < 1425, "the mutations are too mild or too wild: \(flawless)")
    }

    private static let modern = """
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: {name: reviews}
        spec:
          hosts: [reviews]
          http:
          - match:
            - uri: {regex: "/r(eviews)?/[0-9]+"}
              headers: {end-user: {exact: jason}}
              withoutHeaders: {x-bot: {}}
              sourceLabels: {app: productpage}
            route:
            - destination: {host: reviews, subset: v2}
              weight: 25
            - destination: {host: reviews, subset: v1, port: {number: 9080}}
              weight: 75
            timeout: 1.5s
            retries: {attempts: 3, perTryTimeout: 500ms, retryOn: "5xx,reset,503"}
            fault:
              delay: {fixedDelay: 5s, percentage: {value: 0.1}}
              abort: {httpStatus: 503, percentage: {value: 10}}
            mirror: {host: ratings}
            mirrorPercentage: {value: 50}
            rewrite: {uri: /reviews, authority: reviews.internal}
            headers: {request: {set: {x-a: "%PROTOCOL%"}, remove: [x-b]}, response: {add: {x-c: d}}}
            corsPolicy: {allowOrigins: [{regex: "https://a.*"}], allowMethods: [GET], maxAge: 1h}
          - match: [{uri: {prefix: /a}, queryParams: {q: {exact: v}}}]
            redirect: {prefixRewrite: /b, derivePort: FROM_REQUEST_PORT, redirectCode: 308}
          - match: [{uri: {prefix: /team}}]
            delegate: {name: team}
          - directResponse: {status: 404, body: {bytes: bm9uZQ==}}
        ---
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: {name: team}
        spec:
          http:
          - match: [{uri: {exact: /team/a}}]
            route: [{destination: {host: reviews}, headers: {request: {set: {host: a}}}}]
            rewrite: {uriRegexRewrite: {match: "/team/(.*)", rewrite: '/\\1'}}
        ---
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        metadata: {name: reviews}
        spec:
          host: reviews
          trafficPolicy:
            loadBalancer: {consistentHash: {httpCookie: {name: user, ttl: 0s}, maglev: {tableSize: 65537}}}
            outlierDetection: {consecutive5xxErrors: 3, interval: 1s, maxEjectionPercent: 100}
            connectionPool: {http: {http2MaxRequests: 10}, tcp: {connectTimeout: 1s}}
            tls: {mode: ISTIO_MUTUAL}
          subsets:
          - {name: v1, labels: {version: v1}}
          - {name: v2, labels: {version: v2}}
        ---
        apiVersion: networking.istio.io/v1
        kind: ServiceEntry
        metadata: {name: api}
        spec:
          hosts: [api.example.com]
          ports: [{number: 80, name: http, protocol: HTTP}]
          resolution: STATIC
          endpoints: [{address: 192.0.2.1, weight: 2, locality: a/b/c}, {address: "2001:db8::1"}]
        ---
        apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        metadata: {name: reviews}
        spec:
          selector: {matchLabels: {app: reviews}}
          rules:
          - from: [{source: {principals: ["*/ns/default/sa/web"], notNamespaces: ["x*"], ipBlocks: [10.0.0.0/8]}}]
            to: [{operation: {methods: [GET], paths: ["/a*", "/b/{*}/{**}"], ports: ["9080"], hosts: ["*.a"]}}]
            when:
            - {key: "request.auth.claims[a][b]", values: [c], notValues: ["d*"]}
            - {key: remote.ip, values: ["::1"]}
        ---
        apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        metadata: {name: asked, annotations: {istio.io/dry-run: "true"}}
        spec: {action: CUSTOM, provider: {name: authorizer}, rules: [{}]}
        ---
        apiVersion: security.istio.io/v1
        kind: PeerAuthentication
        metadata: {name: default, namespace: istio-system}
        spec: {mtls: {mode: STRICT}}

        """
}
