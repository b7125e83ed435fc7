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
    private let inventory: ClientInventory
    private let broadcast = ChangeBroadcast()
    private let clock: any MeshClock
    private let logger: Logger
    /// When everybody who lives has registered again: a lease after the start. Until the start it is not known.
    private let warmUntil = Atomic<UInt64>(.max)

    init(store: ConfigurationStore, inventory: ClientInventory, clock: any MeshClock, logger: Logger) {
        self.store = store
        self.inventory = inventory
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
        let client = Node(
            namespace: node.namespace ?? "default",
            labels: node.labels,
            serviceAccount: node.serviceAccount,
            inboundAddresses: node.inboundAddresses,
            locality: node.locality,
            isProxylessGRPC: Dialect(userAgentName: node.userAgentName) == .grpc
        )
        return ProvidedResources(
            resources: world.resources(for: client),
            version: world.version,
            isWarming: isWarming,
            group: client.groupName,
            order: world.order
        )
    }

    func changes() -> AsyncStream<Void> { broadcast.listen() }

    func noticed(_ event: XDSServerEvent) {
        inventory.noticed(event)
        switch event {
        case .connected(let stream, let node):
            logger.info("a client has connected", metadata: ["node": "\(node.id)", "stream": "\(stream)"])
        case .rejected(let stream, let kind, let version, let message):
            logger.error(
                "a client refuses its configuration: \(String(message.unicodeScalars.prefix(500)))",
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

extension Node {
    /// A name for all clients that are told the same. Each part says how long it is, so that no client can word its
    /// parts so that they look like another's.
    var groupName: String {
        var parts = [namespace, serviceAccount ?? "", "\(serviceAccount != nil)", "\(isProxylessGRPC)"]
        parts += [locality.region, locality.zone, locality.subZone, "\(labels?.count ?? -1)"]
        for (key, value) in (labels ?? [:]).sorted(by: { $0.key < $1.key }) { parts += [key, value] }
        parts += inboundAddresses.map(\.description)
        return parts.map { "\($0.utf8.count):\($0)" }.joined()
    }
}
