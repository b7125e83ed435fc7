// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Istio's VirtualService: how the requests to some hosts are routed.
struct VirtualServiceManifest: ManifestKind {
    static let kind = "VirtualService"
    static let apiVersions = [
        "networking.istio.io/v1", "networking.istio.io/v1beta1", "networking.istio.io/v1alpha3",
    ]

    private let routing: HostRouting
    private let routesHTTP: Bool
    /// Whether it has no hosts, so that only others make use of its rules.
    private let isDelegate: Bool

    init?(_ fields: inout FieldReader, metadata: ManifestMetadata) {
        let read = fields.requiredMapping("spec") { fields in Self.readSpec(&fields, metadata) }
        guard let read else { return nil }
        routing = read.routing
        routesHTTP = read.routesHTTP
        isDelegate = read.isDelegate
    }

    func contribute(to model: inout ManifestModel) {
        // What only routes TCP leaves the HTTP requests of its hosts alone.
        guard routesHTTP else { return }
        if isDelegate {
            model.delegates.append(routing)
        } else {
            model.routings.append(routing)
        }
    }

    private static func readSpec(
        _ fields: inout FieldReader,
        _ metadata: ManifestMetadata
    ) -> (routing: HostRouting, routesHTTP: Bool, isDelegate: Bool) {
        let routesHTTP = fields.has("http")
        let isDelegate = fields.elements("hosts")?.isEmpty ?? (fields.value("hosts") == nil)
        if isDelegate { checkDelegate(fields, routesHTTP: routesHTTP) }
        let hosts = fields.hosts("hosts", namespace: metadata.namespace)
        let gateways = fields.texts("gateways")
        let visibility = fields.visibility(namespace: metadata.namespace)
        let appliesToMesh = gateways.isEmpty || gateways.contains { $0.value == "mesh" }
        if !appliesToMesh, !isDelegate {
            let names = gateways.map(\.value).joined(separator: ", ")
            fields.context.report(
                .note,
                .gatewayOnly,
                at: fields.keyPosition("gateways"),
                "these routes apply to \(names) only; add mesh to apply them to traffic between services as well"
            )
        }
        var number = 0
        let rules = fields.mappings("http") { fields -> TrafficRule? in
            number += 1
            let name = "\(metadata.namespace)/\(metadata.name)/\(number)"
            return fields.trafficRule(
                defaultName: name,
                namespace: metadata.namespace,
                isDelegated: isDelegate
            )
        }
        fields.ignore("tls", "tcp")
        let routing = HostRouting(
            metadata: metadata,
            hosts: hosts,
            visibility: visibility,
            appliesToMesh: appliesToMesh,
            rules: rules
        )
        return (routing, routesHTTP, isDelegate)
    }

    /// A manifest without hosts is there for others, as in Istio, which routes HTTP only by it and at no gateway of its own.
    private static func checkDelegate(_ fields: FieldReader, routesHTTP: Bool) {
        guard routesHTTP else {
            fields.reportMissing("hosts")
            return
        }
        for field in ["gateways", "tls", "tcp"] where fields.has(field) {
            fields.context.error(
                .conflictingFields,
                at: fields.keyPosition(field),
                "without hosts its rules are for others to delegate to, and \(field) is not for them to have"
            )
        }
    }
}
