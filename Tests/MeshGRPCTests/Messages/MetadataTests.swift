// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import HTTPTypes
import MeshCore
import Testing

@testable import MeshGRPC

@Suite("Metadata in fields", .timeLimit(.minutes(5)))
struct MetadataTests {
    private func fields(_ metadata: Metadata) throws -> [String] {
        var fields = HTTPFields()
        try fields.append(metadata)
        return fields.map { "\($0.name.canonicalName): \($0.value)" }
    }

    @Test("goes out in lower case, in order, binary values in base 64")
    func written() throws {
        var metadata: Metadata = ["X-User": "ann", "x-user": "bob"]
        metadata.addBinary([0, 1, 254], forKey: "trace-bin")
        metadata.addString("5", forKey: "grpc-previous-rpc-attempts")
        #expect(
            try fields(metadata) == [
                "x-user: ann", "x-user: bob", "trace-bin: AAH+", "grpc-previous-rpc-attempts: 5",
            ]
        )
    }

    @Test("leaves out what the protocol itself says")
    func reserved() throws {
        let metadata: Metadata = [
            "grpc-timeout": "1S", "content-type": "text/plain", "te": "gzip", "grpc-status": "0", "connection": "close",
            "host": "x", "kept": "1",
        ]
        #expect(try fields(metadata) == ["kept: 1"])
        var head = HTTPFields()
        head[.contentType] = "application/grpc"
        head[.grpcStatus] = "0"
        head[.grpcMessage] = "x"
        head[.grpcEncoding] = "identity"
        #expect(Metadata(head).isEmpty)
    }

    @Test("with names or values that HTTP does not carry is refused")
    func invalid() {
        for metadata in [["a b": "1"], ["": "1"], ["a": "ü"], ["a": "1\n2"]] as [Metadata] {
            let error = #expect(throws: RPCError.self) { try fields(metadata) }
            #expect(error?.code == .internalError)
        }
    }

    @Test("comes in with its binary values, padded or not, several in a field")
    func read() {
        var head = HTTPFields()
        for (name, value) in [
            ("x-user", "ann, bob"), ("a-bin", "AAH+"), ("b-bin", "AAE"), ("b-bin", "AAE=, AA=="), ("c-bin", "***"),
            ("d-bin", ""),
        ] {
            if let name = HTTPField.Name(name) { head.append(HTTPField(name: name, value: value)) }
        }
        let metadata = Metadata(head)
        #expect(Array(metadata[stringValues: "x-user"]) == ["ann, bob"])
        #expect(Array(metadata[binaryValues: "a-bin"]) == [[0, 1, 254]])
        #expect(Array(metadata[binaryValues: "b-bin"]) == [[0, 1], [0, 1], [0]])
        #expect(Array(metadata[stringValues: "c-bin"]) == ["***"])
        #expect(Array(metadata[binaryValues: "d-bin"]) == [[]])
    }

    @Test("is accepted up to the soft limit, never beyond the hard one, and by chance in between")
    func limits() throws {
        let limits = MetadataLimits()
        #expect(limits.accepts(8 << 10, random: 0))
        #expect(!limits.accepts((16 << 10) + 1, random: .max))
        let random = MeshRandom(seed: 1)
        let accepted = (0..<10_000).count { _ in limits.accepts(12 << 10, random: random.next()) }
        #expect((4500...5500).contains(accepted))
        let error = #expect(throws: RPCError.self) { try limits.check(1 << 20, random: 0) }
        #expect(error?.code == .resourceExhausted)
        #expect(MetadataLimits(soft: 10, hard: 5).hard == 10)
    }
}
