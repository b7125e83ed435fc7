// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Synchronization

/// The addresses that an endpoint's host name has at the moment, for whoever makes connections to it.
///
/// An endpoint of a logical DNS cluster is its name: it keeps its connections and all that is remembered of it while the
/// name's addresses change, and new connections go to those that the name has then.
public final class ResolvedHost: Sendable, Hashable {
    private let current: Mutex<[IPAddress]>

    /// Creates a name with these addresses.
    public init(_ addresses: [IPAddress] = []) {
        self.current = Mutex(addresses)
    }

    /// The addresses, the one to try first in front; empty while nobody has resolved the name.
    public var addresses: [IPAddress] { current.withLock { $0 } }

    /// The name has other addresses from now on.
    package func update(_ addresses: [IPAddress]) {
        current.withLock { $0 = addresses }
    }

    /// Whether both are one.
    public static func == (lhs: ResolvedHost, rhs: ResolvedHost) -> Bool { lhs === rhs }

    /// Feeds its identity to a hasher.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(ObjectIdentifier(self))
    }
}
