// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser

/// What it takes an xDS client to start, to follow a push and to keep many clusters, beside gRPC's under the same
/// control plane: goals X1 to X4.
@main
struct XDSBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "benchmarks-xds",
        abstract: "Measures our xDS client, and gRPC's beside it, under our control plane over loopback.",
        subcommands: [RunCommand.self, FollowCommand.self],
        defaultSubcommand: RunCommand.self
    )
}
