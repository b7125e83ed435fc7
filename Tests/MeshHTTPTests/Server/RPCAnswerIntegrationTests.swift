// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import MeshHTTP
import MeshTesting
import NIOCore
import NIOHTTP1
import ServiceMesh
import Testing

/// What callers of gRPC get from a server that knows nothing of it.
@Suite(.timeLimit(.minutes(5))) struct RPCAnswerIntegrationTests {
    private static let rpc: HTTPHeaders = ["content-type": "application/grpc", "te": "trailers"]

    @Test func `what the mesh answers in the handler's place is a status of gRPC's, and nothing else`() async throws {
        try await serving { _ in
            throw MeshError(
                .overflow,
                origin: .local,
                message: "too much",
                localReply: LocalReply(status: 503, body: "100 % full")
            )
        } while: { _, address in
            let (call, other) = try await HTTP2LoopbackClient.connecting(to: address) { client in
                let call = try await client.send("/a.B/C", .POST, headers: Self.rpc)
                return (call, try await client.send("/", .POST, headers: ["content-type": "application/grpc-web"]))
            }
            #expect(call.status == 200)
            #expect(call.headers.first(name: "grpc-status") == "14")
            #expect(call.headers.first(name: "grpc-message") == "100 %25 full")
            #expect(call.headers.first(name: "content-type") == "application/grpc")
            #expect(call.body.isEmpty && call.trailers == nil)
            // Others are answered as ever.
            #expect(other.status == 503 && other.body == "100 % full")
            #expect(other.headers.first(name: "grpc-status") == nil)
        }
    }

    @Test func `a handler that fails is UNKNOWN to them`() async throws {
        struct Failure: Error {}
        try await serving { _ in
            throw Failure()
        } while: { _, address in
            let call = try await HTTP2LoopbackClient.connecting(to: address) {
                try await $0.send("/a.B/C", .POST, headers: Self.rpc)
            }
            #expect(call.status == 200 && call.headers.first(name: "grpc-status") == "2")
        }
    }

    @Test func `over HTTP/1.1 the form is the same`() async throws {
        try await serving { _ in
            throw MeshError(.shed, origin: .local, message: "too much", localReply: LocalReply(status: 503))
        } while: { _, address in
            let answer = try await LoopbackClient.connecting(to: address) { connection in
                try await connection.write(
                    "POST / HTTP/1.1\r\nhost: h\r\ncontent-type: application/grpc\r\ncontent-length: 0\r\n\r\n"
                )
                return try await connection.readResponse()
            }
            #expect(answer?.head.hasPrefix("HTTP/1.1 200") == true)
            #expect(answer?.head.contains("grpc-status: 14") == true)
            #expect(answer?.body.isEmpty == true)
        }
    }

    /// The handlers wait on a clock that stands still.
    @Test(arguments: [false, true])
    func `a deadline that passes is DEADLINE_EXCEEDED, before the head and behind it`(isBegun: Bool) async throws {
        let stack = InboundStack(mesh: try Mesh(), address: EndpointAddress(host: "0.0.0.0", port: 9080))
        try await serving(stack: stack) { _ in
            guard isBegun else {
                try await ManualClock().sleep(until: MeshInstant(nanoseconds: .max))
                return InboundResponse()
            }
            return InboundResponse(
                body: .written { writer in
                    try await writer.write(ByteBuffer(string: "begun"))
                    try await ManualClock().sleep(until: MeshInstant(nanoseconds: .max))
                    return nil
                }
            )
        } while: { _, address in
            var headers = Self.rpc
            headers.add(name: "grpc-timeout", value: "50m")
            let call = try await HTTP2LoopbackClient.connecting(to: address) { [headers] in
                try await $0.send("/a.B/C", .POST, headers: headers)
            }
            let fields = isBegun ? call.trailers : call.headers
            #expect(fields?.first(name: "grpc-status") == "4")
            #expect(call.body == (isBegun ? "begun" : ""))
        }
    }
}
