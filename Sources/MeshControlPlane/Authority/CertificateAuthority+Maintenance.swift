// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import Logging
import MeshCore
import Synchronization

extension CertificateAuthority {
    /// How often it is looked whether anything is due.
    static let maintenanceInterval = Nanoseconds.seconds(10)

    /// Keeps the authority up to date until the task is cancelled.
    /// - Throws: `CancellationError` when it is.
    func run() async throws {
        while true {
            try await clock.sleep(until: clock.now.advanced(by: Self.maintenanceInterval))
            do {
                try maintain()
            } catch {
                // It goes on with what it has, and tries again.
                logger.error("the authority cannot be maintained: \(error)")
            }
        }
    }

    /// Does what is due: replaces authorities, retires roots, forgets what has expired, reads the operator's files again,
    /// and makes new revocation lists.
    /// - Throws: An error if something could not be done; what was before stays in force.
    func maintain(now: Date = Date()) throws {
        let changes = try state.withLock { state -> [AuthorityState.Change] in
            var authority = state.authority
            var changes = try authority.maintain(
                trustDomain: configuration.trustDomain,
                overlap: overlap,
                now: now
            )
            let seen = configuration.files?.modificationDates ?? []
            if let files = configuration.files, seen != state.readFiles {
                let read = try files.state(trustDomain: configuration.trustDomain, now: now)
                if read.issuers.first?.pair.certificate != authority.issuers.first?.pair.certificate {
                    // The leaves of the one before live on, and may have to be taken back.
                    authority.issuers =
                        read.issuers.map { AuthorityState.Issuer($0.pair, chain: $0.chain, since: now) }
                        + authority.issuers
                    changes.append(.issuerReplaced)
                }
                if read.roots != authority.roots { changes.append(.rootActivated) }
                authority.roots = read.roots
                state.readFiles = seen
            }
            var book = state.book
            if book.forgetExpired(now: now) { try keep(book) }
            if authority.root != nil, !changes.isEmpty { try keys.write(authority.pem) }
            let isListDue = now.timeIntervalSince(state.lists.madeAt) >= PublishedLists.interval
            if !changes.isEmpty || isListDue {
                try state.lists.publish(authority, Array(book.revoked.values), now: now)
            }
            state.authority = authority
            state.book = book
            return changes
        }
        for change in changes { changed(change.rawValue, now) }
    }

    /// Begins to replace the root: everybody learns of the new one first, then it signs, then the old one goes. Each step
    /// waits until every certificate that was issued before has expired.
    /// - Returns: Whether it has begun; `false` if it had, or if the operator keeps the root.
    func rotateRoot(operator name: String, now: Date = Date()) throws -> Bool {
        let hasBegun = try state.withLock { state in
            var authority = state.authority
            guard try authority.prepareRoot(trustDomain: configuration.trustDomain, now: now) else { return false }
            var lists = state.lists
            try lists.publish(authority, Array(state.book.revoked.values), now: now)
            try keys.write(authority.pem)
            state.authority = authority
            state.lists = lists
            return true
        }
        if hasBegun { changed("\(AuthorityState.Change.rootPrepared.rawValue) by \(name)", now) }
        return hasBegun
    }

    private func changed(_ what: String, _ now: Date) {
        audit.append(AuditEntry(time: now, event: .authorityChanged, caller: "authority", reason: what))
        logger.notice("the authority of \(configuration.trustDomain): \(what)")
    }
}
