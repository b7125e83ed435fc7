// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import Foundation
import MeshCore
import MeshHTTP
import ServiceMesh

/// Our server: answers what `PeerApplication` says, through the mesh's inbound stack, until its input is closed.
struct ServerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "server",
        abstract: "Serves HTTP/1.1 and HTTP/2 until standard input is closed; lines of JSON on it are orders."
    )

    @OptionGroup var options: ServerOptions

    @Flag(help: "Serves by Hummingbird with the mesh's middleware instead.")
    var hummingbird = false

    func run() async throws {
        let mesh = try Mesh()
        if hummingbird {
            try await HummingbirdPeer(options).run(mesh)
            return
        }
        let configuration = try options.configuration()
        let stack = InboundStack(mesh: mesh, address: configuration.address)
        let server = MeshHTTPServer(configuration, stack: stack) { try await PeerApplication.answer($0) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await server.run { LineOutput.write(["address": $0.description, "build": Self.build]) }
            }
            for await line in LineInput.lines() {
                let order = try JSONDecoder().decode(Order.self, from: Data(line.utf8))
                switch order.order {
                case .figures: LineOutput.write(figures(of: server, order.id))
                case .drain: server.drain.beginDraining()
                case .stop: server.drain.beginStopping()
                }
            }
            server.drain.beginStopping()
            try await group.waitForAll()
        }
        LineOutput.write(figures(of: server, "end"))
    }

    /// How this was built: without optimization, a request takes many times as long.
    private static var build: String {
        #if DEBUG
        "debug"
        #else
        "release"
        #endif
    }

    private func figures(of server: MeshHTTPServer, _ id: String?) -> Figures {
        Figures(id: id, connections: server.openConnections, requests: server.drain.requestsUnderWay)
    }

    private struct Order: Decodable {
        var id: String?
        var order: Kind

        enum Kind: String, Decodable {
            /// Print what is there at the moment.
            case figures
            /// Say that the server goes away, and serve on.
            case drain
            /// Finish what is under way, and end.
            case stop
        }
    }

    private struct Figures: Encodable {
        var id: String?
        var connections: Int
        var requests: Int
        var process = ProcessFigures.current()
    }
}
