// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser

/// One end of the HTTP interoperability checks; the other end shares no code with us.
///
/// It speaks lines of JSON, so that a script decides what is done and judges what came of it.
@main
struct HTTPPeer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "http-peer",
        abstract: "Our HTTP client or server, told by lines of JSON what to do, for checks against other peers.",
        subcommands: [
            ClientCommand.self, ServerCommand.self, ChaosCommand.self, RollingCommand.self, RotationsCommand.self,
            SoakCommand.self, FlipsCommand.self, AuthorizationCommand.self, IdentityServerCommand.self,
            IdentityClientCommand.self, SecretsCommand.self, WorkloadAPICommand.self, GuardedCommand.self,
        ]
    )
}
