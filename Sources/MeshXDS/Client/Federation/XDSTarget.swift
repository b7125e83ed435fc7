// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A service that a process calls by its name, as gRPC writes it: `xds:///reviews:9080`, or `xds://AUTHORITY/reviews:9080`
/// for one whose listener an authority of the bootstrap has (gRFC A47).
///
/// The bootstrap's templates make the name of a listener of it, which is asked for; requests to the host take the
/// listener's routes.
public struct XDSTarget: Hashable, Sendable {
    /// The authority, as it stands in the bootstrap; `nil` for what the bootstrap has by default.
    public var authority: String?
    /// The host that requests name, with its port if they do.
    public var name: String

    /// Creates a target.
    /// - Precondition: `name` is not empty.
    public init(_ name: String, authority: String? = nil) {
        precondition(!name.isEmpty, "a target needs a name")
        self.name = name
        self.authority = authority
    }

    /// Reads a target: `xds:///NAME`, `xds:NAME`, `xds://AUTHORITY/NAME`, or the name alone.
    /// - Throws: `ConfigurationError` that says what is wrong with it.
    public init(uri: String) throws(ConfigurationError) {
        var rest = uri[...]
        var authority: String?
        if rest.hasPrefix("xds:") {
            rest = rest.dropFirst(4)
            if rest.hasPrefix("//") {
                rest = rest.dropFirst(2)
                let end = rest.firstIndex(of: "/") ?? rest.endIndex
                // Without a name between them the slashes say that there is no authority.
                if end != rest.startIndex { authority = String(rest[..<end]) }
                rest = rest[end...]
            }
            if rest.hasPrefix("/") { rest = rest.dropFirst() }
        }
        guard !rest.isEmpty else { throw ConfigurationError(path: "", "\(uri) names no service") }
        guard !rest.contains("://") else {
            throw ConfigurationError(path: "", "\(uri) is of another scheme than xds")
        }
        self.name = String(rest)
        self.authority = authority
    }

    /// What requests call the service: the name, with slashes percent-encoded, which no host has.
    var host: String {
        name.split(separator: "/", omittingEmptySubsequences: false).joined(separator: "%2F").lowercased()
    }
}

extension XDSTarget: CustomStringConvertible {
    /// The target as gRPC writes it.
    public var description: String { "xds://\(authority ?? "")/\(name)" }
}
