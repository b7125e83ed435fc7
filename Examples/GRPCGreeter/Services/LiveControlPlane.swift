// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshXDS
import Synchronization

/// A control plane whose configuration is Swift code, and changes while clients are connected.
final class LiveControlPlane: XDSResourceProvider {
    private struct State {
        var resources: MeshResources
        var version = 1
        var listeners: [AsyncStream<Void>.Continuation] = []
    }

    private let state: Mutex<State>

    init(_ mesh: GreeterMesh) throws {
        self.state = Mutex(State(resources: try mesh.resources()))
    }

    /// Serves other resources from now on.
    func update(_ mesh: GreeterMesh) throws {
        let resources = try mesh.resources()
        let listeners = state.withLock { state in
            state.resources = resources
            state.version += 1
            return state.listeners
        }
        for listener in listeners { listener.yield() }
    }

    func resources(for node: XDSNode) async -> ProvidedResources {
        let (resources, version) = state.withLock { ($0.resources, $0.version) }
        return ProvidedResources(resources: resources, version: "\(version)", order: UInt64(version))
    }

    func changes() -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        state.withLock { $0.listeners.append(continuation) }
        return stream
    }

    func noticed(_ event: XDSServerEvent) {
        guard case .rejected(_, let kind, _, let message) = event else { return }
        print("a client refuses a \(kind.rawValue): \(message)")
    }
}
