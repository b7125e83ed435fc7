// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore

/// Istio's ServiceEntry: a service that registers with nobody, often outside the mesh.
struct ServiceEntryManifest: ManifestKind {
    static let kind = "ServiceEntry"
    static let apiVersions = [
        "networking.istio.io/v1", "networking.istio.io/v1beta1", "networking.istio.io/v1alpha3",
    ]

    private let service: ServiceDefinition

    init?(_ fields: inout FieldReader, metadata: ManifestMetadata) {
        let service = fields.requiredMapping("spec") { Self.service(&$0, metadata) }
        guard let service else { return nil }
        self.service = service
    }

    func contribute(to model: inout ManifestModel) {
        model.services.append(service)
    }

    private enum Location {
        case external
        case `internal`
    }

    private enum Resolution {
        case none
        case fixed
        /// Each address of each name is an endpoint.
        case names
        /// The one name is an endpoint, wherever it leads.
        case oneName
        /// The client's request says the name, which is resolved for its connection.
        case namesOfRequests
    }

    private static func service(_ fields: inout FieldReader, _ metadata: ManifestMetadata) -> ServiceDefinition? {
        if !fields.has("hosts") { fields.reportMissing("hosts") }
        if !fields.has("ports") { fields.reportMissing("ports") }
        let hosts = hosts(&fields, metadata)
        let ports = fields.mappings("ports") { $0.servicePort() }
        let location = fields.choice("location", ["MESH_EXTERNAL": Location.external, "MESH_INTERNAL": .internal])
        let resolution = fields.choice(
            "resolution",
            [
                "NONE": Resolution.none, "STATIC": .fixed, "DNS": .names, "DNS_ROUND_ROBIN": .oneName,
                "DYNAMIC_DNS": .namesOfRequests,
            ]
        )
        let listed = fields.mappings("endpoints") { endpoint(&$0, resolution?.value ?? .none) }
        let selector = fields.mapping("workloadSelector") { $0.labels("labels") }
        let visibility = fields.visibility(namespace: metadata.namespace)
        let identities = fields.texts("subjectAltNames")
        fields.ignore("addresses", because: "clients reach the service by its name")
        if fields.has("endpoints"), fields.has("workloadSelector") {
            fields.context.error(
                .conflictingFields,
                at: fields.keyPosition("workloadSelector"),
                "a service has either endpoints or a workloadSelector, not both"
            )
        }
        if resolution?.value == .oneName, listed.count > 1 {
            fields.context.error(
                .conflictingFields,
                at: fields.keyPosition("endpoints"),
                "a service with the resolution DNS_ROUND_ROBIN has one endpoint at most; use DNS"
            )
        }
        let endpoints: ServiceDefinition.Endpoints
        if let selector {
            endpoints = .workloads(labels: selector)
        } else if !listed.isEmpty {
            endpoints = .listed(listed)
            reportDuplicates(among: listed, ports: ports, fields.context)
        } else if resolution?.value == .fixed {
            if !fields.has("endpoints") {
                fields.context.error(
                    .missingField,
                    at: fields.keyPosition("resolution"),
                    "a service with the resolution STATIC needs endpoints or a workloadSelector"
                )
            }
            return nil
        } else {
            endpoints = .host
        }
        return ServiceDefinition(
            metadata: metadata,
            hosts: hosts,
            ports: ports,
            visibility: visibility,
            endpoints: endpoints,
            isInMesh: location?.value == .internal,
            identities: identities,
            lookup: lookup(resolution?.value)
        )
    }

    /// What Istio makes of names (`convertResolution`): a strict DNS cluster, or a logical one.
    private static func lookup(_ resolution: Resolution?) -> DNSDiscovery.Kind? {
        switch resolution {
        case .names: .strict
        case .oneName: .logical
        case .none?, .fixed, .namesOfRequests, nil: nil
        }
    }

