// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Hummingbird
import HummingbirdCore
import Logging
import MeshCore
import MeshIdentity
import NIOCore
import Synchronization

/// The registration API on a socket.
final class RegistryServer: Sendable {
    /// A connection that says nothing for this long is closed; clients renew more often than that.
    private static let idleTimeout = TimeAmount.seconds(120)

    private let configuration: ControlPlaneConfiguration
    private let api: ControlPlaneAPI
    private let logger: Logger
    private let isListening = ReadinessGate()
    private let bound = Mutex<EndpointAddress?>(nil)

    init(configuration: ControlPlaneConfiguration, api: ControlPlaneAPI, logger: Logger) {
        self.configuration = configuration
        self.api = api
        self.logger = logger
    }

    /// Serves until the task is cancelled.
    /// - Throws: `CancellationError` when it is; the system's error if the address cannot be bound.
    func run() async throws {
        let address = configuration.registryAddress
        let application = Application(
            router: api.router(),
            server: .http1(configuration: HTTP1Channel.Configuration(idleTimeout: Self.idleTimeout)),
            configuration: ApplicationConfiguration(
                address: .hostname(address.host, port: Int(address.port ?? 0)),
                availableConnectionsDelegate: MaximumAvailableConnections(configuration.limits.maximumConnections)
            ),
            onServerRunning: { channel in
                guard let local = channel.localAddress, let port = local.port else { return }
                self.bound.withLock { $0 = EndpointAddress(host: local.ipAddress ?? "", port: UInt16(clamping: port)) }
                self.isListening.open()
            },
            logger: logger
        )
        try await application.run()
        // It returns without an error when its task is cancelled.
        throw CancellationError()
    }

    /// Where it listens, once it does.
    /// - Throws: `CancellationError` if the waiting task is cancelled first.
    func listeningAddress() async throws -> EndpointAddress {
        try await isListening.wait()
        return bound.withLock { $0 } ?? configuration.registryAddress
    }
}
