// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshBalancing
import MeshConfig
import MeshCore
import MeshXDS
import ServiceMesh

/// What a control plane says, for as long as orders come, a line each; each is answered before the next one is read.
/// `grpc_sides.py` is the other end.
struct FollowedTable {
    static let usage = "       route-peer --follow BOOTSTRAP --rules grpc|envoy < ORDERS > ENDPOINTS"

    private let mesh: Mesh

    /// - Parameter arguments: Those behind `--follow`.
    init(_ arguments: ArraySlice<String>) throws {
        let words = Array(arguments)
        guard words.count == 3, words[1] == "--rules", let rules = XDSRules(rawValue: words[2]) else {
            throw ConfigurationError(path: "--follow", "takes a bootstrap file and --rules grpc or --rules envoy")
        }
        mesh = try Mesh(
            MeshConfiguration(
                outboundTrafficPolicy: .registryOnly,
                catchAllListener: "table",
                retryBudget: nil
            ),
            sources: [XDSConfigSource(bootstrap: try Bootstrap(path: words[0]), rules: rules)]
        )
    }

    /// Answers orders until the input is closed.
    func answer() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await mesh.run() }
            group.addTask {
                try await mesh.ready(timeout: .seconds(30))
                let table = CountedTable(mesh)
                for await line in Self.lines() {
                    // At once: whoever asked waits for it.
                    FileHandle.standardOutput.write(Data((try await table.endpoints(of: line) + "\n").utf8))
                }
            }
            // The one that ends by itself is the input; whatever else ends is a failure.
            try await group.next()
            group.cancelAll()
        }
    }

    /// The lines of standard input, which a thread of its own reads, because reading blocks.
    private static func lines() -> AsyncStream<String> {
        let (stream, continuation) = AsyncStream.makeStream(of: String.self)
        Thread.detachNewThread {
            while let line = readLine() { continuation.yield(line) }
            continuation.finish()
        }
        return stream
    }
}
