// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import Logging
import MeshCore
import MeshIdentity
import MeshSecurity
import SwiftASN1
import Synchronization
import X509

/// Signs the certificates of a trust domain: short-lived, one SPIFFE ID each, for whoever may claim it.
///
/// Its keys live in the state directory, so that a restart changes nothing for anybody, or in files of the operator. An
/// issuing authority signs, whose certificate workloads send with their own; the root signs only that one.
final class CertificateAuthority: Sendable {
    /// How the authority is set up.
    struct Configuration: Sendable {
        var trustDomain: String
        var stateDirectory: String
        /// The operator's authority; `nil` for one that is made here.
        var files: AuthorityFiles?
        /// How long certificates live unless a shorter life is asked for.
        var validity: Nanoseconds
        /// How many certificates each caller gets a second.
        var maximumRate: UInt32 = 500
    }

    /// Leaves begin this much in the past, for workloads whose clocks are behind.
    static let allowedClockSkew: TimeInterval = 60
    /// After a certificate's life, what was issued before it is gone for every clock.
    static let margin: TimeInterval = 600

    struct State {
        var authority: AuthorityState
        var book: RevocationBook
        var rate: IssuanceRate
        var lists = PublishedLists()
        var refusals = RefusalBudget()
        /// The operator's files as they were when they were read last.
        var readFiles: [Date?] = []
    }

    let configuration: Configuration
    let tokens: TokenBook
    let clock: any MeshClock
    let logger: Logger
    let audit: AuditLog
    let refusals: AuditLog
    let keys: PrivateFile
    let revocations: PrivateFile
    let state: Mutex<State>

    /// Loads the authority of a trust domain, or makes it if the state directory has none.
    /// - Throws: `ConfigurationError` if the state directory or the operator's files cannot be used. A state that cannot be
    ///   read is never replaced: a new root would cut off every workload that trusts the old one, and a list of
    ///   revocations that is lost would let everybody back in.
    init(
        _ configuration: Configuration,
        tokens: TokenBook,
        clock: any MeshClock = SystemClock(),
        logger: Logger = Logger(label: "CertificateAuthority"),
        now: Date = Date()
    ) throws {
        let directory = configuration.stateDirectory
        let keys = PrivateFile(directory: directory, name: "authority.pem")
        let revocations = PrivateFile(directory: directory, name: "revoked.json")
        try keys.prepareDirectory()
        let audit = AuditLog(directory: directory, name: "audit", logger: logger)
        var book = RevocationBook(revoked: try Self.readRevocations(revocations))
        for entry in audit.entries() where entry.event == .issued {
            guard let issued = RevocationBook.Issued(entry), issued.notAfter > now else { continue }
            book.issued(issued, now: now)
        }
        self.configuration = configuration
        self.tokens = tokens
        self.clock = clock
        self.logger = logger
        self.audit = audit
        self.refusals = AuditLog(directory: directory, name: "refused", maximumFiles: 2, logger: logger)
        self.keys = keys
        self.revocations = revocations
        self.state = Mutex(
            State(
                authority: try Self.load(configuration, keys, now: now),
                book: book,
                rate: IssuanceRate(perSecond: configuration.maximumRate),
                readFiles: configuration.files?.modificationDates ?? []
            )
        )
        try maintain(now: now)
    }

    private static func load(
        _ configuration: Configuration,
        _ keys: PrivateFile,
        now: Date
    ) throws -> AuthorityState {
        if let files = configuration.files { return try files.state(trustDomain: configuration.trustDomain, now: now) }
        guard let pem = try keys.read() else {
            let made = try AuthorityState(newFor: configuration.trustDomain, now: now)
            try keys.write(made.pem)
            return made
        }
        do {
            return try AuthorityState(pem: pem, trustDomain: configuration.trustDomain, now: now)
        } catch {
            throw ConfigurationError(
                path: "stateDirectory",
                "the authority of \(configuration.trustDomain) cannot be loaded; move its file away to make a new one: "
                    + "\((error as? IdentityError)?.description ?? "it is damaged")"
            )
        }
    }

    private static func readRevocations(_ file: PrivateFile) throws -> [RevocationBook.Revoked] {
        guard let text = try file.read() else { return [] }
        do {
            let decoder = JSONDecoder()
            decoder.dateDecodingStrategy = .iso8601
            return try decoder.decode([RevocationBook.Revoked].self, from: Data(text.utf8))
        } catch {
            throw ConfigurationError(
                path: "stateDirectory",
                "the list of revoked certificates cannot be read: \(error)"
            )
        }
    }

    /// How long what was issued before may still be in use.
    var overlap: TimeInterval { configuration.validity.seconds + Self.margin }

    /// The root certificates as PEM, the one in use first.
    var trustAnchor: String { state.withLock { $0.lists.roots } }

    /// The roots and the revocation lists of the domain, to judge its certificates by.
    /// - Throws: `IdentityError` if the roots are another domain's.
    func trustBundle() throws -> TrustBundle {
        let (roots, lists) = state.withLock { ($0.lists.roots, $0.lists.pem) }
        var bundle = try TrustBundle(pemByTrustDomain: [configuration.trustDomain: [roots]])
        // Lists of the authorities above the operator's are not here.
        bundle.setRevocations(
            try RevocationLists(pem: lists.isEmpty ? [] : [lists], unknown: .accepted),
            of: configuration.trustDomain
        )
        return bundle
    }
}

extension RevocationBook.Issued {
    init?(_ entry: AuditEntry) {
        guard let serial = entry.serialNumber, let identity = entry.identity, let notAfter = entry.notAfter,
            let issuer = entry.issuer
        else { return nil }
        self.init(serialNumber: serial, identity: identity, notAfter: notAfter, issuer: issuer)
    }
}

extension AuthorityFiles {
    /// When each file was changed last; `nil` for what is not there.
    var modificationDates: [Date?] {
        [certificate, privateKey, chain, roots].map { path in
            guard let path else { return nil }
            let target = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
            return (try? FileManager.default.attributesOfItem(atPath: target))?[.modificationDate] as? Date
        }
    }
}
