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
        /// The endpoint assignments that clusters need, by the clusters' names.
        package var assignments: [String: String] = [:]
    }

    /// Encodes a configuration.
    package func encode(_ resources: MeshResources) -> Output {
        encode(resources, cache: nil)
    }

    /// Encodes a configuration, but for what the cache has already.
    func encode(_ resources: MeshResources, cache: EncodingCache?) -> Output {
        let translation = DialectTranslation(resources, to: dialect)
        let resources = translation.resources
        var output = Output(reports: translation.reports)
        var pass = EncodingCache.Pass(cache, dialect)
        output.add(resources.clusters, { .cluster($0) }, &pass, cluster)
        output.add(resources.endpointAssignments, { .endpointAssignment($0) }, &pass, endpointAssignment)
        output.add(resources.listeners, { .listener($0) }, &pass, listener)
        output.add(resources.routeConfigurations, { .routeConfiguration($0) }, &pass, routeConfiguration)
        pass.finish()
        output.assignments = resources.clusters.compactMapValues(\.endpointAssignmentName)
        return output
    }
}

extension ResourceEncoder.Output {
    fileprivate mutating func add<Resource>(
        _ resources: [String: Resource],
        _ wrap: (Resource) -> XDSResource,
        _ pass: inout EncodingCache.Pass,
        _ encode: (Resource) throws -> some Message
    ) {
        for (name, resource) in resources {
            let wrapped = wrap(resource)
            do {
                let packed = try pass.packed(wrapped, named: name) {
                    PackedResource(try Google_Protobuf_Any(packing: try encode(resource)))
                }
                self.resources[wrapped.kind, default: [:]][name] = packed
            } catch {
                // Only a message beyond 2 GiB, or a custom policy that no codec knows, cannot be written.
                reports.append(FieldReport(path: "\(wrapped.kind)[\(name)]", reason: "cannot be encoded: \(error)"))
            }
        }
    }
}
