// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Kubernetes' Service: a name, its ports, and the workloads behind it.
struct ServiceManifest: ManifestKind {
    static let kind = "Service"
    static let apiVersions = ["v1"]

    private let service: ServiceDefinition

    init?(_ fields: inout FieldReader, metadata: ManifestMetadata) {
        let position = fields.keyPosition("metadata")
        let service = fields.requiredMapping("spec") { fields -> ServiceDefinition? in
            let ports = fields.mappings("ports") { Self.port(&$0) }
            let selector = fields.labels("selector")
            // Addresses, node ports and load balancers are Kubernetes' affair.
            fields.acceptEverythingElse()
            guard let host = HostPattern(metadata.name, namespace: metadata.namespace) else { return nil }
            return ServiceDefinition(
                metadata: metadata,
                hosts: [Located(value: host, position: position)],
                ports: ports,
                visibility: .everywhere,
                endpoints: selector.isEmpty ? .registered : .workloads(labels: selector),
                isInMesh: true
            )
        }
        guard let service else { return nil }
        self.service = service
    }

    func contribute(to model: inout ManifestModel) {
        model.services.append(service)
    }

    private static func port(_ fields: inout FieldReader) -> ServiceDefinition.Port? {
        if !fields.has("port") { fields.reportMissing("port") }
        let number = fields.integer("port", in: 1...65_535)
        let name = fields.text("name")?.value
        let application = fields.text("appProtocol")?.value
        let transport = fields.text("protocol")?.value ?? "TCP"
        fields.accept("targetPort", "nodePort")
        let spoken = transport == "TCP" ? application ?? name?.portNamePrefix ?? "http" : transport
        return number.map {
            ServiceDefinition.Port(
                number: UInt16($0.value),
                name: name,
                servesHTTP: ProtocolName.servesHTTP(spoken),
                speaksHTTP2: ProtocolName.speaksHTTP2(spoken)
            )
        }
    }
}
