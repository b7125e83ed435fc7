// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import Foundation
import HTTPTypes
import MeshConfig
import MeshCore
import MeshHTTP
import MeshXDS
import NIOCore
import ServiceMesh

/// Our client, told by another process what to do: `first PATH` asks until it gets an answer, `watch PATH COUNT` asks
/// on until the answer has changed so often.
struct FollowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "follow",
        abstract: "Follows a control plane, as the other end of a measurement."
    )

    @Option(help: "Where the control plane listens on this machine.")
    var port: UInt16
    @Option(help: "The node's cluster.")
    var group: String
    @Flag(help: "Speak the incremental form of the protocol.")
    var incremental = false

    func run() async throws {
        let (commands, sink) = AsyncStream.makeStream(of: String.self)
        // A thread of its own: what waits for a pipe must not wait in place of the mesh.
        Thread.detachNewThread {
            while let line = readLine() { sink.yield(line) }
            sink.finish()
        }
        let began = SystemClock().now
        let bootstrap = Bootstrap(
            server: EndpointAddress(host: "127.0.0.1", port: port),
            node: .init(id: group, cluster: group)
        )
        let source = XDSConfigSource(bootstrap: bootstrap, protocol: incremental ? .delta : .stateOfTheWorld)
        let mesh = try Mesh(sources: [source])
        try await withHTTPTransport(HTTPTransport.Configuration()) { transport in
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await mesh.run() }
                let client = MeshHTTPClient(mesh: mesh, transport: transport)
                for await command in commands {
                    let words = command.split(separator: " ")
                    guard words.count > 1 else { throw BenchmarkError("no command: \(command)") }
                    let url = "http://\(World.authority)\(words[1])"
                    if words[0] == "first" {
                        try await first(client, url, began)
                    } else {
                        try await watch(client, url, changes: words.last.flatMap { Int($0) } ?? 1)
                    }
                }
                tasks.cancelAll()
                while let ended = await tasks.nextResult() { _ = ended }
            }
        }
    }

    private func first(_ client: MeshHTTPClient, _ url: String, _ began: MeshInstant) async throws {
        // Before there is a configuration requests fail at once.
        while await answer(client, url) == nil {
            try await SystemClock().sleep(until: SystemClock().now.advanced(by: .milliseconds(1)))
        }
        try say(#"{"began":\#(began.nanoseconds),"first":\#(SystemClock().now.nanoseconds)}"#)
    }

    private func watch(_ client: MeshHTTPClient, _ url: String, changes: Int) async throws {
        var (last, left, failures) = ("", changes, 0)
        while left > 0 {
            guard let answer = await answer(client, url) else {
                failures += 1
                continue
            }
            guard answer != last else { continue }
            // The first one is what there was.
            if !last.isEmpty { left -= 1 }
            last = answer
            let now = SystemClock().now.nanoseconds
            try say(#"{"answer":"\#(answer)","at":\#(now),"failures":\#(failures)}"#)
        }
    }

    private func answer(_ client: MeshHTTPClient, _ url: String) async -> String? {
        guard let (response, body) = try? await client.get(url), response.status == 200 else { return nil }
        return String(buffer: body)
    }

    private func say(_ line: String) throws {
        try FileHandle.standardOutput.write(contentsOf: Data((line + "\n").utf8))
    }
}