    private static func hosts(_ fields: inout FieldReader, _ metadata: ManifestMetadata) -> [Located<HostPattern>] {
        fields.hosts("hosts", namespace: metadata.namespace).filter { host in
            guard host.value.isWildcard else { return true }
            fields.context.warning(
                .unsupportedField,
                at: host.position,
                "the host \(host.value.text) is not supported yet and is ignored: a client asks for one host"
            )
            return false
        }
    }

    private static func endpoint(
        _ fields: inout FieldReader,
        _ resolution: Resolution
    ) -> ServiceDefinition.Listed? {
        let address = fields.requiredText("address")
        var ports: [String: UInt16] = [:]
        for port in fields.pairs("ports") {
            guard case .scalar(let scalar) = port.value.content, scalar.isPlain, let number = scalar.integer,
                (1...65_535).contains(number)
            else {
                fields.context.error(
                    .invalidValue,
                    at: port.value.position,
                    "the port \(port.key) must be a number from 1 to 65535"
                )
                continue
            }
            ports[port.key] = UInt16(number)
        }
        let labels = fields.labels("labels")
        let weight = fields.integer("weight", in: 1...Int(UInt32.max))
        let locality = fields.text("locality").map { Locality(path: $0.value) }
        let account = fields.text("serviceAccount")
        fields.ignore("network")
        guard let address else { return nil }
        let isUnixSocket = address.value.hasPrefix("unix://")
        let host = isUnixSocket ? String(address.value.dropFirst("unix://".count)) : address.value
        let isAddress = isUnixSocket ? host.hasPrefix("/") : isHost(host)
        guard isAddress else {
            fields.context.error(.invalidValue, at: address.position, "\(address.value) is no address")
            return nil
        }
        if resolution == .fixed, !isUnixSocket, !IPAddress.isValid(host) {
            fields.context.error(
                .invalidValue,
                at: address.position,
                "with the resolution STATIC an endpoint has an IP address, and \(host) is none; use DNS"
            )
            return nil
        }
        return ServiceDefinition.Listed(
            host: host,
            isUnixSocket: isUnixSocket,
            ports: ports,
            labels: labels,
            weight: weight.map { UInt32($0.value) } ?? 1,
            locality: locality ?? Locality(),
            serviceAccount: account?.value,
            speaksMutualTLS: labels["security.istio.io/tlsMode"] == "istio",
            position: address.position
        )
    }

    /// Reports endpoints that listen where others do: a cluster has each address once.
    private static func reportDuplicates(
        among listed: [ServiceDefinition.Listed],
        ports: [ServiceDefinition.Port],
        _ context: ReadingContext
    ) {
        for port in ports where port.servesHTTP {
            var addresses: Set<EndpointAddress> = []
            for endpoint in listed {
                let address = endpoint.address(of: port.number, in: ports)
                guard !addresses.insert(address).inserted else { continue }
                context.warning(
                    .noEffect,
                    at: endpoint.position,
                    "the endpoint \(address) is listed already; the first is in force wherever both would be"
                )
            }
        }
    }

    private static func isHost(_ text: String) -> Bool {
        IPAddress.isValid(text) || HostPattern(text, namespace: "default")?.isWildcard == false
    }
}

extension FieldReader {
    /// A `ServicePort` of a ServiceEntry.
    fileprivate mutating func servicePort() -> ServiceDefinition.Port? {
        if !has("number") { reportMissing("number") }
        let number = integer("number", in: 1...65_535)
        let target = integer("targetPort", in: 1...65_535)
        let name = text("name")?.value
        let spoken = text("protocol")?.value ?? name?.portNamePrefix ?? "http"
        return number.map {
            ServiceDefinition.Port(
                number: UInt16($0.value),
                target: target.map { UInt16($0.value) },
                name: name,
                servesHTTP: ProtocolName.servesHTTP(spoken),
                speaksHTTP2: ProtocolName.speaksHTTP2(spoken)
            )
        }
    }
}
