// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
public import MeshCore
import Synchronization

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#if canImport(SwiftOverlayShims)
// The toolchain declares members of Linux's structures there, and `MemberImportVisibility` wants them imported.
import SwiftOverlayShims
#endif
#elseif canImport(Musl)
import Musl
#elseif canImport(Android)
import Android
#endif

/// Gives a proxy on the same machine an identity, as the agents of Istio and SPIRE do: Envoy's secret discovery service on
/// a Unix socket that only the own user may connect to.
///
/// Envoy cannot ask for certificates by itself. This is the one way by which a key leaves the process that made it, only
/// to the proxy beside it, and only where the app makes such a server.
///
/// | name | what |
/// |---|---|
/// | `default`, the SPIFFE ID | the certificate with its key |
/// | `ROOTCA`, `spiffe://` and the own trust domain | its roots and revocation lists |
/// | `spiffe://` and another trust domain | its roots |
public final class SecretServer: XDSResourceProvider {
    private struct State {
        var resources = MeshResources()
        var version: UInt64 = 0
    }

    private let address: EndpointAddress
    private let clock: any MeshClock
    private let state = Mutex(State())
    private let broadcast = ChangeBroadcast()

    /// Creates a server that has nothing yet: clients wait.
    /// - Parameters:
    ///   - socketPath: The path of the socket. One that is left from before is replaced. Its folder must not be writable for
    ///     others than its owner.
    ///   - clock: What waits are measured by.
    public init(socketPath: String, clock: any MeshClock = SystemClock()) {
        self.address = EndpointAddress(unixSocketPath: socketPath)
        self.clock = clock
    }

    /// Serves an identity from now on: streams that are open get it at once.
    /// - Parameters:
    ///   - material: The identity.
    ///   - spiffeID: Its SPIFFE ID.
    /// - Throws: `ConfigurationError` if a proxy could not use it; what is served stays.
    public func update(_ material: IdentityMaterial, of spiffeID: String) throws(ConfigurationError) {
        let domain = String(spiffeID.dropFirst("spiffe://".count).prefix { $0 != "/" })
        var secrets: [Secret] = []
        for name in ["default", spiffeID] {
            secrets.append(Secret(name: name, content: .certificate(material.certificate)))
        }
        for (name, roots) in material.roots where !roots.isEmpty {
            var validation = PeerValidation(trustedRoots: roots)
            validation.revocationLists = material.revocationLists[name]
            let names = name == domain ? ["ROOTCA", "spiffe://" + name] : ["spiffe://" + name]
            for name in names { secrets.append(Secret(name: name, content: .validation(validation))) }
        }
        let resources = MeshResources(secrets: secrets)
        try resources.validate(asPart: true)
        state.withLock { state in
            state.resources = resources
            state.version += 1
        }
        broadcast.tick()
    }

    /// Serves until the task is cancelled.
    /// - Throws: `ConfigurationError` if others than the owner may write into the socket's folder; the system's error if it
    ///   cannot listen.
    public func run() async throws {
        let path = address.host
        try Self.checkFolder(of: path)
        let server = XDSServer(address: address, provider: self, servesSecretsOnly: true, clock: clock)
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask { try await server.run() }
            group.addTask {
                _ = try await server.listeningAddress
                // Who is quicker than this line has the rights of the folder only, which is why that is checked.
                guard chmod(path, 0o600) == 0 else {
                    throw ConfigurationError(path: "socketPath", "\(path) cannot be kept from others")
                }
            }
            for try await _ in group {}
        }
    }

    private static func checkFolder(of path: String) throws(ConfigurationError) {
        let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) ?? path.startIndex
        let folder = slash == path.startIndex ? "." : String(path[..<slash])
        var status = stat()
        guard stat(folder, &status) == 0, status.st_mode & 0o022 == 0 else {
            throw ConfigurationError(
                path: "socketPath",
                "\(folder) is missing, or others than its owner may write into it"
            )
        }
    }

    /// What is served to every client.
    public func resources(for node: XDSNode) async -> ProvidedResources {
        state.withLock { state in
            guard state.version > 0 else { return ProvidedResources(resources: MeshResources(), version: "") }
            return ProvidedResources(
                resources: state.resources,
                version: "\(state.version)",
                group: "secrets",
                order: state.version
            )
        }
    }

    /// Ticks after each update.
    public func changes() -> AsyncStream<Void> { broadcast.listen() }

    /// Nobody asks what clients do.
    public func noticed(_ event: XDSServerEvent) {}
}
