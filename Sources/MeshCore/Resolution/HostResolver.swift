// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Finds the addresses of host names: the system's resolver, a DNS client of your own, a table in tests.
///
/// The mesh asks it for the names of clusters whose endpoints come from DNS, at most sixteen at once and
/// never twice at once for the same question. An implementation
/// - returns no address for a name that does not exist, and throws when it cannot know;
/// - returns promptly when its task is cancelled: each lookup has a time-out, and ends with the mesh's `run`;
/// - keeps to the family that is asked for (`DNSLookupFamily.select` does it for those that have both).
///
/// It is called from any thread. `MeshHTTP` has the system's resolver, `MeshTesting` a table.
public protocol HostResolver: Sendable {
    /// Finds the addresses of a name, in the order in which they should be tried.
    /// - Throws: What keeps it from knowing; `CancellationError` when the task is cancelled.
    func resolve(_ host: String, family: DNSLookupFamily) async throws -> [ResolvedAddress]
}

/// An address that a name has.
public struct ResolvedAddress: Hashable, Sendable {
    /// The address.
    public var address: IPAddress
    /// How long it may be believed, in whole seconds as DNS has it; `nil` if the resolver does not know.
    public var timeToLive: Nanoseconds?

    /// Creates an address.
    public init(_ address: IPAddress, timeToLive: Nanoseconds? = nil) {
        self.address = address
        self.timeToLive = timeToLive
    }
}

/// Which addresses of a name are wanted (Envoy's `Cluster.DnsLookupFamily`).
public enum DNSLookupFamily: String, Hashable, CaseIterable, Sendable {
    /// Those of version 6, and those of version 4 if there are none (`AUTO`).
    case automatic
    /// Those of version 4 (`V4_ONLY`).
    case version4Only
    /// Those of version 6 (`V6_ONLY`).
    case version6Only
    /// Those of version 4, and those of version 6 if there are none (`V4_PREFERRED`).
    case version4Preferred
    /// Those of both (`ALL`).
    case all

    /// What is wanted of the addresses of both versions, in their order.
    public func select(_ addresses: [ResolvedAddress]) -> [ResolvedAddress] {
        let version4 = addresses.filter { !$0.address.isVersion6 }
        let version6 = addresses.filter(\.address.isVersion6)
        return switch self {
        case .automatic: version6.isEmpty ? version4 : version6
        case .version4Only: version4
        case .version6Only: version6
        case .version4Preferred: version4.isEmpty ? version6 : version4
        case .all: addresses
        }
    }
}
