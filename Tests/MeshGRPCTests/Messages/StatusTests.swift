// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import HTTPTypes
import MeshCore
import Testing

@testable import MeshGRPC

@Suite("Statuses", .timeLimit(.minutes(5)))
struct StatusTests {
    @Test("are read from trailers as they were written", arguments: 0...16)
    func roundTrip(code: Int) throws {
        let code = try #require(Status.Code(rawValue: code))
        for message in ["", "plain", "50% of ünicode\n", "%41 %zz %"] {
            var trailers = HTTPFields()
            Status(code: code, message: message).write(to: &trailers)
            #expect(Status(trailers: trailers) == Status(code: code, message: message))
        }
    }

    @Test("that nobody knows count as unknown")
    func unknown() {
        for text in ["17", "-1", "ok", ""] {
            var trailers = HTTPFields()
            trailers[.grpcStatus] = text
            #expect(Status(trailers: trailers)?.code == .unknown)
        }
        #expect(Status(trailers: [:]) == nil)
    }

    @Test("read messages whatever they hold")
    func messages() {
        #expect(PercentCoding.decoded("a%20b%C3%BC") == "a bü")
        #expect(PercentCoding.decoded("%") == "%")
        #expect(PercentCoding.decoded("%4") == "%4")
        #expect(PercentCoding.decoded("%FF") == "\u{FFFD}")
    }

    @Test(
        "stand for the mesh's errors",
        arguments: [
            (.noRoute, .unavailable), (.unknownHost, .unavailable), (.clusterNotFound, .unavailable),
            (.noHealthyUpstream, .unavailable), (.notReady, .unavailable), (.connectionFailed, .unavailable),
            (.connectionClosed, .unavailable), (.overflow, .unavailable), (.circuitOpen, .unavailable),
            (.dropOverload, .unavailable), (.deadlineExceeded, .deadlineExceeded), (.attemptTimeout, .deadlineExceeded),
            (.cancelled, .cancelled), (.responseTooLarge, .resourceExhausted), (.unauthorized, .permissionDenied),
            (.protocolViolation, .internalError),
        ] as [(MeshError.Code, RPCError.Code)]
    )
    func errors(code: MeshError.Code, expected: RPCError.Code) {
        let error = RPCError(mapping: MeshError(code, origin: .local, message: "why"))
        #expect(error.code == expected)
        #expect(error.message.contains("why"))
        #expect(error.cause is MeshError)
    }

    @Test("of a row of attempts are those of the last one")
    func exhausted() {
        let last = MeshError(.attemptTimeout, origin: .upstream, message: "slow")
        let error = MeshError(.retriesExhausted, origin: .upstream, message: "all failed", cause: last)
        #expect(RPCError(mapping: error).code == .deadlineExceeded)
    }

    @Test(
        "stand for resets of streams, by gRPC's table",
        arguments: [
            (0, 13), (1, 13), (2, 13), (3, 13), (7, 14), (8, 1), (11, 8), (12, 7), (99, 2),
        ] as [(UInt32, Int)]
    )
    func resets(code: UInt32, status: Int) {
        let error = MeshError(
            .connectionClosed,
            origin: .upstream,
            message: "reset",
            cause: StreamReset(code: code)
        )
        #expect(error.rpcStatus == status)
    }

    @Test("A33: of injected faults are what the fault says")
    func faults() {
        var error = MeshError(.faultInjected, origin: .local, message: "fault")
        error.localReply = LocalReply(status: 200, headers: [.init("grpc-status", "7")])
        #expect(error.rpcStatus == 7)
        error.localReply = LocalReply(status: 503)
        #expect(error.rpcStatus == 14)
        error.localReply = LocalReply(status: 404)
        #expect(error.rpcStatus == 12)
    }

    @Test("of anything else are its own, cancelled or unknown")
    func others() {
        struct Strange: Error {}
        #expect(RPCError(mapping: RPCError(code: .notFound, message: "x")).code == .notFound)
        #expect(RPCError(mapping: CancellationError()).code == .cancelled)
        #expect(RPCError(mapping: Strange()).code == .unknown)
    }
}
