// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Synchronization

/// What each client has of a policy, for as long as the client lives.
final class ClientTable: Sendable {
    private struct Entry: Sendable {
        weak let client: (any Sendable & AnyObject)?
        let member: any Sendable & AnyObject
    }

    private let entries = Mutex<[Entry]>([])

    /// A client's member, made when it is first asked for.
    /// - Complexity: O(clients of the process), which are few.
    func member<Member: Sendable & AnyObject>(of client: any Sendable & AnyObject, make: () -> Member) -> Member {
        entries.withLock { entries in
            for entry in entries where entry.client === client {
                // A client asks one table for one type only.
                return unsafeDowncast(entry.member, to: Member.self)
            }
            let member = make()
            entries.removeAll { $0.client == nil }
            entries.append(Entry(client: client, member: member))
            return member
        }
    }
}
