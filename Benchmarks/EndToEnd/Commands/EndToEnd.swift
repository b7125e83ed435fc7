// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser

/// The program: what a user starts, and what it starts itself as for a server and for each client.
struct EndToEnd: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "benchmarks-e2e",
        abstract: "Compares HTTP clients over loopback: bare, on the mesh, and through sidecars.",
        subcommands: [
            RunCommand.self, ServeCommand.self, LoadCommand.self, HandshakesCommand.self, TokensCommand.self,
            CallsCommand.self, CallServeCommand.self, CallLoadCommand.self,
        ],
        defaultSubcommand: RunCommand.self
    )
}
