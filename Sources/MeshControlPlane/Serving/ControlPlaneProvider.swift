// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Logging
import MeshConfig
import MeshCore
import MeshManifests
import MeshXDS
import Synchronization

/// What the xDS server serves: the store's world, cut to each client.
final class ControlPlaneProvider: XDSResourceProvider {
    private let store: ConfigurationStore
    private let clients: ClientTable
    private let broadcast = ChangeBroadcast()
    private let clock: any MeshClock
    private let logger: Logger
    /// When everybody who lives has registered again: a lease after the start. Until the start it is not known.
    private let warmUntil = Atomic<UInt64>(.max)

    init(store: ConfigurationStore, clients: ClientTable, clock: any MeshClock, logger: Logger) {
        self.store = store
        self.clients = clients
        self.clock = clock
        self.logger = logger
    }

    /// Whether instances that live may be missing in the registry, because the process has just started with an empty
    /// one. Clients that came with a configuration keep it until then.
    var isWarming: Bool { clock.now.nanoseconds < warmUntil.load(ordering: .relaxed) }

    /// The registry takes registrations from now on; waits until it has heard from everybody, and tells the clients.
    /// - Throws: `CancellationError` if the task is cancelled first.
    func warmUp(for lease: Nanoseconds) async throws {
        let end = clock.now.advanced(by: lease)
        warmUntil.store(end.nanoseconds, ordering: .relaxed)
        try await clock.sleep(until: end)
        broadcast.tick()
    }

    /// There is another world to serve.
    func worldChanged() { broadcast.tick() }

    func resources(for node: XDSNode) async -> ProvidedResources {
        guard let world = store.world else {
            // Without a version nothing is sent: clients keep what they have, and new ones wait.
            return ProvidedResources(resources: MeshResources(), version: "", isWarming: true)
        }
        let resources = world.resources(
            for: Node(
                namespace: node.namespace ?? "default",
                labels: node.labels,
                serviceAccount: node.serviceAccount,
                inboundAddresses: node.inboundAddresses
            )
        )
        return ProvidedResources(resources: resources, version: world.version, isWarming: isWarming)
    }

    func changes() -> AsyncStream<Void> { broadcast.listen() }

    func noticed(_ event: XDSServerEvent) {
        clients.noticed(event)
        switch event {
        case .connected(let stream, let node):
            logger.info("a client has connected", metadata: ["node": "\(node.id)", "stream": "\(stream)"])
        case .rejected(let stream, let kind, let version, let message):
            logger.error(
                "a client refuses its configuration: \(message.prefix(500))",
                metadata: ["stream": "\(stream)", "type": "\(kind.rawValue)", "version": "\(version)"]
            )
        case .translated(let stream, let reports):
            for report in reports.prefix(20) {
                logger.notice("a client cannot be told everything: \(report)", metadata: ["stream": "\(stream)"])
            }
        case .disconnected(let stream): logger.info("a client has gone", metadata: ["stream": "\(stream)"])
        default: break
        }
    }
}
