// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshCore
import MeshIdentity
import Synchronization

extension CertificateAuthority {
    /// What an operator wants to take back.
    enum Target: Hashable, Sendable {
        /// One certificate, by its number.
        case serialNumber(String)
        /// Every certificate that lives and names an identity. It can be issued again to whoever may claim it: take the
        /// token away first.
        case identity(String)
    }

    /// Takes certificates back. The list is on disk and published when this returns.
    /// - Parameter operator: Who wants it, for the audit log.
    /// - Returns: What was taken back now; what was before is left out.
    /// - Throws: `ConfigurationError` if the number cannot be read, or the list cannot be kept; then nothing was taken back.
    func revoke(
        _ target: Target,
        operator name: String,
        now: Date = Date()
    ) throws -> [RevocationBook.Revoked] {
        let revoked = try state.withLock { state -> [RevocationBook.Revoked] in
            let numbers: [String]
            switch target {
            case .serialNumber(let text):
                guard let number = SerialNumberText(text) else {
                    throw ConfigurationError(path: "serialNumber", "must be 1 to 20 bytes in hexadecimal digits")
                }
                numbers = [number.text]
            case .identity(let identity): numbers = state.book.serialNumbers(of: identity, now: now)
            }
            var book = state.book
            let longestLife = overlap
            let revoked = numbers.compactMap { book.revoke(serialNumber: $0, longestLife: longestLife, now: now) }
            guard !revoked.isEmpty else { return [] }
            var lists = state.lists
            try lists.publish(state.authority, Array(book.revoked.values), now: now)
            // On disk first: what was promised survives a crash.
            try keep(book)
            state.book = book
            state.lists = lists
            return revoked
        }
        for entry in revoked {
            audit.append(
                AuditEntry(
                    time: now,
                    event: .revoked,
                    caller: name,
                    identity: entry.identity,
                    serialNumber: entry.serialNumber,
                    notAfter: entry.notAfter,
                    issuer: entry.issuer
                )
            )
        }
        return revoked
    }

    /// The revocation lists as PEM, one for each of the authority's keys.
    var revocationLists: String { state.withLock { $0.lists.pem } }

    /// The certificates that are taken back and have not expired yet, the last one first.
    var revoked: [RevocationBook.Revoked] {
        state.withLock { Array($0.book.revoked.values) }.sorted {
            ($0.revokedAt, $0.serialNumber) > ($1.revokedAt, $1.serialNumber)
        }
    }

    /// The certificates that live, by identity.
    func issued(now: Date = Date()) -> [RevocationBook.Issued] {
        state.withLock { state in
            state.book.issued.values.filter { $0.notAfter > now && state.book.revoked[$0.serialNumber] == nil }
        }
        .sorted { ($0.identity, $0.notAfter) < ($1.identity, $1.notAfter) }
    }

    func keep(_ book: RevocationBook) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .iso8601
        let entries = book.revoked.values.sorted { $0.serialNumber < $1.serialNumber }
        try revocations.write(String(decoding: try encoder.encode(entries), as: UTF8.self))
    }
}
