// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import Foundation
import MeshCore

/// Starts everything, plays the scenes, stops everything.
struct PlayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "play",
        abstract: "Starts all processes, plays the scenes and prints a table of what was seen."
    )

    @Option(help: "Write the results as JSON to this file, too.")
    var report: String?

    @Flag(
        help: """
            Leave everything running without load, print addresses and process ids as JSON, and wait for Ctrl-C; a \
            process that is killed is started again after \(Cluster.restartDelay) s.
            """
    )
    var serve = false

    @Option(help: "Play only the scenes with these numbers, such as 1,4.")
    var scenes: String?

    @Option(help: "Requests a scene, where the scene does not need fewer.")
    var requests = 2000

    @Option(
        help: """
            HOST:PORT of a service of envoy.service.ratelimit.v3 that lets \(GlobalLimit.perUser) requests an hour through for \
            each end-user of the domain \(GlobalLimit.domain); without it scene 15 is left out.
            """
    )
    var rateLimitService: String?

    @Option(help: "Where to keep logs, spans and manifests; by default a new temporary folder.")
    var directory: String?

    func validate() throws {
        guard requests >= 100 else { throw ValidationError("--requests must be at least 100") }
        if let rateLimitService, EndpointAddress(authority: rateLimitService) == nil {
            throw ValidationError("--rate-limit-service takes HOST:PORT")
        }
    }

    func run() async throws {
        let wanted = scenes.map { Set($0.split(separator: ",").compactMap { Int($0) }) }
        let limits = rateLimitService.flatMap { EndpointAddress(authority: $0) }
        let folder = try RunFolder(path: directory)
        let cluster = try Cluster(folder: folder)
        let outcome = try await withInterruption {
            try await cluster.run { cluster in
                if serve {
                    try cluster.printDescription()
                    try await cluster.supervise { message in
                        FileHandle.standardError.write(Data((message + "\n").utf8))
                    }
                    return [SceneResult]()
                }
                print("Bookinfo is up. Logs and spans are in \(folder.path).")
                let playbook = Playbook(cluster: cluster, requests: requests, rateLimitService: limits)
                return try await playbook.play(only: wanted)
            }
        }
        guard let results = outcome else { return }
        if !results.isEmpty { print(SceneTable(results).text) }
        if let report { try SceneReport(results).write(to: report) }
        if results.contains(where: { !$0.passed }) || (results.isEmpty && !serve) { throw ExitCode.failure }
    }
}
