// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting
import Synchronization

/// Short names of listeners: a client that asks for `reviews:9080` gets the listener of the service's full name.
///
/// gRPC asks for exactly what stands in its target, and people write the name that they would use in a URL.
final class ListenerAliases: Sendable {
    private let resources: MeshResources
    private let encoder: ResourceEncoder
    private let cache: EncodingCache
    /// Which listener serves a domain; made when the first client asks for a name that no listener has.
    private let index = Mutex<[String: Listener]?>(nil)

    init(_ resources: MeshResources, encoder: ResourceEncoder, cache: EncodingCache) {
        self.resources = resources
        self.encoder = encoder
        self.cache = cache
    }

    /// The listeners of names that no listener has, under those names.
    func listeners(named names: Set<String>) -> [String: EncodedResource] {
        var found: [String: EncodedResource] = [:]
        for name in names where resources.listeners[name] == nil {
            guard var listener = listener(for: name) else { continue }
            listener.name = name
            found[name] = encoded(listener)
        }
        return found
    }

    private func encoded(_ listener: Listener) -> EncodedResource? {
        let translation = DialectTranslation(
            MeshResources(listeners: [listener]),
            to: encoder.dialect,
            registry: encoder.registry
        )
        guard let translated = translation.resources.listeners[listener.name] else { return nil }
        // One that cannot be written is reported under its own name.
        let resource = XDSResource.listener(translated)
        return try? cache.encoded(resource, for: encoder.dialect) { try encoder.packed(resource) }
    }

    private func listener(for name: String) -> Listener? {
        let wanted = name.lowercased()
        if let index = index.withLock({ $0 }) { return index[wanted] }
        var new: [String: Listener] = [:]
        // Several may serve a bare host, on different ports; the first by name is taken, so that it is always the same.
        let outbound = resources.listeners.values.filter { $0.direction == .outbound }
        for listener in outbound.sorted(by: { $0.name < $1.name }) {
            for domain in (resources.routes(of: listener)?.virtualHosts ?? []).lazy.flatMap(\.domains) {
                guard case .exact(let host) = domain, new[host] == nil else { continue }
                new[host] = listener
            }
        }
        index.withLock { $0 = new }
        return new[wanted]
    }
}
