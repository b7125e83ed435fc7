// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import Foundation
import Logging
import MeshControlPlane
import MeshCore

/// One control plane over a folder of manifests.
struct ControlPlaneCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "control-plane",
        abstract: "Runs a control plane over a folder of manifests."
    )

    @Option(help: "The folder of manifests.")
    var manifests: String

    @Option(help: "The port for xDS and certificates; 0 lets the system choose.")
    var xdsPort: UInt16 = 0

    @Option(help: "The port for registrations and status; 0 lets the system choose.")
    var registryPort: UInt16 = 0

    @Option(help: "A JSON file of tokens: [{\"token\":…,\"namespace\":…,\"serviceAccounts\":[…]}].")
    var tokens: String

    @Option(help: "Where the authority's key is kept; by default a folder beside the manifests.")
    var state: String?

    @Option(help: "For how many seconds a registration holds without renewal.")
    var lease = 15

    @Flag(help: "Stop when standard input ends, as a supervised process does.")
    var supervised = false

    func run() async throws {
        let controlPlane = try ControlPlane(configuration: configuration(), logger: Logger(label: "control-plane"))
        try await runSupervised(supervised) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await controlPlane.run() }
                let addresses = try await controlPlane.waitUntilReady()
                try printJSON(["xds": "\(addresses.xds)", "registry": "\(addresses.registry)", "pid": "\(processID)"])
                try await group.next()
                group.cancelAll()
            }
        }
    }

    private func configuration() throws -> ControlPlaneConfiguration {
        let entries = try JSONDecoder().decode([TokenEntry].self, from: Data(contentsOf: URL(filePath: tokens)))
        return ControlPlaneConfiguration(
            manifestFolder: manifests,
            stateDirectory: state ?? manifests + ".state",
            tokens: entries.map {
                RegistrationToken(secret: $0.token, namespace: $0.namespace, serviceAccounts: Set($0.serviceAccounts))
            },
            xdsAddress: EndpointAddress(host: "127.0.0.1", port: xdsPort),
            registryAddress: EndpointAddress(host: "127.0.0.1", port: registryPort),
            leaseDuration: .seconds(UInt64(max(lease, 1))),
            folderPollInterval: .milliseconds(200)
        )
    }
}

/// A token, as the file of tokens holds it.
struct TokenEntry: Codable {
    var token: String
    var namespace: String
    var serviceAccounts: [String]
}
