// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import GRPCNIOTransportHTTP2
import HTTPTypes
import MeshConfig
import MeshCore
import MeshGRPC
import MeshHTTP
import MeshSecurity
import MeshTesting
import NIOCore
import ServiceMesh
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(5))) struct ServerTransportIntegrationTests {
    @Test(arguments: MethodDescriptor.RPCType.allCases)
    func `messages, metadata and trailers go both ways, in order`(type: MethodDescriptor.RPCType) async throws {
        let sent = type.isRequestStreaming ? (0..<50).map { "\($0)" } : ["0"]
        // A method with one answer gets one.
        let single = EchoService { request, _ in
            let seen = request.metadata[stringValues: "x-asked"].joined(separator: ",")
            var texts: [String] = []
            for try await text in request.messages { texts.append(text) }
            let whole = texts.joined(separator: " ")
            return StreamingServerResponse(metadata: ["x-seen": .string(seen)]) { writer in
                try await writer.write(whole)
                return ["x-end": "done"]
            }
        }
        try await withRPCServer([type.isResponseStreaming ? .echo : single]) { _, address in
            try await withPlainRPCClient(to: address) { client in
                let request = StreamingClientRequest<String>(metadata: ["x-asked": "yes"]) { writer in
                    for text in sent { try await writer.write(text) }
                }
                let (metadata, texts, trailers) = try await client.bidirectionalStreaming(
                    request: request,
                    descriptor: EchoService.method(type),
                    serializer: TextCoder(),
                    deserializer: TextCoder(),
                    options: .defaults
                ) { response in
                    var texts: [String] = []
                    var trailers = Metadata()
                    for try await part in try response.accepted.get().bodyParts {
                        switch part {
                        case .message(let text): texts.append(text)
                        case .trailingMetadata(let metadata): trailers = metadata
                        }
                    }
                    return (response.metadata, texts, trailers)
                }
                #expect(Array(metadata[stringValues: "x-seen"]) == ["yes"])
                #expect(Array(trailers[stringValues: "x-end"]) == ["done"])
                #expect(texts == (type.isResponseStreaming ? sent.map { $0 + "!" } : [sent.joined(separator: " ")]))
            }
        }
    }

    @Test func `a handler's error is its caller's, message and metadata included, in a head alone`() async throws {
        let failing = EchoService { _, _ in
            throw RPCError(code: .failedPrecondition, message: "100 % wrong ✗", metadata: ["x-why": "because"])
        }
        try await withRPCServer([failing]) { _, address in
            let answer = try await RawCall(body: RawCall.message("a")).send(to: address)
            #expect(answer.isTrailersOnly)
            #expect(answer.rpcStatus == "9")
            #expect(answer.rpcMessage == "100 %25 wrong %E2%9C%97")
            #expect(HTTPField.Name("x-why").flatMap { answer.head[$0] } == "because")
        }
    }

    @Test func `a method that nobody serves is unimplemented`() async throws {
        try await withRPCServer([EchoService.echo]) { _, address in
            for path in ["/test.Echo/Other", "/other/Unary", "/", "/a"] {
                let answer = try await RawCall(path: path).send(to: address)
                #expect(answer.rpcStatus == "12", "\(path)")
            }
        }
    }

    @Test func `what is no RPC is refused by HTTP's own statuses`() async throws {
        try await withRPCServer([EchoService.echo]) { _, address in
            let text = try await RawCall(fields: [.contentType: "text/plain"]).send(to: address)
            #expect(text.status == 415)
            let other = try await RawCall(fields: [.contentType: "application/grpc-web"]).send(to: address)
            #expect(other.status == 415)
            let get = try await RawCall(method: .get).send(to: address)
            #expect(get.status == 405)
            let old = try await RawCall(options: ConnectionOptions(httpVersion: .http1)).send(to: address)
            #expect(old.status == 505)
        }
    }

    @Test func `a message beyond the limit ends its call with RESOURCE_EXHAUSTED, either way`() async throws {
        let configuration = MeshServerTransport.Configuration(
            maximumRequestMessageBytes: 4,
            maximumResponseMessageBytes: 5
        )
        try await withRPCServer([EchoService.echo], configuration) { _, address in
            let large = try await RawCall(body: RawCall.message("12345")).send(to: address)
            #expect(large.rpcStatus == "8")
            let just = try await RawCall(body: RawCall.message("1234")).send(to: address)
            #expect(just.rpcStatus == "0")
        }
        let talkative = EchoService { _, _ in
            StreamingServerResponse { writer in
                try await writer.write("123456")
                return [:]
            }
        }
        try await withRPCServer([talkative], configuration) { _, address in
            let answer = try await RawCall(body: RawCall.message("1")).send(to: address)
            #expect(answer.rpcStatus == "8")
        }
    }

    @Test func `messages that are compressed without a word, or cut off, are errors`() async throws {
        try await withRPCServer([EchoService.echo]) { _, address in
            let plain = try await RawCall(body: RawCall.message("a")).send(to: address)
            #expect(plain.head[.grpcAcceptEncoding] == "identity,deflate,gzip")
            let flagged = try await RawCall(body: RawCall.message("a", flag: 1)).send(to: address)
            #expect(flagged.rpcStatus == "13")
            let cut = try await RawCall(body: Array(RawCall.message("abc").dropLast())).send(to: address)
            #expect(cut.rpcStatus == "13")
        }
    }

    @Test func `metadata beyond the hard limit is RESOURCE_EXHAUSTED`() async throws {
        try await withRPCServer([EchoService.echo]) { _, address in
            var call = RawCall(body: RawCall.message("a"))
            call.fields[try #require(HTTPField.Name("x-much"))] = String(repeating: "x", count: 17 * 1024)
            let answer = try await call.send(to: address)
            #expect(answer.rpcStatus == "8")
        }
    }

    @Test(arguments: [false, true])
    func `a deadline ends a call whose handler does not heed it, with DEADLINE_EXCEEDED`(
        isBegun: Bool
    ) async throws {
        let (release, gate) = AsyncStream<Void>.makeStream()
        let stubborn = EchoService { _, context in
            if isBegun {
                return StreamingServerResponse { writer in
                    try await writer.write("begun")
                    await Self.untilFinished(release)
                    return [:]
                }
            }
            await Self.untilFinished(release)
            return StreamingServerResponse { _ in [:] }
        }
        try await withRPCServer([stubborn]) { _, address in
            defer { gate.finish() }
            var call = RawCall(path: "/test.Echo/ServerStreaming", body: RawCall.message("a"))
            call.fields[.grpcTimeout] = "50m"
            let answer = try await call.send(to: address)
            #expect(answer.rpcStatus == "4")
            #expect(answer.isTrailersOnly != isBegun)
            if isBegun { #expect(answer.body == RawCall.message("begun")) }
        }
    }

    /// Waits whatever becomes of the task.
    private static func untilFinished(_ stream: AsyncStream<Void>) async {
        await withUnsafeContinuation { continuation in
            // The test ends it: it holds the other end of the stream.
            Task.detached {
                for await _ in stream {}
                continuation.resume()
            }
        }
    }

    @Test func `a caller that leaves cancels the handler's task and its context`() async throws {
        let (events, sink) = AsyncStream<String>.makeStream()
        let waiting = EchoService { _, context in
            StreamingServerResponse { writer in
                try await writer.write("begun")
                sink.yield("begun")
                try? await context.cancellation.cancelled
                sink.yield("context")
                while !Task.isCancelled { await Task.yield() }
                sink.yield("task")
                return [:]
            }
        }
        try await withRPCServer([waiting]) { _, address in
            try await withPlainRPCClient(to: address) { client in
                await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        try await client.serverStreaming(
                            request: ClientRequest(message: "a"),
                            descriptor: EchoService.method(.serverStreaming),
                            serializer: TextCoder(),
                            deserializer: TextCoder(),
                            options: .defaults
                        ) { for try await _ in $0.messages {} }
                    }
                    var heard = events.makeAsyncIterator()
                    #expect(await heard.next() == "begun")
                    group.cancelAll()
                    #expect(await heard.next() == "context")
                    #expect(await heard.next() == "task")
                    _ = await group.nextResult()
                }
            }
        }
    }

    @Test func `a graceful shutdown lets calls finish`() async throws {
        let (begun, sink) = AsyncStream<Void>.makeStream()
        let slow = EchoService { request, _ in
            StreamingServerResponse { writer in
                sink.yield()
                for try await text in request.messages { try await writer.write(text) }
                return [:]
            }
        }
        try await withRPCServer([slow]) { transport, address in
            try await withPlainRPCClient(to: address) { client in
                let (texts, more) = AsyncStream<String>.makeStream()
                async let received = client.bidirectionalStreaming(
                    request: StreamingClientRequest<String> { writer in
                        for await text in texts { try await writer.write(text) }
                    },
                    descriptor: EchoService.method(.bidirectionalStreaming),
                    serializer: TextCoder(),
                    deserializer: TextCoder(),
                    options: .defaults
                ) { response in
                    var received: [String] = []
                    for try await text in response.messages { received.append(text) }
                    return received
                }
                more.yield("before")
                var starts = begun.makeAsyncIterator()
                await starts.next()
                transport.beginGracefulShutdown()
                more.yield("after")
                more.finish()
                let all = try await received
                #expect(all == ["before", "after"])
            }
        }
    }

    @Test func `a stream of many messages loses and reorders none`() async throws {
        let count = 20_000
        try await withRPCServer([EchoService.echo]) { _, address in
            try await withPlainRPCClient(to: address) { client in
                let received = try await client.bidirectionalStreaming(
                    request: StreamingClientRequest<String> { writer in
                        for number in 0..<count { try await writer.write("\(number)") }
                    },
                    descriptor: EchoService.method(.bidirectionalStreaming),
                    serializer: TextCoder(),
                    deserializer: TextCoder(),
                    options: .defaults
                ) { response in
                    var next = 0
                    for try await text in response.messages {
                        guard text == "\(next)!" else { return -1 }
                        next += 1
                    }
                    return next
                }
                #expect(received == count)
            }
        }
    }

    @Test func `the context tells both ends of the connection`() async throws {
        let told = EchoService { _, context in
            let method = context.descriptor.method
            let texts = [context.remotePeer, context.localPeer, context.mesh?.authority ?? "", method]
            return StreamingServerResponse { writer in
                try await writer.write(texts.joined(separator: " "))
                return [:]
            }
        }
        try await withRPCServer([told]) { _, address in
            let answer = try await RawCall(body: RawCall.message("a")).send(to: address)
            let text = String(decoding: answer.body.dropFirst(5), as: UTF8.self)
            let parts = text.split(separator: " ")
            #expect(parts.first?.hasPrefix("ipv4:127.0.0.1:") == true)
            #expect(parts.dropFirst() == ["ipv4:\(address)", "echo.test", "Unary"])
        }
    }
}
