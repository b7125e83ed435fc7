// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import MeshConfig
import MeshCore
import SwiftProtobuf

/// Turns our resources into xDS resources, in the dialect of a client; equal resources give equal bytes.
package struct ResourceEncoder: Sendable {
    /// Whom it speaks to.
    package var dialect: Dialect
    var registry: ExtensionRegistry

    /// Creates an encoder.
    package init(dialect: Dialect, registry: ExtensionRegistry = .standard) {
        self.dialect = dialect
        self.registry = registry
    }

    /// What encoding gave.
    package struct Output: Sendable {
        /// The resources by kind and name.
        package var resources: [ResourceKind: [String: PackedResource]] = [:]
        /// What the dialect cannot say, and what was done about it.
        package var reports: [FieldReport] = []
        /// The endpoint assignments that clusters need, by the clusters' names.
        package var assignments: [String: String] = [:]
    }

    /// Encodes a configuration.
    package func encode(_ resources: MeshResources) -> Output {
        let translation = DialectTranslation(resources, to: dialect, registry: registry)
        let resources = translation.resources
        var output = Output(reports: translation.reports)
        let all: [XDSResource] =
            resources.clusters.values.map { .cluster($0) }
            + resources.endpointAssignments.values.map { .endpointAssignment($0) }
            + resources.listeners.values.map { .listener($0) }
            + resources.routeConfigurations.values.map { .routeConfiguration($0) }
            + resources.secrets.values.map { .secret($0) }
            + resources.runtimeLayers.map { .runtimeLayer($0) }
        for resource in all {
            do {
                output.resources[resource.kind, default: [:]][resource.name] = try packed(resource)
            } catch {
                output.reports.append(Self.unwritable(resource, error))
            }
        }
        output.assignments = resources.clusters.compactMapValues(\.endpointAssignmentName)
        return output
    }

    /// The bytes of a resource that was translated into the dialect.
    func packed(_ resource: XDSResource) throws -> PackedResource {
        let message =
            switch resource {
            case .cluster(let cluster): try Google_Protobuf_Any(packing: self.cluster(cluster))
            case .endpointAssignment(let assignment): try Google_Protobuf_Any(packing: endpointAssignment(assignment))
            case .listener(let listener): try Google_Protobuf_Any(packing: self.listener(listener))
            case .routeConfiguration(let routes): try Google_Protobuf_Any(packing: routeConfiguration(routes))
            case .secret(let secret): try Google_Protobuf_Any(packing: self.secret(secret))
            case .runtimeLayer(let layer): try Google_Protobuf_Any(packing: runtimeLayer(layer))
            case .unused(let kind, let name): throw ConfigurationError(path: "\(kind)[\(name)]", "is of no use")
            }
        return PackedResource(message)
    }

    /// Only a message beyond 2 GiB, or a custom policy that no codec knows, cannot be written.
    static func unwritable(_ resource: XDSResource, _ error: any Error) -> FieldReport {
        FieldReport(path: "\(resource.kind)[\(resource.name)]", reason: "cannot be encoded: \(error)")
    }
}
