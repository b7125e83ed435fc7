// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

extension Bootstrap {
    /// Who answers for the resources whose names begin with `xdstp://` and its own name (gRFC A47).
    public struct Authority: Hashable, Sendable {
        /// Its control planes, in order of preference; empty for those at the top of the bootstrap.
        ///
        /// Authorities with the same list share its streams.
        public var servers: [Server]
        /// The name of the listener of `xds://AUTHORITY/HOST`, with `%s` for the host; `nil` for gRPC's own,
        /// `xdstp://AUTHORITY/envoy.config.listener.v3.Listener/%s`.
        ///
        /// It begins with `xdstp://AUTHORITY/envoy.config.listener.v3.Listener/`. gRPC's clients ask for the authority only,
        /// and find nothing under names of another type.
        public var clientListenerResourceNameTemplate: String?

        /// Creates an authority.
        public init(servers: [Server] = [], clientListenerResourceNameTemplate: String? = nil) {
            self.servers = servers
            self.clientListenerResourceNameTemplate = clientListenerResourceNameTemplate
        }
    }

    /// The name of the inbound listener of an address. Where the template is of the new style, what may not stand in a path
    /// is percent-encoded (gRFC A47).
    public func inboundListenerName(_ address: EndpointAddress) -> String {
        ListenerNameTemplate(serverListenerResourceNameTemplate).name(of: "\(address)")
    }

    /// The name of the listener of a target. One of an authority that is not in the bootstrap gets the name that it would
    /// have there: nobody is asked for it.
    public func listenerName(of target: XDSTarget) -> String {
        guard let authority = target.authority else {
            return ListenerNameTemplate(clientDefaultListenerResourceNameTemplate).name(of: target.name)
        }
        let template = authorities[authority]?.clientListenerResourceNameTemplate
        return ListenerNameTemplate(
            template ?? ListenerNameTemplate.prefix(of: authority) + ListenerNameTemplate.token
        ).name(of: target.name)
    }

    /// Checks every template.
    /// - Throws: `ConfigurationError` with every field that is wrong, by the names of gRPC's file.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(
            serverListenerResourceNameTemplate.contains(ListenerNameTemplate.token),
            "server_listener_resource_name_template",
            "has no %s for the address to stand in"
        )
        if let problem = ListenerNameTemplate(serverListenerResourceNameTemplate).problem() {
            problems.note("server_listener_resource_name_template", problem)
        }
        problems.require(
            !clientDefaultListenerResourceNameTemplate.isEmpty,
            "client_default_listener_resource_name_template",
            "is empty"
        )
        if let problem = ListenerNameTemplate(clientDefaultListenerResourceNameTemplate).problem() {
            problems.note("client_default_listener_resource_name_template", problem)
        }
        for (name, authority) in authorities.sorted(by: { $0.key < $1.key }) {
            let path = "authorities[\(name)]"
            let sample = try? XDSResourceName(ListenerNameTemplate.prefix(of: name) + "name")
            problems.require(sample?.authority == name, path, "has a character in its name that no authority has")
            guard let template = authority.clientListenerResourceNameTemplate,
                let problem = ListenerNameTemplate(template).problem(of: name)
            else { continue }
            problems.note(path + ".client_listener_resource_name_template", problem)
        }
        try problems.throwIfAny()
    }
}
