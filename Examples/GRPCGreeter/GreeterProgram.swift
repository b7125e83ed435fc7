// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser

/// A greeter on the mesh: a client by `xds:///greeter`, servers of two versions, and a control plane.
@main
struct GreeterProgram: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "greeter",
        abstract: "gRPC on the mesh: a client by xds:///greeter, servers of two versions, and a control plane.",
        subcommands: [DemoCommand.self, ControlPlaneCommand.self, ServerCommand.self, ClientCommand.self],
        defaultSubcommand: DemoCommand.self
    )
}
