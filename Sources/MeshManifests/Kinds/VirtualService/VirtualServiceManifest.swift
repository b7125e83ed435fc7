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

    init?(_ fields: inout FieldReader, metadata: ManifestMetadata) {
        let read = fields.requiredMapping("spec") { fields in Self.readSpec(&fields, metadata) }
        guard let read else { return nil }
        routing = read.routing
        routesHTTP = read.routesHTTP
    }

    func contribute(to model: inout ManifestModel) {
        // What only routes TCP leaves the HTTP requests of its hosts alone.
        if routesHTTP { model.routings.append(routing) }
    }

    private static func readSpec(
        _ fields: inout FieldReader,
        _ metadata: ManifestMetadata
    ) -> (routing: HostRouting, routesHTTP: Bool) {
        if !fields.has("hosts") { fields.reportMissing("hosts") }
        let hosts = fields.hosts("hosts", namespace: metadata.namespace)
        let gateways = fields.texts("gateways")
        let visibility = fields.visibility(namespace: metadata.namespace)
        let appliesToMesh = gateways.isEmpty || gateways.contains { $0.value == "mesh" }
        if !appliesToMesh {
            let names = gateways.map(\.value).joined(separator: ", ")
            fields.context.report(
                .note,
                .gatewayOnly,
                at: fields.keyPosition("gateways"),
                "these routes apply to \(names) only; add mesh to apply them to traffic between services as well"
            )
        }
        let routesHTTP = fields.has("http")
        var number = 0
        let rules = fields.mappings("http") { fields -> TrafficRule? in
            number += 1
            let name = "\(metadata.namespace)/\(metadata.name)/\(number)"
            return fields.trafficRule(defaultName: name, namespace: metadata.namespace)
        }
        fields.ignore("tls", "tcp")
        let routing = HostRouting(
            metadata: metadata,
            hosts: hosts,
            visibility: visibility,
            appliesToMesh: appliesToMesh,
            rules: rules
        )
        return (routing, routesHTTP)
    }
}
