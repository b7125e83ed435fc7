// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser

/// One end of the gRPC interoperability checks; the other end shares no code with us.
@main
struct GRPCPeer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "grpc-peer",
        abstract: "Our gRPC client or server, told by lines of JSON what to do, for checks against other peers.",
        subcommands: [ClientCommand.self, ServerCommand.self, MessagesCommand.self]
    )
}
