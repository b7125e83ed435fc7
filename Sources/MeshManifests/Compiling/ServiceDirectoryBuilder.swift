// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Collects the services of a directory: first those that are registered, then those that manifests define.
struct ServiceDirectoryBuilder {
    private(set) var services: [String: MeshService] = [:]
    private(set) var workloads: [Workload] = []
    private(set) var diagnostics: [Diagnostic] = []
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
        for host in definition.hosts {
            if let first = places[host.value.text] {
                report(host, "\(host.value.text) is defined at \(first) already, which is in force")
            } else if services[host.value.text] != nil, !definition.endpoints.areRegistered {
                report(host, "\(host.value.text) has registered workloads, so this definition is ignored")
            } else {
                places[host.value.text] = host.position
                add(definition, host: host.value.text)
            }
        }
    }

    private mutating func add(_ definition: ServiceDefinition, host: String) {
        let namespace = definition.metadata.namespace
        var service = services[host] ?? MeshService(host: host, namespace: namespace, ports: [])
        service.definition = definition
        service.visibility = definition.visibility
        service.ports = Set(service.ports + definition.ports.filter(\.servesHTTP).map(\.number)).sorted()
        if case .workloads(let labels) = definition.endpoints {
            for workload in workloads where workload.namespace == namespace && workload.labels.satisfies(labels) {
                add(workload, to: &service)
            }
        }
        services[host] = service
    }

    private mutating func add(_ workload: Workload, to service: inout MeshService) {
        // One address may serve several of the service's ports, each by a registration of its own.
        let isTaken = { (other: Workload) in
            other.address == workload.address && other.servicePort == workload.servicePort
        }
        if let first = service.workloads.first(where: isTaken) {
            guard first.id != workload.id else { return }
            report(workload, "\(first.id) serves \(service.host) at \(workload.address) already")
            return
        }
        service.workloads.append(workload)
    }

    private mutating func report(_ host: Located<HostPattern>, _ message: String) {
        diagnostics.append(Diagnostic(.warning, .competingServices, at: host.position, message))
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
