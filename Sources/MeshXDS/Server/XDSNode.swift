// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import SwiftProtobuf

/// Who a client of a control plane says it is (`envoy.config.core.v3.Node`).
public struct XDSNode: Hashable, Sendable {
    /// Its identifier.
    public var id: String
    /// The cluster that it belongs to.
    public var cluster: String
    /// The name of the client (`gRPC C-core`, `envoy`, `swift-service-mesh`).
    public var userAgentName: String
    /// The version of the client.
    public var userAgentVersion: String
    /// Where it runs.
    public var locality: Locality
    /// The namespace, from Istio's metadata key `NAMESPACE`.
    public var namespace: String?
    /// The service account, from `SERVICE_ACCOUNT`.
    public var serviceAccount: String?
    /// The labels, from `LABELS`; `nil` if the client sent none.
    public var labels: [String: String]?
    /// What it can do beyond the protocol (`Node.client_features`).
    public var clientFeatures: [String]
    /// What it says of itself besides, by name; without `IGNORED_FIELDS`, which changes (`XDSClientStatus.ignoredFields`).
    public var metadata: [String: MetadataValue]
    /// Where it serves, from the inbound listeners that it asks for.
    public var inboundAddresses: [EndpointAddress]

    /// Creates a node.
    public init(
        id: String,
        cluster: String = "",
        userAgentName: String = "",
        userAgentVersion: String = "",
        locality: Locality = Locality(),
        namespace: String? = nil,
        serviceAccount: String? = nil,
        labels: [String: String]? = nil,
        clientFeatures: [String] = [],
        metadata: [String: MetadataValue] = [:],
        inboundAddresses: [EndpointAddress] = []
    ) {
        self.id = id
        self.cluster = cluster
        self.userAgentName = userAgentName
        self.userAgentVersion = userAgentVersion
        self.locality = locality
        self.namespace = namespace
        self.serviceAccount = serviceAccount
        self.labels = labels
        self.clientFeatures = clientFeatures
        self.metadata = metadata
        self.inboundAddresses = inboundAddresses
    }

    /// What names of inbound listeners begin with, in Istio and here; the address follows.
    public static let inboundListenerPrefix = "xds.istio.io/grpc/lds/inbound/"

    init(_ node: Envoy_Config_Core_V3_Node) {
        let fields = node.metadata.fields
        self.init(
            id: node.id,
            cluster: node.cluster,
            userAgentName: node.userAgentName,
            userAgentVersion: node.agentVersion,
            locality: Locality(region: node.locality.region, zone: node.locality.zone, subZone: node.locality.subZone),
            namespace: fields["NAMESPACE"].map(\.stringValue),
            serviceAccount: fields["SERVICE_ACCOUNT"].map(\.stringValue),
            labels: fields["LABELS"].map { $0.structValue.fields.mapValues(\.stringValue) },
            clientFeatures: node.clientFeatures,
            metadata: fields.filter { $0.key != Envoy_Config_Core_V3_Node.ignoredFieldsKey }
                .mapValues { MetadataValue($0) }
        )
    }

    /// The addresses of the inbound listeners among the names that a client asks for.
    static func inboundAddresses(in names: some Sequence<String>) -> [EndpointAddress] {
        names.filter { $0.hasPrefix(inboundListenerPrefix) }
            .compactMap { EndpointAddress(authority: String($0.dropFirst(inboundListenerPrefix.count))) }
            .sorted { $0.description < $1.description }
    }
}

extension Envoy_Config_Core_V3_Node {
    /// The metadata key under which a client lists the fields that have no effect in it. Any request may carry it.
    static let ignoredFieldsKey = "IGNORED_FIELDS"

    /// The most fields that are read, and the most characters of each.
    private static let maximumIgnoredFields = 256
    private static let maximumFieldLength = 512

    /// How large it is on the wire.
    var byteCount: Int {
        let bytes: [UInt8]? = try? serializedBytes()
        return bytes?.count ?? .max
    }

    /// The fields that have no effect in the client, as it says; `nil` if it says nothing of that.
    var ignoredFields: [String]? {
        guard let value = metadata.fields[Self.ignoredFieldsKey] else { return nil }
        return value.listValue.values.prefix(Self.maximumIgnoredFields).map {
            $0.stringValue.cut(to: Self.maximumFieldLength)
        }
    }

    /// The client's version, in either of the forms in which clients say it: Envoy says numbers.
    fileprivate var agentVersion: String {
        guard case .userAgentBuildVersion(let build)? = userAgentVersionType else { return userAgentVersion }
        return "\(build.version.majorNumber).\(build.version.minorNumber).\(build.version.patch)"
    }
}
