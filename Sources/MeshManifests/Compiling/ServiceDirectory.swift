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
    private let index: [String: Int]

    init(workloads: [Workload], definitions: [ServiceDefinition]) {
        var builder = ServiceDirectoryBuilder()
        builder.add(workloads)
        for definition in definitions { builder.add(definition) }
        let services = builder.services.values.sorted { $0.host < $1.host }
        self.services = services
        self.workloads = builder.workloads
        self.diagnostics = builder.diagnostics
        self.index = Dictionary(uniqueKeysWithValues: services.enumerated().map { ($1.host, $0) })
    }

    /// The service of a host, which may be written without `svc.cluster.local` where it has a namespace.
    func service(_ host: HostPattern) -> MeshService? {
        let position = index[host.text] ?? index["\(host.text).\(HostPattern.serviceDomain)"]
        return position.map { services[$0] }
    }

    /// Whether a host, or a pattern of hosts, stands for some service.
    func knows(_ host: HostPattern) -> Bool {
        host.isWildcard ? services.contains { host.matches($0.host) } : service(host) != nil
    }
}

/// Collects the services of a directory.
private struct ServiceDirectoryBuilder {
    var services: [String: MeshService] = [:]
    var workloads: [Workload] = []
    var diagnostics: [Diagnostic] = []
    private var places: [String: SourcePosition] = [:]

    mutating func add(_ registered: [Workload]) {
        let sorted = registered.sorted {
            ($0.address.host, $0.address.port ?? 0, $0.id) < ($1.address.host, $1.address.port ?? 0, $1.id)
        }
        for workload in sorted {
            guard KubernetesName.isLabel(workload.service), KubernetesName.isLabel(workload.namespace) else {
                report(workload, "its service \(workload.service).\(workload.namespace) is no name of a service")
                continue
            }
            workloads.append(workload)
            let host = workload.serviceHost
            var service = services[host] ?? MeshService(host: host, namespace: workload.namespace, ports: [])
            add(workload, to: &service)
            if ProtocolName.servesHTTP(workload.protocolName), !service.ports.contains(workload.servicePort) {
                service.ports.append(workload.servicePort)
                service.ports.sort()
            }
            services[host] = service
        }
    }

    mutating func add(_ definition: ServiceDefinition) {
        let ports = Set(definition.ports.filter(\.servesHTTP).map(\.number)).sorted()
        for host in definition.hosts {
            let name = host.value.text
            if let first = places[name] {
                diagnostics.append(
                    Diagnostic(
                        .warning,
                        .competingServices,
                        at: host.position,
                        "\(name) is defined at \(first) already"
                    )
                )
                continue
            }
            places[name] = host.position
            let registered = services[name]
            if registered != nil, case .registered = definition.endpoints {
            } else if registered != nil,
                case .listed = definition.endpoints
            {
                reportRegistered(name, host.position)
                continue
            } else if registered != nil, case .host = definition.endpoints {
                reportRegistered(name, host.position)
                continue
            }
            var service = registered ?? MeshService(host: name, namespace: definition.metadata.namespace, ports: [])
            service.definition = definition
            service.visibility = definition.visibility
            service.ports = Set(service.ports + ports).sorted()
            if case .workloads(let labels) = definition.endpoints {
                for workload in workloads
                where workload.namespace == service.namespace && workload.labels.satisfies(labels) {
                    add(workload, to: &service)
                }
            }
            services[name] = service
        }
    }

    private mutating func add(_ workload: Workload, to service: inout MeshService) {
        if let first = service.workloads.first(where: { $0.address == workload.address }) {
            guard first.id != workload.id else { return }
            report(workload, "\(first.id) serves \(service.host) at \(workload.address) already")
            return
        }
        service.workloads.append(workload)
    }

    private mutating func reportRegistered(_ host: String, _ position: SourcePosition) {
        let message = "\(host) has registered workloads; its endpoints in this manifest are ignored"
        diagnostics.append(Diagnostic(.warning, .competingServices, at: position, message))
    }

    private mutating func report(_ workload: Workload, _ message: String) {
        diagnostics.append(
            Diagnostic(
                .warning,
                .unusableWorkload,
                file: "registration of \(workload.id)",
                message: "the workload is ignored: \(message)"
            )
        )
    }
}
