// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Every service that the mesh knows, from registrations and from manifests.
struct ServiceDirectory: Sendable {
    /// The services, in the order of their names.
    let services: [MeshService]
    /// Every usable workload, in the order of the addresses and then of the names.
    let workloads: [Workload]
    let diagnostics: [Diagnostic]
    private let positions: [String: Int]
    private let hostsByAddress: [EndpointAddress: Set<String>]

    init(workloads: [Workload], definitions: [ServiceDefinition]) {
        var builder = ServiceDirectoryBuilder()
        builder.add(workloads)
        for definition in definitions { builder.add(definition) }
        let services = builder.services.values.sorted { $0.host < $1.host }
        self.services = services
        self.workloads = builder.workloads
        self.diagnostics = builder.diagnostics
        positions = Dictionary(uniqueKeysWithValues: services.enumerated().map { ($1.host, $0) })
        var hosts: [EndpointAddress: Set<String>] = [:]
        for service in services {
            for workload in service.workloads { hosts[workload.address, default: []].insert(service.host) }
        }
        hostsByAddress = hosts
    }

    /// The service of a host, which may be written without `svc.cluster.local` where it has a namespace.
    func service(_ host: HostPattern) -> MeshService? {
        let position = positions[host.text] ?? positions["\(host.text).\(HostPattern.serviceDomain)"]
        return position.map { services[$0] }
    }

    /// The full names of the services that are served at some addresses.
    func hosts(servedAt addresses: [EndpointAddress]) -> Set<String> {
        addresses.reduce(into: []) { hosts, address in hosts.formUnion(hostsByAddress[address] ?? []) }
    }

    /// The labels of what is registered at some addresses, for a client that does not say its own; `nil` if nothing is.
    ///
    /// A client that listens at every address of its machine is found by its port and its namespace. Where several
    /// workloads are meant, only what they have in common is certain.
    func labels(servedAt addresses: [EndpointAddress], namespace: String) -> [String: String]? {
        let found = workloads(servedAt: addresses, namespace: namespace)
        guard let first = found.first else { return nil }
        return found.dropFirst().reduce(into: first.labels) { common, workload in
            common = common.filter { workload.labels[$0.key] == $0.value }
        }
    }

    /// Where that is which is registered at some addresses; `nil` if nothing is, or it is at several places.
    func locality(servedAt addresses: [EndpointAddress], namespace: String) -> Locality? {
        let places = Set(workloads(servedAt: addresses, namespace: namespace).map(\.place))
        return places.count == 1 ? places.first : nil
    }

    private func workloads(servedAt addresses: [EndpointAddress], namespace: String) -> [Workload] {
        guard !addresses.isEmpty else { return [] }
        let places = Set(addresses)
        let found = workloads.filter { places.contains($0.address) }
        guard found.isEmpty else { return found }
        let ports = Set(addresses.filter(\.isAnyAddress).compactMap(\.port))
        guard !ports.isEmpty else { return [] }
        return workloads.filter { workload in
            workload.namespace == namespace && workload.address.port.map { ports.contains($0) } ?? false
        }
    }

    /// Whether a host, or a pattern of hosts, stands for some service.
    func knows(_ host: HostPattern) -> Bool {
        host.isWildcard ? services.contains { host.matches($0.host) } : service(host) != nil
    }
}

extension EndpointAddress {
    /// Whether it stands for all addresses of a machine.
    fileprivate var isAnyAddress: Bool { port != nil && (host == "0.0.0.0" || host == "::") }
}
