// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import Foundation

/// The server that every client is measured against, in a process of its own.
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serves until its standard input ends.",
        shouldDisplay: false
    )

    /// The folder for an authority that this makes; without it there is no TLS.
    @Option var certificates: String?

    func run() throws {
        let server = try BenchmarkServer(authority: certificates.map { try BenchmarkAuthority.make(in: $0) })
        print(try server.ports.json())
        fflush(nil)
        // The end of the input is the end of whoever started this process, however that ended.
        while let byte = try FileHandle.standardInput.read(upToCount: 1), !byte.isEmpty {}
        try server.stop()
    }
}
