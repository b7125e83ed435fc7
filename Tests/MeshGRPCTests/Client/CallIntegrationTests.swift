// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import MeshCore
import MeshGRPC
import NIOCore
import Testing

@Suite("Calls to grpc-swift's own server", .timeLimit(.minutes(5)))
struct CallIntegrationTests {
    @Test("of one message each way, of any size", arguments: [0, 1, 100, 20_000, 200_000, 3 << 20])
    func unary(size: Int) async throws {
        try await GRPCLoopbackService.serving { address in
            try await withClient(.to([address])) { client in
                let message = [UInt8](repeating: 7, count: size)
                let answer = try await client.echo(message)
                #expect(answer == message)
            }
        }
    }

    @Test("of several messages one way")
    func oneWay() async throws {
        try await GRPCLoopbackService.serving { request, _ in
            if request.metadata[stringValues: "expand"].contains("1") {
                return StreamingServerResponse { writer in
                    for number in 0..<100 { try await writer.write([UInt8(number)]) }
                    return [:]
                }
            }
            return StreamingServerResponse { writer in
                var sum = 0
                for try await message in request.messages { sum += message.count }
                try await writer.write([UInt8(truncatingIfNeeded: sum)])
                return [:]
            }
        } while: { address in
            try await withClient(.to([address])) { client in
                let sum = try await client.clientStreaming(
                    request: StreamingClientRequest { writer in
                        for _ in 0..<50 { try await writer.write([1, 2]) }
                    },
                    descriptor: EchoMethod.collect,
                    serializer: RawSerializer(),
                    deserializer: RawSerializer(),
                    options: .defaults
                ) { try $0.message }
                #expect(sum == [100])
                let received = try await client.serverStreaming(
                    request: ClientRequest(message: [UInt8](), metadata: ["expand": "1"]),
                    descriptor: EchoMethod.expand,
                    serializer: RawSerializer(),
                    deserializer: RawSerializer(),
                    options: .defaults
                ) { response in
                    var received: [UInt8] = []
                    for try await message in response.messages { received += message }
                    return received
                }
                #expect(received == (0..<100).map { UInt8($0) })
            }
        }
    }

    @Test("that take turns, each message an answer to the one before")
    func turns() async throws {
        try await GRPCLoopbackService.serving { address in
            try await withClient(.to([address])) { client in
                let (turns, turn) = AsyncStream.makeStream(of: UInt8.self)
                turn.yield(0)
                let received = try await client.chat { writer in
                    for await number in turns { try await writer.write([number]) }
                } reading: { response in
                    var received: [UInt8] = []
                    for try await message in response.messages {
                        received += message
                        if message[0] == 99 { turn.finish() } else { turn.yield(message[0] + 1) }
                    }
                    return received
                }
                #expect(received == (0..<100).map { UInt8($0) })
            }
        }
    }

