// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshXDS
import Synchronization

/// What the clients of the xDS server have taken and refused, for the operator to see.
final class ClientTable: Sendable {
    private struct Client {
        var node: XDSNode
        var kinds: [ResourceKind: Progress] = [:]
        var translations: [String] = []
    }

    private struct Progress {
        var acknowledged: String?
        var rejected: (version: String, message: String)?
    }

    /// A refusal is a client's own words; this much of them is kept.
    private static let maximumMessageLength = 2000
    /// A client that cannot be told much cannot be told why, either, beyond this many reasons.
    private static let maximumTranslations = 100

    private let clients = Mutex<[UInt64: Client]>([:])

    /// A client did something.
    func noticed(_ event: XDSServerEvent) {
        clients.withLock { clients in
            switch event {
            case .connected(let stream, let node): clients[stream] = Client(node: node)
            case .acknowledged(let stream, let kind, let version):
                clients[stream]?.kinds[kind] = Progress(acknowledged: version)
            case .rejected(let stream, let kind, let version, let message):
                clients[stream]?.kinds[kind, default: Progress()].rejected =
                    (version, String(message.prefix(Self.maximumMessageLength)))
            case .translated(let stream, let reports):
                clients[stream]?.translations = reports.prefix(Self.maximumTranslations).map(\.description)
            case .disconnected(let stream): clients[stream] = nil
            }
        }
    }

    /// The connected clients, in the order in which they came.
    var answers: [StatusAnswer.Client] {
        clients.withLock { $0 }.sorted { $0.key < $1.key }.map { _, client in
            StatusAnswer.Client(
                node: client.node.id,
                namespace: client.node.namespace,
                serviceAccount: client.node.serviceAccount,
                userAgent: client.node.userAgentName,
                types: client.kinds.sorted { $0.key.rawValue < $1.key.rawValue }.map { kind, progress in
                    StatusAnswer.ResourceType(
                        type: kind.rawValue,
                        acknowledged: progress.acknowledged,
                        rejected: progress.rejected?.version,
                        reason: progress.rejected?.message
                    )
                },
                translations: client.translations
            )
        }
    }
}
