// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshManifests
import MeshXDS

/// The configuration that `meshctl explain` reads from files: xDS resources, and Istio's manifests as one client gets
/// them.
struct ExplainInput {
    /// Everything together.
    private(set) var resources = MeshResources()
    /// What was left out or is doubtful, each with its place.
    private(set) var warnings: [String] = []

    /// Reads files.
    /// - Parameters:
    ///   - client: The client that manifests are compiled for.
    ///   - workloads: The instances that are running, which manifests alone do not tell.
    /// - Throws: Every problem, each with its place.
    init(_ files: [InputFile], client: Node, workloads: [Workload]) throws(InputError) {
        var problems: [String] = []
        var manifests: [InputFile] = []
        for file in files {
            do {
                let documents = try DocumentReader.documents(file)
                if documents.contains(where: \.isManifest) {
                    manifests.append(file)
                    continue
                }
                for document in documents { try add(document, of: file) }
            } catch {
                problems += error.lines
            }
        }
        if !manifests.isEmpty || !workloads.isEmpty {
            let reading = ManifestReader.read(manifests.map { ManifestFile(name: $0.name, bytes: $0.bytes) })
            let compiled = ManifestCompiler().compile(reading.objects, workloads: workloads, for: client)
            for diagnostic in reading.diagnostics + compiled.diagnostics {
                if diagnostic.severity == .error {
                    problems.append(diagnostic.lineOfText)
                } else {
                    warnings.append(diagnostic.lineOfText)
                }
            }
            merge(compiled.resources)
        }
        if !problems.isEmpty { throw InputError(lines: problems) }
    }

    private mutating func add(_ document: DocumentNode, of file: InputFile) throws(InputError) {
        let read = try ResourceFile(document, file: file.name)
        warnings += read.ignored
        var resources = read.resources
        // A table that no listener names is the whole configuration: it is looked at as if one did.
        let named = Set(read.listeners.compactMap(\.routeConfigurationName))
        if read.listeners.isEmpty {
            for table in read.routeConfigurations where !named.contains(table.name) {
                let name = table.name.isEmpty ? file.name : table.name
                resources.listeners[name] = Listener(name: name, routes: .inline(table))
            }
        }
        merge(resources)
    }

    private mutating func merge(_ others: MeshResources) {
        resources.listeners.merge(others.listeners) { $1 }
        resources.routeConfigurations.merge(others.routeConfigurations) { $1 }
        resources.clusters.merge(others.clusters) { $1 }
        resources.endpointAssignments.merge(others.endpointAssignments) { $1 }
    }
}

extension DocumentNode {
    /// Whether it is an object of Kubernetes.
    fileprivate var isManifest: Bool {
        guard case .fields(let fields) = value else { return false }
        return fields.contains { $0.name == "apiVersion" } && fields.contains { $0.name == "kind" }
    }
}
