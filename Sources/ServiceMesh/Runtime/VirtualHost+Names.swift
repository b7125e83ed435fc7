// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting

extension VirtualHost {
    /// The authorities that it serves on a listener.
    ///
    /// A listener is chosen by its name (gRPC's `xds:///NAME`), so in it `*` means "whoever asked for this listener":
    /// requests to the listener's name, or the hosts that it was asked for by, with and without the port. It must not
    /// swallow the other listeners' hosts, but for the one that the application says is there for that.
    ///
    /// One that stands for a port is chosen by the port that a request names, or means: its hosts' names have that port.
    /// - Parameter isCatchAll: Whether the listener takes what no other does.
    func names(on listener: Listener, isCatchAll: Bool) -> [DomainPattern] {
        domains.flatMap { domain -> [DomainPattern] in
            if let address = listener.capturedAddress, let port = address.port {
                return domain.names(on: listener, at: address, port: port)
            }
            guard domain == .any, !isCatchAll else { return [domain] }
            let names = listener.hosts.isEmpty ? [listener.name.lowercased()] : listener.hosts
            return names.flatMap { name -> [DomainPattern] in
                guard let address = EndpointAddress(authority: name), address.host != name else {
                    return [.exact(name)]
                }
                return [.exact(name), .exact(address.host)]
            }
        }
    }
}

extension DomainPattern {
    /// What a proxy would send here that takes the connections to an address, as the callers write it.
    fileprivate func names(on listener: Listener, at address: EndpointAddress, port: UInt16) -> [DomainPattern] {
        let suffix = ":\(port)"
        // Who names no port means 80; what means 443 without saying so is looked for among the names with `:443`.
        let isImplied = port == 80
        switch self {
        case .exact(let name):
            guard !OutboundRoutes.hasPort(name) else { return [self] }
            return [.exact(name + suffix)] + (isImplied ? [self] : [])
        case .suffix(let end):
            guard !OutboundRoutes.hasPort(end) else { return [self] }
            return [.suffix(end + suffix)] + (isImplied ? [self] : [])
        // It leaves the port open.
        case .prefix: return [self]
        case .any where !address.isWildcard:
            // The connections to one address are those to one service: Istio names its routes after it.
            let own = DomainPattern.exact("\(address)".lowercased())
            guard let routes = listener.routeConfigurationName?.lowercased(),
                let service = EndpointAddress(authority: routes), service.port == port
            else { return [own] + (isImplied ? [.exact(address.host)] : []) }
            return [own, .exact(routes)] + (isImplied ? [.exact(address.host), .exact(service.host)] : [])
        // All that has no listener of its own goes past the mesh, or nowhere, as the table of port 80 says.
        case .any: return isImplied ? [self] : [.suffix(suffix)]
        }
    }
}

extension EndpointAddress {
    /// Whether it stands for every address of a host.
    var isWildcard: Bool { host == "0.0.0.0" || host == "::" }
}
