// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser

/// Bookinfo on the mesh: four services and a control plane as processes of their own, and scenes played on them.
@main
struct Bookinfo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bookinfo",
        abstract: "Runs Bookinfo on the mesh and plays scenes on it while real traffic flows.",
        subcommands: [
            PlayCommand.self, ServiceCommand.self, ControlPlaneCommand.self, SnapshotCommand.self, ProbeCommand.self,
        ],
        defaultSubcommand: PlayCommand.self
    )
}
