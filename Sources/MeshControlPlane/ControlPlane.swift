// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
public import Logging
public import MeshCore
import MeshIdentity
public import MeshSecurity
public import MeshXDS
import Synchronization

/// A control plane to embed or to run as a process of its own: manifests from a folder, instances from a registry, and
/// what follows from both for every client over xDS, with certificates from its own authority.
///
/// ```
/// folder ──▶ manifests ─┐
///                       ├─▶ configuration store ──▶ xDS ──▶ clients
/// HTTP ────▶ registry ──┘                      certificates ──▶
/// ```
public final class ControlPlane: Sendable {
    /// Where a control plane listens.
    public struct Addresses: Hashable, Sendable {
        /// xDS and the certificate service, over gRPC.
        public var xds: EndpointAddress
        /// The registration API, over HTTP.
        public var registry: EndpointAddress
    }

    /// Changes within this time are served together: services that start together register together.
    static let coalescingTime = Nanoseconds.milliseconds(20)

    private let configuration: ControlPlaneConfiguration
    private let clock: any MeshClock
    private let logger: Logger
    private let authority: CertificateAuthority
    private let tokens: TokenBook
    private let store: ConfigurationStore
    private let inventory: ClientInventory
    private let provider: ControlPlaneProvider
    private let registry: ServiceRegistry
    private let inputs = ChangeBroadcast()
    private let hasLooked = ReadinessGate()
    private let isReady = ReadinessGate()
    private let bound = Mutex<Addresses?>(nil)

    /// Creates a control plane, and its authority if the state directory has none.
    /// - Throws: `ConfigurationError` with everything that is wrong with the configuration or the state directory.
    public init(
        configuration: ControlPlaneConfiguration,
        clock: any MeshClock = SystemClock(),
        logger: Logger = Logger(label: "ControlPlane")
    ) throws {
        try configuration.validate()
        let tokens = TokenBook(configuration.tokens)
        let inputs = inputs
        self.configuration = configuration
        self.clock = clock
        self.logger = logger
        self.tokens = tokens
        self.authority = try CertificateAuthority(
            CertificateAuthority.Configuration(
                trustDomain: configuration.trustDomain,
                stateDirectory: configuration.stateDirectory,
                files: configuration.authority,
                validity: configuration.certificateValidity,
                maximumRate: configuration.maximumIssuanceRate
            ),
            tokens: tokens,
            clock: clock,
            logger: logger
        )
        self.store = ConfigurationStore(
            configuration: configuration,
            epoch: UInt64(max(0, Date().timeIntervalSince1970)),
            logger: logger
        )
        self.inventory = ClientInventory(clock: clock)
        self.provider = ControlPlaneProvider(store: store, inventory: inventory, clock: clock, logger: logger)
        self.registry = ServiceRegistry(
            leaseDuration: configuration.leaseDuration,
            maximumInstances: configuration.limits.maximumInstances,
            clock: clock
        ) { inputs.tick() }
    }

    /// The authority's root certificates as PEM, the one in use first: what a workload outside the mesh needs to trust those
    /// inside.
    public var trustAnchor: String { authority.trustAnchor }

    /// The authority's revocation lists as PEM, one for each of its keys: what a workload outside the mesh needs beside the
    /// roots. They are made anew every hour and whenever a certificate is taken back, and are good for a day.
    public var revocationLists: String { authority.revocationLists }

    /// Takes a certificate back. The revocation is on disk and published when this returns.
    /// - Parameter serialNumber: Its number: 1 to 20 bytes in hexadecimal digits, with or without colons.
    /// - Returns: Whether it was taken back now and not before.
    /// - Throws: `ConfigurationError` if the number is none or the revocation cannot be kept; then nothing is changed.
    public func revoke(serialNumber: String) throws -> Bool {
        try !authority.revoke(.serialNumber(serialNumber), operator: "process").isEmpty
    }

    /// Takes back every certificate that lives and names an identity. Whoever may claim the identity can have it certified
    /// again: take the token away first.
    /// - Returns: How many certificates were taken back.
    /// - Throws: `ConfigurationError` if the revocation cannot be kept; then nothing is changed.
    public func revoke(identity: SPIFFEID) throws -> Int {
        try authority.revoke(.identity(identity.description), operator: "process").count
    }

    /// Begins to replace the authority's root without anybody being cut off: workloads learn of the new one with their next
    /// certificates, then it signs, then the old one goes. It takes two times the life of a certificate, and 20 minutes.
    /// - Returns: Whether it has begun; `false` if it had, or if the operator keeps the root.
    /// - Throws: `ConfigurationError` if the state directory cannot be written.
    public func rotateRoot() throws -> Bool {
        try authority.rotateRoot(operator: "process")
    }

    /// Where it listens; `nil` before it does.
    public var addresses: Addresses? { bound.withLock { $0 } }

    /// The version that is served; `nil` while there were no good manifests.
    public var servedVersion: String? { store.world?.version }

    /// The connected clients of the xDS server, in the order in which they came: who they are, and how far each is.
    public var clients: [XDSClientStatus] { inventory.clients }

