// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import Foundation
import MeshCore
import MeshHTTP
import ServiceMesh

/// Our client: makes the requests that come as lines of JSON (`ClientJob`) and prints a line for each.
struct ClientCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "client",
        abstract: "Makes the requests that lines of JSON on standard input describe, and prints what came of each."
    )

    @OptionGroup var options: ClientOptions

    func run() async throws {
        let peer = try PeerClient(options)
        let runner = JobRunner(peer)
        let decoder = JSONDecoder()
        LineOutput.write(["event": "ready"])
        try await withThrowingTaskGroup(of: Void.self) { group in
            for await line in LineInput.lines() {
                let job = try decoder.decode(ClientJob.self, from: Data(line.utf8))
                switch job.order {
                case nil: group.addTask { await runner.run(job) }
                case .figures: LineOutput.write(Answer(id: job.id, figures: peer.figures))
                case .closeIdle:
                    peer.transport.closeIdleConnections()
                    LineOutput.write(Answer(id: job.id))
                case .move:
                    let clusters = try options.parsedClusters().map { cluster in
                        guard let moved = job.addresses?[cluster.name] else { return cluster }
                        return (cluster.name, try moved.map { try ClientOptions.address($0) })
                    }
                    try peer.mesh.apply(try options.resources(clusters))
                    LineOutput.write(Answer(id: job.id))
                }
            }
            try await group.waitForAll()
        }
        await peer.transport.shutdown()
        LineOutput.write(Answer(id: "end", figures: peer.figures))
    }

    /// What an order is answered with.
    private struct Answer: Encodable {
        var id: String?
        var figures: ClientFigures?
    }
}
