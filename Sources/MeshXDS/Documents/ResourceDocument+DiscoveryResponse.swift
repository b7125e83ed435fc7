// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshConfig
public import MeshCore

extension ResourceDocument {
    /// Reads the document as a response of a control plane (`envoy.service.discovery.v3.DiscoveryResponse`), the form in
    /// which Envoy reads resources from files: its resources, which are all of one kind.
    ///
    /// What a response says besides (`version_info`, `nonce` and the like) is for streams.
    /// - Throws: `ConfigurationError` with every problem, at most 256, each with its line and its column. References
    ///   between the resources are not checked: `MeshResources.validate()` does that.
    public func discoveryResponse(
        of kind: ResourceKind,
        registry: ExtensionRegistry = .standard
    ) throws(ConfigurationError) -> ReadResource<MeshResources> {
        let response = try response(kind, registry)
        var resources = MeshResources()
        for part in response.parts { _ = resources.add(part.resource) }
        return ReadResource(resources, ignored: response.ignored + response.parts.flatMap(\.ignored))
    }

    /// Reads the document as a response that brings endpoints, at least those of one cluster.
    ///
    /// A response without resources leaves all as it is in Envoy; here it is refused, which has the same effect and does
    /// not go unnoticed.
    func endpointAssignments(_ registry: ExtensionRegistry) throws(ConfigurationError) -> MeshResources {
        let response = try response(.endpointAssignment, registry)
        guard !response.parts.isEmpty else {
            throw ConfigurationError(
                path: "\(place(root.position))resources",
                "is empty; a cluster without endpoints has an assignment without endpoints"
            )
        }
        var resources = MeshResources()
        for part in response.parts { _ = resources.add(part.resource) }
        // What stands beside the resources belongs to none of them, but to the file.
        let fields =
            response.ignored.map { IgnoredField(.endpointAssignment(file), $0) }
            + response.parts.lazy.flatMap { part in
                part.ignored.map { IgnoredField(.endpointAssignment(part.resource.name), $0) }
            }
        resources.ignored = Array(fields.prefix(IgnoredFieldReports.maximumFields))
        return resources
    }

    private typealias Part = (resource: XDSResource, ignored: [DocumentReport])

    private func response(
        _ kind: ResourceKind,
        _ registry: ExtensionRegistry
    ) throws(ConfigurationError) -> (parts: [Part], ignored: [DocumentReport]) {
        let type = Envoy_Service_Discovery_V3_DiscoveryResponse.protoMessageName
        guard let fields = root.fields else {
            throw ConfigurationError(path: "", "\(place(root.position))must be an object with resources (\(type))")
        }
        let known = KnownField.table(of: type) ?? [:]
        var problems = ProblemCollector()
        var elements: [DocumentNode] = []
        var ignored: [DocumentReport] = []
        var seen: Set<String> = []
        for field in fields where field.name != "@type" {
            guard let name = known[field.name]?.name else {
                ignored.append(report(field, in: "", type))
                continue
            }
            let path = "\(place(field.value.position))\(name)"
            problems.require(seen.insert(name).inserted, path, "appears twice")
            switch (name, field.value.value) {
            case ("resources", .list(let list)): elements = list
            case ("resources", .null): break
            case ("resources", _): problems.note(path, "must be a list")
            case ("type_url", .text(let url)) where !url.isEmpty:
                problems.require(ResourceKind(typeURL: url) == kind, path, "must be \(kind.typeURL)")
            default: break
            }
        }
        var parts: [Part] = []
        var names: Set<String> = []
        for (number, element) in elements.enumerated() where problems.problems.count < DecodingContext.maximumReports {
            let path = "resources[\(number)]"
            let read = problems.nest("") { () throws(ConfigurationError) in
                try packed(element, kind, at: path).resource(kind, registry, below: path)
            }
            guard let read else { continue }
            parts.append((read.resource, read.ignored))
            problems.require(
                names.insert(read.resource.name).inserted,
                "\(place(element.position))\(path)",
                "has the name of an earlier one, \(read.resource.name)"
            )
        }
        try problems.throwIfAny()
        return (parts, ignored)
    }

    /// The resource in an `Any`, or in the wrapper that a response may have around each
    /// (`envoy.service.discovery.v3.Resource`).
    private func packed(
        _ node: DocumentNode,
        _ kind: ResourceKind,
        at path: String,
        isWrapped: Bool = false
    ) throws(ConfigurationError) -> ResourceDocument {
        let label = node.fields?.first { $0.name == "@type" }
        guard let fields = node.fields, let label, case .text(let url) = label.value.value else {
            throw ConfigurationError(path: "\(place(node.position))\(path)", "has no @type")
        }
        if !isWrapped, typeName(ofTypeURL: url) == Envoy_Service_Discovery_V3_Resource.protoMessageName {
            guard let inner = fields.first(where: { $0.name == "resource" })?.value else {
                throw ConfigurationError(path: "\(place(node.position))\(path).resource", "is missing")
            }
            return try packed(inner, kind, at: path + ".resource", isWrapped: true)
        }
        guard ResourceKind(typeURL: url) == kind else {
            let field = "\(place(label.position))\(path).@type"
            throw ConfigurationError(path: field, "must be \(kind.typeURL), is \(url)")
        }
        return ResourceDocument(node, file: file)
    }
}

extension IgnoredField {
    /// A field of a document.
    fileprivate init(_ resource: Resource, _ report: DocumentReport) {
        let place = DocumentPlace(file: report.file, position: report.position)
        self.init(resource, path: "\(place)\(report.path)", reason: report.reason)
    }
}
