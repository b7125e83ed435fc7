// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshBalancing

@Suite("What is said in calls for load reports")
struct LoadReportCallTests {
    @Test(
        arguments: [
            (.seconds(10), [0, 0, 0, 0, 4, 10, 2, 8, 10]),
            // 300 takes two bytes; half a second is 500 000 000 ns.
            (.seconds(300), [0, 0, 0, 0, 5, 10, 3, 8, 0xAC, 0x02]),
            (.milliseconds(500), [0, 0, 0, 0, 8, 10, 6, 0x10, 0x80, 0xCA, 0xB5, 0xEE, 0x01]),
            (.milliseconds(1_001), [0, 0, 0, 0, 8, 10, 6, 8, 1, 0x10, 0xC0, 0x84, 0x3D]),
            (.zero, [0, 0, 0, 0, 2, 10, 0]),
        ] as [(Nanoseconds, [UInt8])]
    )
    func `the request is a frame with the period`(_ period: Nanoseconds, _ bytes: [UInt8]) {
        #expect(LoadReportCall(period: period).request == bytes)
    }

    @Test func `the longest period there is fits, too`() {
        let request = LoadReportCall(period: .forever).request
        #expect(request.count <= 5 + 2 + 16)
        #expect(Int(request[4]) == request.count - 5 && Int(request[6]) == request.count - 7)
    }

    @Test(
        arguments: [
            (200, "application/grpc", nil, nil), (200, "application/grpc+proto", nil, nil),
            (200, "application/grpc", "12", .notImplemented), (404, nil, nil, .notImplemented),
            (200, "application/grpc", "14", .failed("gRPC status 14")), (503, nil, nil, .failed("status 503")),
            (200, "text/html", nil, .failed("the answer is not gRPC")),
            (200, nil, nil, .failed("the answer is not gRPC")),
        ] as [(Int, String?, String?, LoadReportCallEnding?)]
    )
    func `a head says whether there can be reports`(
        _ status: Int,
        _ type: String?,
        _ grpcStatus: String?,
        _ refusal: LoadReportCallEnding?
    ) {
        #expect(LoadReportCall.refusal(status: status, contentType: type, grpcStatus: grpcStatus) == refusal)
    }

    @Test func `trailers say how it ended`() {
        #expect(LoadReportCall.ending(grpcStatus: "12") == .notImplemented)
        #expect(LoadReportCall.ending(grpcStatus: "0") == .failed("the endpoint ended the stream"))
        #expect(LoadReportCall.ending(grpcStatus: nil) == .failed("no grpc-status"))
        let long = String(repeating: "9", count: 1_000)
        #expect(LoadReportCall.ending(grpcStatus: long) == .failed("gRPC status " + long.prefix(20)))
    }

    private func frame(_ message: [UInt8]) -> [UInt8] {
        let length = UInt32(message.count)
        return [0] + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) } + message
    }

    @Test func `messages are put together wherever they were cut`() throws {
        let messages: [[UInt8]] = [[1, 2, 3], [], Array(repeating: 7, count: 300)]
        let bytes = messages.flatMap(frame)
        for cut in 0...bytes.count {
            var frames = LoadReportFrames()
            var read: [[UInt8]] = []
            for part in [bytes[..<cut], bytes[cut...]] {
                frames.append(part)
                while let message = try frames.next() { read.append(message) }
            }
            #expect(read == messages, "cut at \(cut)")
        }
        var frames = LoadReportFrames()
        var count = 0
        for byte in bytes {
            frames.append([byte])
            while try frames.next() != nil { count += 1 }
        }
        #expect(count == 3)
    }

    @Test func `what is too long or compressed is refused by its first bytes`() throws {
        var frames = LoadReportFrames()
        frames.append(frame(Array(repeating: 1, count: LoadReportCall.maximumMessage)))
        #expect(try frames.next()?.count == LoadReportCall.maximumMessage)
        frames.append([0, 0, 1, 0, 1])
        #expect(throws: LoadReportFrameError.tooLong) { try frames.next() }
        var compressed = LoadReportFrames()
        compressed.append([1, 0, 0, 0, 0])
        #expect(throws: LoadReportFrameError.compressed) { try compressed.next() }
    }

    @Test func `a policy that asks apart from answers does not look at these`() throws {
        var policy = ClientSideWeightedRoundRobin()
        #expect(policy.observesLoad && policy.loadReportPeriod == nil)
        policy.outOfBandReportingPeriod = .seconds(5)
        #expect(!policy.observesLoad && policy.loadReportPeriod == .seconds(5))
        #expect(policy.summary.hasPrefix("client_side_weighted_round_robin: out-of-band reports every 5.0 seconds, "))
        #expect(RandomSubsetting(subsetSize: 2, child: policy).loadReportPeriod == .seconds(5))
        #expect(RoundRobin().loadReportPeriod == nil)
        try policy.validate()
        policy.outOfBandReportingPeriod = .milliseconds(99)
        let error = #expect(throws: ConfigurationError.self) { try policy.validate() }
        #expect(error?.problems.map(\.path) == ["outOfBandReportingPeriod"])
    }
}
