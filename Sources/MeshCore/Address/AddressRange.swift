// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The addresses that begin with the same bits (`envoy.config.core.v3.CidrRange`).
public struct AddressRange: Hashable, Sendable, CustomStringConvertible {
    /// The first address of the range.
    public let first: IPAddress
    /// How many bits are the same.
    public let length: Int

    /// Creates a range; bits behind the prefix do not count, and a length beyond the address's own means all of it.
    public init(_ address: IPAddress, length: Int) {
        self.length = min(max(length, 0), address.bitCount)
        self.first = address.masked(to: self.length)
    }

    /// Whether an address belongs to the range; one of the other version never does.
    public func contains(_ address: IPAddress) -> Bool {
        address.isVersion6 == first.isVersion6 && address.masked(to: length) == first
    }

    /// For people and descriptors: `10.0.0.0/8`.
    public var description: String { "\(first)/\(length)" }
}
