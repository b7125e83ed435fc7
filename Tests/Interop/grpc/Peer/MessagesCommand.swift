// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import Foundation
import GRPCCore
import MeshCore
import MeshGRPC
import MeshHTTP
import ServiceMesh

/// One call of very many messages both ways, between our client and our server: none is lost, doubled or reordered, and the
/// memory stays what it was.
struct MessagesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "messages",
        abstract: "Sends messages both ways in one call, and watches their order and the memory."
    )

    @Option(help: "How many messages are sent, and come back.")
    var messages = 1_000_000

    @Option(help: "How many KiB the resident memory may grow after the first tenth.")
    var growth = 4096

    /// What the client saw.
    private struct Outcome {
        var received = 0
        var misplaced = 0
        /// The resident memory after each tenth, in KiB.
        var resident: [Int] = []
    }

    func validate() throws {
        guard messages >= 10 else { throw ValidationError("at least ten messages") }
    }

    func run() async throws {
        let mesh = try Mesh()
        let address = EndpointAddress(host: "127.0.0.1", port: 0)
        let server = GRPCServer(
            transport: .mesh(InboundStack(mesh: mesh, address: address), .init(http: .grpc(address: address))),
            services: [EchoService()]
        )
        let began = SystemClock().now
        let outcome = try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.serve() }
            let port = try await server.transport.listeningAddress.port ?? 0
            let outcome = try await exchange(with: "static:///127.0.0.1:\(port)")
            server.beginGracefulShutdown()
            group.cancelAll()
            // What was cancelled ends by an error.
            while await group.nextResult() != nil {}
            return outcome
        }
        let seconds = SystemClock().now.elapsed(since: began).seconds
        print("\(messages) messages both ways in \(seconds.rounded()) s")
        var failures = 0
        func check(_ holds: Bool, _ what: String, _ found: String) {
            if !holds { failures += 1 }
            print("\(holds ? "ok    " : "FAILED") \(what): \(found)")
        }
        check(outcome.received == messages, "every message came back", "\(outcome.received)")
        check(outcome.misplaced == 0, "each in its place", "\(outcome.misplaced) are not")
        let later = outcome.resident.dropFirst()
        let grown = (later.max() ?? 0) - (outcome.resident.first ?? 0)
        check(grown <= growth, "the memory is flat", "grew by \(grown) KiB of at most \(growth): \(outcome.resident)")
        print("\(3 - failures) passed, \(failures) failed")
        if failures > 0 { throw ExitCode.failure }
    }

    private func exchange(with target: String) async throws -> Outcome {
        let count = messages
        return try await withGRPCClient(transport: try .mesh(target: target)) { client in
            try await client.bidirectionalStreaming(
                request: StreamingClientRequest { writer in
                    for number in 0..<count { try await writer.write("\(number)") }
                },
                descriptor: EchoService.method,
                serializer: TextCoder(),
                deserializer: TextCoder(),
                options: .defaults
            ) { response in
                var outcome = Outcome()
                for try await message in response.messages {
                    if message != "\(outcome.received)" { outcome.misplaced += 1 }
                    outcome.received += 1
                    if outcome.received.isMultiple(of: count / 10) { outcome.resident.append(Self.residentKiB()) }
                }
                return outcome
            }
        }
    }

    /// 0 where the system does not say it this way.
    private static func residentKiB() -> Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0
    }
}

/// Sends each message back as it comes.
private struct EchoService: RegistrableRPCService {
    static let method = MethodDescriptor(fullyQualifiedService: "mesh.Echo", method: "Chat")

    func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
        router.registerHandler(
            forMethod: Self.method,
            deserializer: TextCoder(),
            serializer: TextCoder()
        ) { request, _ in
            StreamingServerResponse { writer in
                for try await message in request.messages { try await writer.write(message) }
                return [:]
            }
        }
    }
}