    /// Waits until all clients have taken a version or a later one, or have refused it.
    /// - Parameters:
    ///   - version: A version that was served; `nil` for the one that is.
    ///   - timeout: How long to wait.
    /// - Returns: How far they are, after `timeout` at the latest.
    /// - Throws: `ConfigurationError` if there never was such a version; `CancellationError` if the task is cancelled.
    public func awaitApplied(_ version: String? = nil, timeout: Nanoseconds) async throws -> XDSAppliedReport {
        guard let version = version ?? servedVersion else {
            throw ConfigurationError(path: "version", "nothing is served yet")
        }
        guard let order = store.order(of: version) else {
            throw ConfigurationError(path: "version", "\(version) was not served by this process")
        }
        return try await inventory.awaitApplied(version, order: order, timeout: timeout)
    }

    /// Waits until both servers listen and the folder has been looked at.
    /// - Returns: Where they listen.
    /// - Throws: `CancellationError` if the waiting task is cancelled; what `run` threw if it failed before.
    @discardableResult
    public func waitUntilReady() async throws -> Addresses {
        try await isReady.wait()
        guard let addresses else { throw CancellationError() }
        return addresses
    }

    /// Serves until the task is cancelled. To be called once.
    /// - Throws: `CancellationError` when it is cancelled; what a server threw if it cannot listen.
    public func run() async throws {
        do {
            try await serve()
        } catch {
            // Servers have errors of their own for having been cancelled.
            let reason = Task.isCancelled ? CancellationError() : error
            isReady.fail(reason)
            throw reason
        }
    }

    private func serve() async throws {
        // Nothing that changes from here on is missed.
        let changes = inputs.listen()
        let server = XDSServer(
            address: configuration.xdsAddress,
            provider: provider,
            signer: authority,
            status: inventory,
            // As for the registration API, which tells the same: whoever has a token, from wherever.
            statusAccess: .bearer { [tokens] in tokens.claims(of: $0) != nil },
            clock: clock
        )
        let registryServer = RegistryServer(configuration: configuration, api: api, logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.watchFolder() }
            group.addTask { try await self.rebuild(after: changes) }
            group.addTask { try await self.registry.run() }
            group.addTask { try await self.authority.run() }
            group.addTask { try await self.provider.warmUp(for: self.configuration.leaseDuration) }
            group.addTask { try await server.run() }
            group.addTask { try await registryServer.run() }
            group.addTask {
                let addresses = try await Addresses(
                    xds: server.listeningAddress,
                    registry: registryServer.listeningAddress()
                )
                try await self.hasLooked.wait()
                self.announce(addresses)
            }
            // The first to fail ends the others; waiting for all of them would wait for those that never end.
            for try await _ in group {}
        }
    }

    private func announce(_ addresses: Addresses) {
        bound.withLock { $0 = addresses }
        isReady.open()
        logger.notice(
            "the control plane listens",
            metadata: ["xds": "\(addresses.xds)", "registry": "\(addresses.registry)"]
        )
        for address in [addresses.xds, addresses.registry] where !address.isLoopback {
            logger.warning("tokens travel in plaintext to \(address), which is not loopback")
        }
    }

    private func watchFolder() async throws {
        let folder = ManifestFolder(
            reader: FolderReader(path: configuration.manifestFolder, limits: configuration.limits),
            interval: configuration.folderPollInterval,
            clock: clock
        )
        try await folder.run { event in
            self.store.folderChanged(event)
            self.inputs.tick()
        }
    }

    private func rebuild(after changes: AsyncStream<Void>) async throws {
        for await _ in changes {
            try await clock.sleep(until: clock.now.advanced(by: Self.coalescingTime))
            store.rebuild(registry.snapshot.registrations)
            provider.worldChanged()
            if store.hasLooked { hasLooked.open() }
        }
        // The sequence ends with the task only.
        throw CancellationError()
    }

    private var api: ControlPlaneAPI {
        let (store, inventory, registry, provider) = (store, inventory, registry, provider)
        let trustDomain = configuration.trustDomain
        return ControlPlaneAPI(
            registry: registry,
            tokens: tokens,
            authority: AuthorityAPI(authority),
            maximumBodySize: configuration.limits.maximumBodySize,
            status: {
                let instances = registry.snapshot.registrations
                return StatusAnswer(
                    version: store.world?.version,
                    trustDomain: trustDomain,
                    instances: instances.count,
                    drainingInstances: instances.count { $0.state == .draining },
                    manifestGeneration: store.manifestGeneration,
                    isWarming: provider.isWarming,
                    clients: inventory.clients.map { StatusAnswer.Client($0) }
                )
            },
            diagnostics: { store.diagnostics },
            client: { stream in
                guard let client = inventory.client(stream: stream) else { return nil }
                let served = client.served.values.sorted { $0.kind.rawValue < $1.kind.rawValue }
                return ClientAnswer(
                    client: StatusAnswer.Client(client),
                    resources: served.flatMap(\.resources).map { StatusAnswer.Resource($0) }
                )
            }
        )
    }
}

extension EndpointAddress {
    /// Whether only this machine reaches it.
    fileprivate var isLoopback: Bool { host == "::1" || host.hasPrefix("127.") }
}
