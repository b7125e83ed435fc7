// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import SwiftProtobuf

extension Envoy_Service_Status_V3_ClientConfig {
    /// What a client of a server asked for, was sent, and made of it.
    /// - Parameter hasContents: Whether the resources themselves are told.
    init(_ client: XDSClientStatus, withContents hasContents: Bool) {
        self.init()
        node = Envoy_Config_Core_V3_Node(client.node)
        node.note(.ignoredFields, client.ignoredFields)
        node.note(.translations, client.translations.map(\.description))
        if let version = client.servedVersion { node.note(.servedVersion, version) }
        if let version = client.appliedVersion { node.note(.appliedVersion, version) }
        for served in client.served.values.sorted(by: { $0.kind.rawValue < $1.kind.rawValue }) {
            for resource in served.resources {
                var config = GenericXdsConfig(resource, client.kinds[served.kind])
                if hasContents, let message = served.message(of: resource.name) { config.xdsConfig = message }
                genericXdsConfigs.append(config)
            }
        }
    }

    /// How large it is on the wire, give or take what numbers take.
    var approximateSize: Int {
        genericXdsConfigs.reduce(node.byteCount) { size, config in
            let texts = config.typeURL.utf8.count + config.name.utf8.count + config.errorState.details.utf8.count
            return size + texts + config.xdsConfig.value.count + 64
        }
    }
}

extension Envoy_Service_Status_V3_ClientConfig.GenericXdsConfig {
    fileprivate init(_ resource: XDSServedResource, _ progress: XDSClientStatus.Progress?) {
        self.init()
        typeURL = resource.kind.typeURL
        name = resource.name
        versionInfo = resource.version ?? ""
        configStatus =
            switch resource.status {
            case .synced: .synced
            case .notSent: .notSent
            case .stale: .stale
            case .error: .error
            }
        guard resource.status == .error, let progress else { return }
        // A refusal is of a response, and says itself which of its resources are bad.
        errorState.versionInfo = progress.rejected ?? ""
        errorState.details = progress.reason ?? ""
    }
}

extension Envoy_Config_Core_V3_Node {
    /// A client as it described itself.
    init(_ node: XDSNode) {
        self.init()
        id = node.id
        cluster = node.cluster
        locality.region = node.locality.region
        locality.zone = node.locality.zone
        locality.subZone = node.locality.subZone
        metadata = Google_Protobuf_Struct(fields: node.metadata.mapValues(\.proto))
        userAgentName = node.userAgentName
        userAgentVersion = node.userAgentVersion
        clientFeatures = node.clientFeatures
    }
}
