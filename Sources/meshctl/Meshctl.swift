// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser

/// The command line of the mesh.
@main
struct Meshctl: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "meshctl",
        abstract: "Looks at a mesh's configuration, and at who has it.",
        subcommands: [RoutesCommand.self, ExplainCommand.self, StatusCommand.self]
    )
}
