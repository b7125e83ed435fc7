// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshConfig
public import MeshCore

/// Resources of the xDS API in a JSON or YAML document, in protobuf's own JSON mapping: what Envoy reads from files.
///
/// Keys may be written as in the API (`virtual_hosts`) or as JSON has them (`virtualHosts`). The same decoder reads them
/// that reads what comes by xDS; every problem and every field without effect is named with its line and its column.
public struct ResourceDocument: Sendable {
    /// The document.
    public var root: DocumentNode
    /// Its file, for messages; empty if there is none.
    public var file: String

    /// Takes a document that somebody read, or a part of one.
    public init(_ root: DocumentNode, file: String = "") {
        self.root = root
        self.file = file
    }

    /// Reads JSON of at most 64 MiB, at most 100 levels deep.
    /// - Throws: `ConfigurationError` with the line and the column at which it is no JSON.
    public init(json: String, file: String = "") throws(ConfigurationError) {
        self.init(try JSONReader.read(json, file: file), file: file)
    }

    /// Reads the document as a route table (`envoy.config.route.v3.RouteConfiguration`); its name may be left out.
    /// - Throws: `ConfigurationError` with every problem, each with its line and its column.
    public func routeConfiguration(
        registry: ExtensionRegistry = .standard
    ) throws(ConfigurationError) -> ReadResource<RouteConfiguration> {
        let read = try resource(.routeConfiguration, registry)
        guard case .routeConfiguration(let resource) = read.resource else { throw unexpected(.routeConfiguration) }
        return ReadResource(resource, ignored: read.ignored)
    }

    /// Reads the document as a listener (`envoy.config.listener.v3.Listener`); its name may be left out.
    /// - Throws: `ConfigurationError` with every problem, each with its line and its column.
    public func listener(
        registry: ExtensionRegistry = .standard
    ) throws(ConfigurationError) -> ReadResource<Listener> {
        let read = try resource(.listener, registry)
        guard case .listener(let resource) = read.resource else { throw unexpected(.listener) }
        return ReadResource(resource, ignored: read.ignored)
    }

    /// Reads the document as a cluster (`envoy.config.cluster.v3.Cluster`).
    /// - Throws: `ConfigurationError` with every problem, each with its line and its column.
    public func cluster(
        registry: ExtensionRegistry = .standard
    ) throws(ConfigurationError) -> ReadResource<Cluster> {
        let read = try resource(.cluster, registry)
        guard case .cluster(let resource) = read.resource else { throw unexpected(.cluster) }
        return ReadResource(resource, ignored: read.ignored)
    }

    /// Reads the document as the endpoints of a cluster (`envoy.config.endpoint.v3.ClusterLoadAssignment`).
    /// - Throws: `ConfigurationError` with every problem, each with its line and its column.
    public func endpointAssignment(
        registry: ExtensionRegistry = .standard
    ) throws(ConfigurationError) -> ReadResource<EndpointAssignment> {
        let read = try resource(.endpointAssignment, registry)
        guard case .endpointAssignment(let resource) = read.resource else { throw unexpected(.endpointAssignment) }
        return ReadResource(resource, ignored: read.ignored)
    }

    /// Reads the document as a layer of the runtime (`envoy.service.runtime.v3.Runtime`); its name may be left out.
    /// - Throws: `ConfigurationError` with every problem, each with its line and its column.
    public func runtimeLayer() throws(ConfigurationError) -> ReadResource<RuntimeLayer> {
        let read = try resource(.runtimeLayer, .standard)
        guard case .runtimeLayer(let resource) = read.resource else { throw unexpected(.runtimeLayer) }
        return ReadResource(resource, ignored: read.ignored)
    }

    /// Reads the document as the configuration that Envoy is started with (`envoy.config.bootstrap.v3.Bootstrap`): its
    /// static listeners and clusters.
    ///
    /// - Throws: `ConfigurationError` with every problem, each with its line and its column. References between the
    ///   resources are not checked: `MeshResources.validate()` does that.
    public func bootstrap(
        registry: ExtensionRegistry = .standard
    ) throws(ConfigurationError) -> ReadResource<MeshResources> {
        var resources = MeshResources()
        var ignored: [DocumentReport] = []
        var problems = ProblemCollector()
        guard let fields = root.fields else {
            throw ConfigurationError(path: "", "\(place(root.position))must be an object with static_resources")
        }
        for field in fields {
            guard ["static_resources", "staticResources"].contains(field.name) else {
                let isKnown = KnownField.table(of: "envoy.config.bootstrap.v3.Bootstrap")?[field.name] != nil
                ignored.append(report(field, in: "", isKnown ? nil : "envoy.config.bootstrap.v3.Bootstrap"))
                continue
            }
            for part in field.value.fields ?? [] {
                let kind: ResourceKind
                switch part.name {
                case "listeners": kind = .listener
                case "clusters": kind = .cluster
                case "secrets":
                    ignored.append(report(part, in: "static_resources.", nil))
                    continue
                default:
                    let type = "envoy.config.bootstrap.v3.Bootstrap.StaticResources"
                    ignored.append(report(part, in: "static_resources.", type))
                    continue
                }
                guard case .list(let elements) = part.value.value else {
                    problems.note("", "\(place(part.value.position))static_resources.\(part.name) must be a list")
                    continue
                }
                for (number, element) in elements.enumerated() {
                    let path = "static_resources.\(part.name)[\(number)]"
                    let read = problems.nest("") { () throws(ConfigurationError) in
                        try ResourceDocument(element, file: file).resource(kind, registry, below: path)
                    }
                    guard let read else { continue }
                    ignored += read.ignored
                    let isNew = resources.add(read.resource)
                    problems.require(isNew, "", "\(place(element.position))\(path).name is that of an earlier one")
                }
            }
        }
        try problems.throwIfAny()
        return ReadResource(resources, ignored: ignored)
    }

    func report(_ field: DocumentNode.Field, in parent: String, _ unknownTo: String?) -> DocumentReport {
        DocumentReport(
            file: file,
            position: field.position,
            path: parent + field.name,
            reason: unknownTo.map { "\($0) has no such field" } ?? "is not supported",
            isUnknownField: unknownTo != nil
        )
    }

    func place(_ position: DocumentPosition) -> DocumentPlace { DocumentPlace(file: file, position: position) }

    /// The decoder gives the kind that it is asked for.
    private func unexpected(_ kind: ResourceKind) -> ConfigurationError {
        ConfigurationError(path: "", "\(place(root.position))is no \(kind.rawValue)")
    }
}

extension MeshResources {
    /// Adds a resource.
    /// - Returns: Whether none of its kind had its name.
    mutating func add(_ resource: XDSResource) -> Bool {
        switch resource {
        case .listener(let listener): listeners.updateValue(listener, forKey: listener.name) == nil
        case .routeConfiguration(let routes): routeConfigurations.updateValue(routes, forKey: routes.name) == nil
        case .cluster(let cluster): clusters.updateValue(cluster, forKey: cluster.name) == nil
        case .endpointAssignment(let endpoints):
            endpointAssignments.updateValue(endpoints, forKey: endpoints.name) == nil
        case .secret(let secret): secrets.updateValue(secret, forKey: secret.name) == nil
        case .runtimeLayer(let layer): add(layer)
        case .unused: true
        }
    }

    private mutating func add(_ layer: RuntimeLayer) -> Bool {
        let isNew = !runtimeLayers.contains { $0.name == layer.name }
        addRuntimeLayer(layer)
        return isNew
    }
}
