// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import Foundation
import MeshCore
import MeshIdentity
import MeshSecurity

/// Who an end of the identity checks is: what stands in files, which a script replaces and has read again.
struct IdentityOptions: ParsableArguments {
    @Option(help: "The certificates that are shown, the leaf first.")
    var certificate: String

    @Option(help: "The key of the first one.")
    var key: String

    @Option(help: "The certificates that peers are judged by.")
    var roots: String

    @Option(help: "The revocation lists that peers are checked against; a file that does not exist is none.")
    var crl: String?

    @Option(help: "The trust domain of the roots.")
    var trustDomain = "cluster.local"

    /// Reads the files.
    func material() throws -> IdentityMaterial {
        IdentityMaterial(
            certificate: TLSCertificate(chain: try Self.text(certificate), privateKey: SecretText(try Self.text(key))),
            roots: [trustDomain: try Self.text(roots)],
            revocationLists: lists.map { [trustDomain: $0] } ?? [:]
        )
    }

    /// What the lists say; `nil` without any.
    var lists: String? { crl.flatMap { try? Self.text($0) } }

    private static func text(_ path: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
    }
}

/// Prints who was refused, and which requests were.
struct RefusalPrinter: Observer {
    private struct Refused: Encodable {
        var event = "refused"
        var role: String
        var reason: String
        var message: String
    }

    private struct Answered: Encodable {
        var event = "answered"
        var status: Int?
        var peer: String?
        var error: String?
    }

    func noticed(_ event: MeshEvent) {
        guard case .peerRefused(let refusal) = event else { return }
        LineOutput.write(
            Refused(role: refusal.role.rawValue, reason: refusal.reason.rawValue, message: refusal.message)
        )
    }

    func requestFinished(_ record: RequestRecord, context: CallContext) {
        guard record.direction == .inbound else { return }
        LineOutput.write(
            Answered(status: record.status, peer: record.peerIdentity, error: record.error.map { "\($0)" })
        )
    }
}

/// An order of the script, and what came of it.
struct IdentityOrder: Decodable {
    enum Kind: String, Decodable {
        /// Read the files again.
        case reload
        /// Serve another way: `mode`, and `allow` for the identities that may call.
        case serve
        /// Make a request.
        case get
        /// Say what there is.
        case figures
    }

    struct Outcome: Encodable {
        var id: String
        var status: Int?
        var body: String?
        var error: String?
        var connections: Int?
    }

    var id: String
    var order: Kind
    var mode: String?
    var allow: [String]?
    var path: String?
}
