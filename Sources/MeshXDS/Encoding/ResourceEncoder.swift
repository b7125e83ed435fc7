// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import MeshConfig
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
    }

    /// Encodes a configuration.
    package func encode(_ resources: MeshResources) -> Output {
        let translation = DialectTranslation(resources, to: dialect)
        let resources = translation.resources
        var output = Output(reports: translation.reports)
        output.add(.cluster, resources.clusters, cluster)
        output.add(.endpointAssignment, resources.endpointAssignments, endpointAssignment)
        output.add(.listener, resources.listeners, listener)
        output.add(.routeConfiguration, resources.routeConfigurations, routeConfiguration)
        return output
    }
}

extension ResourceEncoder.Output {
    fileprivate mutating func add<Resource>(
        _ kind: ResourceKind,
        _ resources: [String: Resource],
        _ encode: (Resource) throws -> some Message
    ) {
        var packed: [String: PackedResource] = [:]
        packed.reserveCapacity(resources.count)
        for (name, resource) in resources {
            do {
                packed[name] = PackedResource(try Google_Protobuf_Any(packing: try encode(resource)))
            } catch {
                // Only a message beyond 2 GiB, or a custom policy that no codec knows, cannot be written.
                reports.append(FieldReport(path: "\(kind)[\(name)]", reason: "cannot be encoded: \(error)"))
            }
        }
        self.resources[kind] = packed
    }
}
