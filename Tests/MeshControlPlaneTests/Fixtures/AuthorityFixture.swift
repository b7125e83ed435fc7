// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshCore
import MeshSecurity
import MeshTesting
import MeshXDS
import SwiftASN1
import X509

@testable import MeshControlPlane
@testable import MeshIdentity

/// An authority in a folder of its own, at whatever time a test says.
struct AuthorityFixture {
    static let validity = Nanoseconds.seconds(3600)
    static let reviews = "spiffe://cluster.local/ns/default/sa/reviews"

    let folder: TemporaryFolder
    let clock = ManualClock()
    let authority: CertificateAuthority

    var state: String { folder.path + "/state" }

    init(files: AuthorityFiles? = nil, maximumRate: UInt32 = 500, now: Date = Date()) throws {
        let folder = try TemporaryFolder()
        self.folder = folder
        self.authority = try Self.authority(in: folder, files: files, maximumRate: maximumRate, clock: clock, now: now)
    }

    /// The authority as a restarted process finds it.
    func restarted(files: AuthorityFiles? = nil, now: Date = Date()) throws -> CertificateAuthority {
        try Self.authority(in: folder, files: files, maximumRate: 500, clock: clock, now: now)
    }

    static func authority(
        in folder: TemporaryFolder,
        files: AuthorityFiles?,
        maximumRate: UInt32,
        clock: ManualClock,
        now: Date
    ) throws -> CertificateAuthority {
        try CertificateAuthority(
            CertificateAuthority.Configuration(
                trustDomain: "cluster.local",
                stateDirectory: folder.path + "/state",
                files: files,
                validity: validity,
                maximumRate: maximumRate
            ),
            tokens: TokenBook(Samples.tokens),
            clock: clock,
            now: now
        )
    }

    /// Has a certificate signed.
    /// - Returns: The whole answer.
    @discardableResult
    static func issue(
        _ authority: CertificateAuthority,
        caller: SigningCaller = SigningCaller(bearerToken: Samples.secret),
        name: String = reviews,
        now: Date = Date()
    ) throws -> [String] {
        let request = try CertificateRequest(for: SPIFFEID(name))
        return try authority.issue(csrPEM: request.pem, caller: caller, validity: .zero, now: now)
    }

    /// The number of the leaf in an answer.
    static func serialNumber(_ chain: [String]) throws -> String {
        SerialNumberText(try Certificate(pemEncoded: chain[0]).serialNumber).text
    }

    /// Whether a chain is one that the authority's bundle of now accepts; the reason if it does not.
    static func verdict(_ chain: [String], _ bundle: TrustBundle) async -> IdentityError.Code? {
        do {
            let certificates = try CertificatePEM.certificates(in: chain.joined(separator: "\n"))
            let sent = certificates.filter { $0.subject != $0.issuer }
            _ = try await PeerVerifier(trust: bundle).proof(from: sent, role: .client)
            return nil
        } catch {
            return error.code
        }
    }
}
