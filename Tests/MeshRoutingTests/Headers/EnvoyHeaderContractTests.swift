// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import MeshTesting
import Testing

/// Which fields a real Envoy 1.40 sends on, of callers within, of callers outside, and at the edge.
@Suite struct EnvoyHeaderContractTests {
    static let instructions: [HeaderName] = [
        "x-envoy-retry-on", "x-envoy-retry-grpc-on", "x-envoy-max-retries", "x-envoy-retriable-status-codes",
        "x-envoy-retriable-header-names", "x-envoy-upstream-rq-timeout-ms", "x-envoy-upstream-rq-per-try-timeout-ms",
        "x-envoy-upstream-rq-timeout-alt-response", "x-envoy-hedge-on-per-try-timeout",
        "x-envoy-upstream-alt-stat-name",
        "x-envoy-upstream-stream-duration-ms",
    ]
    static let reserved: [HeaderName] = [
        "x-envoy-force-trace", "x-envoy-ip-tags", "x-envoy-original-url", "x-envoy-expected-rq-timeout-ms",
    ]
    static let reservedAtEdge: [HeaderName] = [
        "x-envoy-decorator-operation", "x-envoy-downstream-service-cluster", "x-envoy-downstream-service-node",
        "x-envoy-original-path", "x-envoy-original-host",
    ]
    static let free: [HeaderName] = [
        "x-envoy-attempt-count", "x-envoy-is-timeout-retry", "x-envoy-overloaded", "x-envoy-peer-metadata",
        "x-envoy-ratelimited", "grpc-timeout",
    ]

    static var full: InMemoryRequest {
        let names = instructions + reserved + reservedAtEdge + free + ["x-envoy-internal", "x-int"]
        return InMemoryRequest(headers: names.map { ($0, "1") })
    }

    static let callers: [(trusts: Bool, isEdge: Bool, left: [HeaderName])] = [
        (true, true, instructions + reserved + reservedAtEdge + free + ["x-int"]),
        (false, false, reservedAtEdge + free), (false, true, free),
    ]

    @Test(arguments: callers)
    func `a caller may say what its place allows`(trusts: Bool, isEdge: Bool, left: [HeaderName]) {
        var request = Self.full
        EnvoyHeaderContract(trusts: trusts, isEdge: isEdge, internalOnlyHeaders: ["x-int"]).admit(&request)
        #expect(request.headers.map(\.name) == left)
    }

    @Test func `instructions end at the router, whoever sent them`() {
        var request = Self.full
        EnvoyHeaderContract(trusts: true).admit(&request)
        _ = EnvoyHeaderContract.takeWishes(from: &request)
        #expect(Set(request.headers.map(\.name)).isDisjoint(with: Self.instructions))
        #expect(request.value(of: "x-envoy-original-url") == "1")
    }

    @Test func `a trusted caller is named where that is asked for, and nobody names himself`() {
        var request = InMemoryRequest(headers: [("x-envoy-internal", "true")])
        EnvoyHeaderContract(trusts: true).admit(&request)
        #expect(request.headers.isEmpty)
        EnvoyHeaderContract(trusts: true, marksTrusted: true).admit(&request)
        #expect(request.values(of: "x-envoy-internal") == ["true"])
        EnvoyHeaderContract(trusts: false, marksTrusted: true).admit(&request)
        #expect(request.headers.isEmpty)
    }

    @Test func `internal fields of others are dropped though no field of Envoy's is there`() {
        var request = InMemoryRequest(headers: [("x-int", "1"), ("a", "b")])
        EnvoyHeaderContract(trusts: false, internalOnlyHeaders: ["X-Int"]).admit(&request)
        #expect(request.headers.map(\.name) == ["a"])
    }

    @Test func `wishes are read`() {
        var request = InMemoryRequest(headers: [
            ("x-envoy-upstream-rq-timeout-ms", "0"), ("x-envoy-upstream-rq-per-try-timeout-ms", "250"),
            ("x-envoy-hedge-on-per-try-timeout", "true"), ("x-envoy-retry-on", "5xx, reset,,"),
            ("x-envoy-retry-grpc-on", "cancelled"), ("x-envoy-max-retries", "7"),
            ("x-envoy-retriable-status-codes", "418,x, 429,-1"), ("x-envoy-retriable-header-names", "X-A,x-b"),
            ("x-envoy-upstream-rq-timeout-alt-response", "1"), ("x-envoy-upstream-alt-stat-name", "s"), ("a", "b"),
        ])
        let wishes = EnvoyHeaderContract.takeWishes(from: &request)
        #expect(
            wishes
                == CallerWishes(
                    timeout: .zero,
                    attemptTimeout: .milliseconds(250),
                    hedgesOnAttemptTimeout: true,
                    retryOn: ["5xx", "reset", "cancelled"],
                    maximumRetries: 7,
                    retriableStatuses: [418, 429],
                    retriableHeaders: ["x-a", "x-b"],
                    answersTimeoutWithoutContent: true,
                    alternativeStatistics: "s"
                )
        )
        #expect(wishes.asksForRetries)
        #expect(request.headers.map(\.name) == ["a"])
    }

    @Test(arguments: ["abc", "-1", "", "1.5", "99999999999999999999", "18446744073709551615", "0x10"])
    func `a number that is none asks for nothing`(text: String) {
        var request = InMemoryRequest(headers: [
            ("x-envoy-upstream-rq-timeout-ms", text), ("x-envoy-hedge-on-per-try-timeout", "yes"),
        ])
        #expect(EnvoyHeaderContract.takeWishes(from: &request) == .none)
        #expect(request.headers.isEmpty)
    }

    @Test func `more retries than fit are as many as fit`() {
        var request = InMemoryRequest(headers: [("x-envoy-max-retries", "18446744073709551615")])
        #expect(EnvoyHeaderContract.takeWishes(from: &request).maximumRetries == .max)
    }
}
