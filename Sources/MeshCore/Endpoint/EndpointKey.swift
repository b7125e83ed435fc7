// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What makes two endpoints the same to whoever keeps connections: limits and time-outs may change while connections
/// live on.
///
/// Looking one up hashes one number, and comparing it with itself compares no text: that is done on every request.
package struct EndpointKey: Hashable, Sendable {
    private let storage: Endpoint.Storage

    /// The key of an endpoint.
    package init(_ endpoint: Endpoint) {
        self.storage = endpoint.storage
    }

    /// Where it listens.
    package var address: EndpointAddress { storage.fields.address }

    /// The key of the same endpoint where HTTP/2 is spoken with it.
    package var speakingHTTP2: EndpointKey {
        guard storage.fields.connection.httpVersion != .http2 else { return self }
        var fields = storage.fields
        fields.connection.httpVersion = .http2
        return EndpointKey(Endpoint.Storage(fields))
    }

    private init(_ storage: Endpoint.Storage) {
        self.storage = storage
    }

    package static func == (lhs: EndpointKey, rhs: EndpointKey) -> Bool {
        lhs.storage === rhs.storage
            || lhs.storage.keyHash == rhs.storage.keyHash && lhs.storage.fields.hasKey(of: rhs.storage.fields)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(storage.keyHash)
    }
}

extension Endpoint.Fields {
    func hashKey(into hasher: inout Hasher) {
        hasher.combine(address)
        hasher.combine(security)
        hasher.combine(serverName)
        hasher.combine(connection.httpVersion)
        hasher.combine(proxy)
        hasher.combine(cluster)
        hasher.combine(secrets)
        hasher.combine(peerNames)
    }

    func hasKey(of other: Self) -> Bool {
        address == other.address && security == other.security && serverName == other.serverName
            && connection.httpVersion == other.connection.httpVersion && proxy == other.proxy
            && cluster == other.cluster && secrets == other.secrets && peerNames == other.peerNames
    }
}