    @Test("of very many messages lose, double and reorder none")
    func many() async throws {
        let count = 100_000
        try await GRPCLoopbackService.serving { address in
            try await withClient(.to([address])) { client in
                let received = try await client.chat { writer in
                    for number in 0..<count {
                        try await writer.write((0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) })
                    }
                } reading: { response in
                    var next = 0
                    for try await message in response.messages {
                        let number = message.enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
                        guard number == next else { return -1 }
                        next += 1
                    }
                    return next
                }
                #expect(received == count)
            }
        }
    }

    @Test("whose peer reads no more make their writer wait")
    func pressure() async throws {
        let (ended, end) = AsyncStream.makeStream(of: Never.self)
        try await GRPCLoopbackService.serving { request, _ in
            StreamingServerResponse { writer in
                var count = 0
                for try await _ in request.messages {
                    count += 1
                    if count == 200 { break }
                }
                try await writer.write([1])
                for await _ in ended {}
                return [:]
            }
        } while: { address in
            try await withClient(.to([address])) { client in
                let written = Notes<Int>()
                let chunk = [UInt8](repeating: 0, count: 1 << 16)
                try await client.chat { writer in
                    for number in 0..<10_000 {
                        try await writer.write(chunk)
                        written.append(number)
                    }
                } reading: { response in
                    for try await _ in response.messages { end.finish() }
                }
                // Windows and buffers on both sides take some MiB more than the peer has read. A writer that does not
                // wait is through with all of them before the peer has read a few.
                #expect(written.all.count < 600)
            }
        }
    }

    @Test("carry metadata, text and binary, in head and trailers")
    func metadata() async throws {
        try await GRPCLoopbackService.serving { address in
            try await withClient(.to([address])) { client in
                var metadata: Metadata = ["echo": "x y"]
                metadata.addBinary([0, 255], forKey: "some-bin")
                let (head, trailers) = try await client.unary(
                    request: ClientRequest(message: [UInt8](), metadata: metadata),
                    descriptor: EchoMethod.unary,
                    serializer: RawSerializer(),
                    deserializer: RawSerializer(),
                    options: .defaults
                ) { ($0.metadata, $0.trailingMetadata) }
                #expect(Array(head[stringValues: "echo"]) == ["x y"])
                #expect(Array(trailers[stringValues: "echo"]) == ["x y"])
            }
        }
    }

    @Test(
        "fail with what the server says",
        arguments: [
            RPCError.Code.notFound, .permissionDenied, .unavailable, .dataLoss,
        ]
    )
    func statuses(code: RPCError.Code) async throws {
        try await GRPCLoopbackService.serving { _, _ in
            throw RPCError(code: code, message: "why: ünicode", metadata: ["reason": "test"])
        } while: { address in
            try await withClient(.to([address])) { client in
                let error = await client.failure()
                #expect(error?.code == code)
                #expect(error?.message == "why: ünicode")
                #expect(error.map { Array($0.metadata[stringValues: "reason"]) } == ["test"])
            }
        }
    }

    @Test("to methods that nobody has are unimplemented")
    func unimplemented() async throws {
        try await GRPCLoopbackService.serving { address in
            try await withClient(.to([address])) { client in
                let error = await #expect(throws: RPCError.self) {
                    try await client.unary(
                        request: ClientRequest(message: [UInt8]()),
                        descriptor: MethodDescriptor(fullyQualifiedService: "mesh.Echo", method: "Nothing"),
                        serializer: RawSerializer(),
                        deserializer: RawSerializer(),
                        options: .defaults
                    ) { try $0.message }
                }
                #expect(error?.code == .unimplemented)
            }
        }
    }

    @Test("with messages that are too large fail, before they are sent or read")
    func sizes() async throws {
        try await GRPCLoopbackService.serving { address in
            try await withClient(.to([address])) { client in
                var options = CallOptions.defaults
                options.maxRequestMessageBytes = 10
                #expect(
                    await client.failure([UInt8](repeating: 0, count: 11), options: options)?.code == .resourceExhausted
                )
                options.maxRequestMessageBytes = nil
                options.maxResponseMessageBytes = 10
                #expect(
                    await client.failure([UInt8](repeating: 0, count: 11), options: options)?.code == .resourceExhausted
                )
                let answer = try await client.echo([UInt8](repeating: 0, count: 10), options: options)
                #expect(answer.count == 10)
            }
        }
    }

    @Test("whose producer fails are given up, on both sides")
    func producerFails() async throws {
        struct Strange: Error {}
        let (answered, isAnswered) = AsyncStream.makeStream(of: Void.self)
        let (cancelled, isCancelled) = AsyncStream.makeStream(of: Void.self)
        try await GRPCLoopbackService.serving { request, context in
            StreamingServerResponse { writer in
                defer { isCancelled.finish() }
                for try await message in request.messages { try await writer.write(message) }
                return [:]
            }
        } while: { address in
            try await withClient(.to([address])) { client in
                await #expect(throws: (any Error).self) {
                    try await client.chat { writer in
                        try await writer.write([1])
                        // A call that fails before it has begun is never sent at all.
                        for await _ in answered {}
                        throw Strange()
                    } reading: { response in
                        for try await _ in response.messages { isAnswered.finish() }
                    }
                }
                for await _ in cancelled {}
            }
        }
    }

    @Test("that are cancelled end on both sides")
    func cancelled() async throws {
        let (begun, begin) = AsyncStream.makeStream(of: Void.self)
        let (ended, end) = AsyncStream.makeStream(of: Void.self)
        try await GRPCLoopbackService.serving { request, _ in
            StreamingServerResponse { writer in
                defer { end.finish() }
                try await writer.write([1])
                for try await _ in request.messages {}
                return [:]
            }
        } while: { address in
            try await withClient(.to([address])) { client in
                await withTaskGroup(of: Void.self) { group in
                    group.addTask {
                        let (never, _) = AsyncStream.makeStream(of: Never.self)
                        _ = try? await client.chat { _ in
                            for await _ in never {}
                        } reading: { response in
                            for try await _ in response.messages { begin.finish() }
                        }
                    }
                    for await _ in begun {}
                    group.cancelAll()
                    for await _ in ended {}
                }
            }
        }
    }

    @Test("that their caller leaves early end on both sides, and the connection goes on")
    func left() async throws {
        let (ended, end) = AsyncStream.makeStream(of: Void.self)
        try await GRPCLoopbackService.serving { request, _ in
            guard request.metadata[stringValues: "long"].contains("1") else {
                return StreamingServerResponse { writer in
                    for try await message in request.messages { try await writer.write(message) }
                    return [:]
                }
            }
            return StreamingServerResponse { writer in
                defer { end.finish() }
                while true { try await writer.write([UInt8](repeating: 0, count: 1000)) }
            }
        } while: { address in
            try await withClient(.to([address])) { client in
                let first = try await client.chat(metadata: ["long": "1"]) { _ in
                } reading: { response in
                    for try await message in response.messages { return message.count }
                    return 0
                }
                #expect(first == 1000)
                for await _ in ended {}
                let answer = try await client.echo()
                #expect(answer == [1, 2, 3])
            }
        }
    }

    @Test("that take too long are given up, and the server is told how long it has")
    func deadline() async throws {
        let timeouts = Notes<String>()
        try await GRPCLoopbackService.serving { request, context in
            timeouts.append(request.metadata[stringValues: "grpc-timeout"].first { _ in true } ?? "none")
            guard request.metadata[stringValues: "slow"].contains("1") else {
                return StreamingServerResponse { writer in
                    try await writer.write([])
                    return [:]
                }
            }
            return StreamingServerResponse { _ in
                try await context.cancellation.cancelled
                return [:]
            }
        } while: { address in
            try await withClient(.to([address])) { client in
                // The connection is there when the time begins, which is long enough to reach the server on a busy machine.
                _ = try await client.echo([])
                var options = CallOptions.defaults
                options.timeout = .seconds(1)
                #expect(await client.failure(metadata: ["slow": "1"], options: options)?.code == .deadlineExceeded)
            }
        }
        #expect(timeouts.all.count == 2)
        #expect(timeouts.all.first == "none")
        #expect(timeouts.all.last != "none")
    }
}
