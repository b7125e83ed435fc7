// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Whom a gRPC client calls, in gRPC's words: `xds:///greeter`, `dns:///greeter.example.com:443`,
/// `static:10.0.0.5:50051,10.0.0.6:50051`.
///
/// | Text | Means |
/// |---|---|
/// | `xds:///NAME`, `xds://AUTHORITY/NAME` | what the mesh's configuration says of the service (gRFC A27, A47) |
/// | `dns:///HOST:PORT`, `dns:HOST:PORT`, `HOST:PORT` | the host's addresses, looked up again and again; port 443 if there is none |
/// | `static:A:P,B:P`, `ipv4:A:P,B:P`, `ipv6:[A]:P,[B]:P` | these addresses |
/// | `unix:PATH`, `unix:///PATH` | a Unix domain socket |
public struct MeshTarget: Hashable, Sendable, CustomStringConvertible {
    /// Where the endpoints come from.
    public enum Place: Hashable, Sendable {
        /// A service that the configuration of a mesh describes.
        case service(name: String, authority: String?)
        /// A host name.
        case host(EndpointAddress)
        /// Addresses.
        case addresses([EndpointAddress])
    }

    /// Where the endpoints come from.
    public let place: Place
    /// The authority of its calls, unless something else is said: the service's name, the host with its port, the first
    /// address; `localhost` for a Unix domain socket.
    public let authority: String
    /// The target as it was written.
    public let description: String

    /// The most addresses that a target may have: what a control plane is for begins long before.
    static let mostAddresses = 1024

    /// Reads a target.
    /// - Throws: `ConfigurationError` for what is none, or has an authority other than an xDS one: DNS servers of its own
    ///   are not asked.
    public init(_ text: String) throws(ConfigurationError) {
        guard let colon = text.firstIndex(of: ":") else {
            // A host without a port.
            try self.init(text, Self.host(text[...], of: text))
            return
        }
        let rest = text[text.index(after: colon)...]
        switch text[..<colon] {
        case "xds": try self.init(text, Self.service(rest, of: text))
        case "dns": try self.init(text, Self.host(try Self.path(of: rest, in: text), of: text))
        case "static", "ipv4", "ipv6": try self.init(text, Self.addresses(rest, of: text))
        case "unix":
            let path = rest.hasPrefix("//") ? rest.dropFirst(2) : rest
            guard !path.isEmpty else { throw Self.refusal(text, "has no path") }
            self.init(text, .addresses([EndpointAddress(unixSocketPath: String(path))]))
        default: try self.init(text, Self.host(text[...], of: text))
        }
    }

    /// A service that a mesh's configuration describes.
    public static func service(_ name: String) -> MeshTarget {
        MeshTarget("xds:///\(name)", .service(name: name, authority: nil))
    }

    /// Endpoints at these addresses.
    /// - Throws: `ConfigurationError` if there are none.
    public static func addresses(_ addresses: [EndpointAddress]) throws(ConfigurationError) -> MeshTarget {
        let text = "static:" + addresses.map(\.description).joined(separator: ",")
        guard !addresses.isEmpty, addresses.count <= mostAddresses else {
            throw refusal(text, "must have 1 to \(mostAddresses) addresses")
        }
        return MeshTarget(text, .addresses(addresses))
    }

    private init(_ text: String, _ place: Place) {
        self.description = text
        self.place = place
        switch place {
        case .service(let name, _): self.authority = name
        case .host(let address): self.authority = address.description
        case .addresses(let addresses):
            // gRPC's, for sockets, too.
            let first = addresses.first.flatMap { $0.port == nil ? nil : $0.description }
            self.authority = first ?? "localhost"
        }
    }

    private static func service(_ rest: Substring, of text: String) throws(ConfigurationError) -> Place {
        guard rest.hasPrefix("//") else {
            guard !rest.isEmpty else { throw refusal(text, "has no name") }
            return .service(name: String(rest), authority: nil)
        }
        let parts = rest.dropFirst(2).split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[1].isEmpty else { throw refusal(text, "has no name") }
        return .service(name: String(parts[1]), authority: parts[0].isEmpty ? nil : String(parts[0]))
    }

    private static func host(_ name: Substring, of text: String) throws(ConfigurationError) -> Place {
        // gRPC's port where none is said.
        guard let address = EndpointAddress(authority: String(name), defaultPort: 443) else {
            throw refusal(text, "\"\(name)\" is not a host, or host:port")
        }
        return .host(address)
    }

    private static func path(of rest: Substring, in text: String) throws(ConfigurationError) -> Substring {
        guard rest.hasPrefix("//") else { return rest }
        let parts = rest.dropFirst(2).split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].isEmpty else {
            throw refusal(text, "names a DNS server; the system's resolver is asked, which has its own")
        }
        return parts[1]
    }

    private static func addresses(_ rest: Substring, of text: String) throws(ConfigurationError) -> Place {
        let list = rest.hasPrefix("///") ? rest.dropFirst(3) : rest
        var addresses: [EndpointAddress] = []
        for part in list.split(separator: ",", maxSplits: mostAddresses, omittingEmptySubsequences: true) {
            guard let address = EndpointAddress(authority: String(part)) else {
                throw refusal(text, "\"\(part)\" is not an address with a port")
            }
            addresses.append(address)
        }
        guard !addresses.isEmpty, addresses.count <= mostAddresses else {
            throw refusal(text, "must have 1 to \(mostAddresses) addresses")
        }
        return .addresses(addresses)
    }

    private static func refusal(_ text: String, _ reason: String) -> ConfigurationError {
        ConfigurationError(path: "target", "\"\(text)\": \(reason)")
    }
}
