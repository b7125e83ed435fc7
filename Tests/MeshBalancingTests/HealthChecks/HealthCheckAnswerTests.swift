// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshBalancing

/// What answers to probes say.
@Suite struct HealthCheckAnswerTests {
    private func label(_ result: HealthProbeResult) -> String {
        switch result {
        case .healthy: "healthy"
        case .degraded: "degraded"
        case .failed(let failure): failure.cause.rawValue + (failure.excludes ? ", excludes" : "")
        }
    }

    private func http(_ check: HealthCheck.HTTP, _ status: Int, _ fields: [HeaderName: String] = [:]) -> String {
        label(check.result(status: status) { fields[$0] })
    }

    @Test func `statuses say yes, not now, or no`() {
        let plain = HealthCheck.HTTP(path: "/")
        #expect(http(plain, 200) == "healthy")
        #expect(http(plain, 204) == "answer")
        #expect(http(plain, 503) == "answer")
        let wide = HealthCheck.HTTP(
            path: "/",
            expectedStatuses: [200..<300, 404..<405],
            retriableStatuses: [500..<600]
        )
        #expect(http(wide, 299) == "healthy")
        #expect(http(wide, 300) == "answer")
        #expect(http(wide, 404) == "healthy")
        #expect(http(wide, 503) == "retriable_answer")
        let both = HealthCheck.HTTP(path: "/", expectedStatuses: [500..<501], retriableStatuses: [500..<600])
        #expect(http(both, 500) == "healthy")
        #expect(http(both, 200) == "answer")
    }

    @Test func `fields of the answer degrade and exclude`() {
        let check = HealthCheck.HTTP(path: "/", retriableStatuses: [503..<504])
        #expect(http(check, 200, ["x-envoy-degraded": ""]) == "degraded")
        // Envoy looks at that field only where the status says that something is wrong.
        #expect(http(check, 200, ["x-envoy-immediate-health-check-fail": "true"]) == "healthy")
        #expect(http(check, 500, ["x-envoy-immediate-health-check-fail": ""]) == "answer, excludes")
        #expect(http(check, 503, ["x-envoy-immediate-health-check-fail": ""]) == "retriable_answer, excludes")
    }

    @Test func `another service at the address is no success`() {
        let check = HealthCheck.HTTP(path: "/", serviceName: StringMatcher(.prefix("reviews")))
        #expect(http(check, 200, ["x-envoy-upstream-healthchecked-cluster": "reviews-v1"]) == "healthy")
        #expect(http(check, 200, ["x-envoy-upstream-healthchecked-cluster": "ratings"]) == "answer")
        #expect(http(check, 200) == "answer")
    }

    @Test func `bytes are found in their order, with anything between`() {
        let check = HealthCheck.TCP(receive: [[1, 2], [3]])
        #expect(check.isAnswered(by: [1, 2, 3]))
        #expect(check.isAnswered(by: [0, 1, 2, 9, 9, 3, 4]))
        #expect(!check.isAnswered(by: [3, 1, 2]))
        #expect(!check.isAnswered(by: [1, 9, 2, 3]))
        #expect(!check.isAnswered(by: [1, 2]))
        #expect(HealthCheck.TCP().isAnswered(by: []))
        #expect(!HealthCheck.TCP(receive: [[1, 1], [1]]).isAnswered(by: [1, 1]))
    }

    @Test func `a call's request is a frame with the service's name`() {
        #expect(HealthCheck.GRPC().request == [0, 0, 0, 0, 0])
        #expect(HealthCheck.GRPC(serviceName: "ab").request == [0, 0, 0, 0, 4, 0x0A, 2, 0x61, 0x62])
        let long = HealthCheck.GRPC(serviceName: String(repeating: "x", count: 300)).request
        #expect(long.prefix(8) == [0, 0, 0, 1, 0x2F, 0x0A, 0xAC, 0x02])
        #expect(long.count == 5 + 303)
    }

    static let frames: [(bytes: [UInt8], answer: GRPCHealthAnswer)] = [
        ([0, 0, 0, 0, 2, 8, 1], .serving),
        ([0, 0, 0, 0, 2, 8, 2], .notServing(2)),
        ([0, 0, 0, 0, 2, 8, 3], .notServing(3)),
        ([0, 0, 0, 0, 0], .notServing(0)),
        ([], .notServing(0)),
        // Empty frames are passed over.
        ([0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 8, 1], .serving),
        // Fields that nobody knows are passed over; of several the last one counts.
        ([0, 0, 0, 0, 12, 8, 2, 0x12, 2, 9, 9, 0x1D, 1, 2, 3, 4, 8], .malformed),
        ([0, 0, 0, 0, 13, 8, 2, 0x12, 2, 9, 9, 0x1D, 1, 2, 3, 4, 8, 1], .serving),
        ([0, 0, 0, 0, 11, 0x11, 1, 2, 3, 4, 5, 6, 7, 8, 8, 1], .serving),
        // Compressed, cut short, two messages, no message at all.
        ([1, 0, 0, 0, 2, 8, 1], .malformed),
        ([0, 0, 0, 0, 3, 8, 1], .malformed),
        ([0, 0, 0, 0], .malformed),
        ([0, 0xFF, 0xFF, 0xFF, 0xFF, 8], .malformed),
        ([0, 0, 0, 0, 2, 8, 1, 0, 0, 0, 0, 2, 8, 1], .malformed),
        ([0, 0, 0, 0, 2, 0, 1], .malformed),
        ([0, 0, 0, 0, 2, 0x0B, 1], .malformed),
        ([0, 0, 0, 0, 2, 0x12, 9], .malformed),
        ([0, 0, 0, 0, 12, 8] + [UInt8](repeating: 0xFF, count: 10) + [1], .malformed),
    ]

    @Test(arguments: frames)
    func `an answer's frames are read strictly`(bytes: [UInt8], answer: GRPCHealthAnswer) {
        #expect(GRPCHealthAnswer(frames: bytes) == answer)
    }

    @Test func `random bytes are no answer, and do no harm`() {
        let random = MeshRandom(seed: 7)
        for _ in 0..<20_000 {
            let message = (0..<random.below(12)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            _ = GRPCHealthAnswer(frames: message)
            _ = GRPCHealthAnswer(frames: [0, 0, 0, 0, UInt8(message.count)] + message)
        }
    }

    @Test func `only a call that went well and says SERVING is a success`() {
        let check = HealthCheck.GRPC()
        let serving: [UInt8] = [0, 0, 0, 0, 2, 8, 1]
        func result(_ status: Int, _ type: String?, _ grpcStatus: String?, _ body: [UInt8]) -> String {
            label(check.result(status: status, contentType: type, grpcStatus: grpcStatus, body: body))
        }
        #expect(result(200, "application/grpc", "0", serving) == "healthy")
        #expect(result(200, "application/grpc+proto", "0", serving) == "healthy")
        #expect(result(200, "application/grpc-web", "0", serving) == "answer")
        #expect(result(200, nil, "0", serving) == "answer")
        #expect(result(503, "application/grpc", "0", serving) == "answer")
        #expect(result(200, "application/grpc", "12", []) == "answer")
        #expect(result(200, "application/grpc", nil, serving) == "answer")
        #expect(result(200, "application/grpc", "0", [0, 0, 0, 0, 2, 8, 2]) == "answer")
        #expect(result(200, "application/grpc", "0", []) == "answer")
    }
}
