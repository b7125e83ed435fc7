// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import Foundation
import MeshCore

/// One process of one service.
struct ServiceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "service",
        abstract: "Runs one instance of a Bookinfo service."
    )

    @Argument(help: "productpage, details, reviews or ratings.")
    var name: String

    @Option(help: "The version label.")
    var version = "v1"

    @Option(help: "The instance's name.")
    var instance: String

    @Option(help: "The service account.")
    var serviceAccount: String

    @Option(help: "The port to serve on.")
    var port: UInt16

    @Option(help: "The control plane's xDS address.")
    var xds: String

    @Option(help: "The control plane's registry address.")
    var registry: String

    @Option(help: "The file that holds the token of the service account.")
    var tokenFile: String

    @Option(help: "The file to export spans to.")
    var spans: String

    @Option(help: "A file that says how many milliseconds the instance takes for each answer, while there is one.")
    var slownessFile: String?

    @Flag(help: "Serve plaintext, for callers from outside the mesh.")
    var plaintext = false

    func run() async throws {
        guard let xds = EndpointAddress(authority: xds), let registry = EndpointAddress(authority: registry) else {
            throw ValidationError("--xds and --registry take HOST:PORT")
        }
        guard let kind = BookinfoService(rawValue: name) else { throw ValidationError("there is no service \(name)") }
        let token = try String(contentsOfFile: tokenFile, encoding: .utf8)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        let process = ServiceProcess(
            kind: kind,
            version: version,
            instance: instance,
            serviceAccount: serviceAccount,
            address: EndpointAddress(host: "127.0.0.1", port: port),
            xds: xds,
            registry: registry,
            token: token,
            spans: spans,
            slowness: Slowness(path: slownessFile),
            isPlaintext: plaintext
        )
        // SIGTERM is the service's own matter: it drains. When its supervisor is gone, it ends at once.
        try await whileSupervised { try await process.run() }
    }
}
