// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshXDS

extension StatusAnswer.Client {
    /// A client cannot be told why it cannot be told much, beyond this many reasons.
    private static let maximumTranslations = 100

    /// A client as the status shows it.
    init(_ client: XDSClientStatus) {
        self.init(
            stream: client.stream,
            node: client.node.id,
            namespace: client.node.namespace,
            serviceAccount: client.node.serviceAccount,
            userAgent: client.node.userAgentName,
            userAgentVersion: client.node.userAgentVersion.isEmpty ? nil : client.node.userAgentVersion,
            dialect: client.connection?.dialect.rawValue,
            isIncremental: client.connection?.isIncremental ?? false,
            features: client.node.clientFeatures,
            served: client.servedVersion,
            applied: client.appliedVersion,
            types: Set(client.kinds.keys).union(client.served.keys).sorted { $0.rawValue < $1.rawValue }.map { kind in
                StatusAnswer.ResourceType(
                    type: kind.rawValue,
                    resources: client.served[kind]?.sentCount ?? 0,
                    acknowledged: client.kinds[kind]?.acknowledged,
                    rejected: client.kinds[kind]?.rejected,
                    reason: client.kinds[kind]?.reason
                )
            },
            translations: client.translations.prefix(Self.maximumTranslations).map(\.description),
            ignoredFields: client.ignoredFields
        )
    }
}

extension StatusAnswer.Resource {
    /// A resource of a client as the status shows it.
    init(_ resource: XDSServedResource) {
        self.init(
            type: resource.kind.rawValue,
            name: resource.name,
            version: resource.version,
            status: resource.status.rawValue
        )
    }
}
