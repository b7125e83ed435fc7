// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import HTTPTypes
import Hummingbird
import MeshCore
import MeshSecurity
import NIOCore

/// The authority's part of the API: what is trusted and what is taken back for everybody, the rest for operators.
struct AuthorityAPI: Sendable {
    /// A request names one certificate or one identity.
    private static let maximumBodySize = 4096
    /// The most certificates in an answer.
    private static let maximumCount = 10_000

    private let authority: CertificateAuthority

    init(_ authority: CertificateAuthority) {
        self.authority = authority
    }

    /// Adds the routes.
    func add(to router: Router<APIRequestContext>) {
        router.get("v1/authority/roots") { _, _ in Self.pem(authority.trustAnchor) }
        router.get("v1/authority/crl") { _, _ in Self.pem(authority.revocationLists) }
        router.get("v1/authority/certificates") { _, context in
            _ = try Self.operatorName(context)
            return try Response(json: CertificatesAnswer(authority, maximumCount: Self.maximumCount))
        }
        router.post("v1/authority/revocations") { request, context in try await revoke(request, context) }
        router.post("v1/authority/rotation") { _, context in
            let name = try Self.operatorName(context)
            let hasBegun = try authority.rotateRoot(operator: name)
            guard hasBegun else {
                throw APIProblem(status: .conflict, message: "it has begun already, or the operator keeps the root")
            }
            return Response(status: .accepted)
        }
    }

    private func revoke(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let name = try Self.operatorName(context)
        let body: ByteBuffer
        do {
            body = try await request.body.collect(upTo: Self.maximumBodySize)
        } catch is NIOTooManyBytesError {
            throw APIProblem.tooLarge(limit: Self.maximumBodySize)
        }
        let question = try? JSONDecoder().decode(Revocation.self, from: Data(body.readableBytesView))
        let target: CertificateAuthority.Target
        switch (question?.serialNumber, question?.identity) {
        case (let number?, nil): target = .serialNumber(number)
        case (nil, let identity?): target = .identity(identity)
        default:
            throw APIProblem(status: .badRequest, message: "a revocation names one serialNumber or one identity")
        }
        do {
            let revoked = try authority.revoke(target, operator: name)
            return try Response(json: CertificatesAnswer(revoked: revoked))
        } catch let error as ConfigurationError {
            throw APIProblem(
                status: .badRequest,
                message: "nothing was taken back",
                fields: error.problems
            )
        }
    }

    private static func operatorName(_ context: APIRequestContext) throws -> String {
        let claims = try ControlPlaneAPI.claims(context)
        guard claims.isOperator else { throw APIProblem.forbidden("the token is not an operator's") }
        return AuthenticatedCaller.token(claims).name
    }

    private static func pem(_ text: String) -> Response {
        Response(
            status: .ok,
            headers: [.contentType: "application/x-pem-file", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text))
        )
    }

    private struct Revocation: Decodable {
        var serialNumber: String?
        var identity: String?
    }
}

/// Certificates that live, and those that were taken back.
struct CertificatesAnswer: Encodable {
    struct Certificate: Encodable {
        var serialNumber: String
        var identity: String?
        var notAfter: String
        var revokedAt: String?
    }

    var certificates: [Certificate]?
    var revoked: [Certificate]
    /// How many had no room in the answer.
    var omitted: Int?

    init(_ authority: CertificateAuthority, maximumCount: Int) {
        let issued = authority.issued()
        self.init(revoked: authority.revoked)
        certificates = issued.prefix(maximumCount).map {
            Certificate(serialNumber: $0.serialNumber, identity: $0.identity, notAfter: $0.notAfter.formatted(.iso8601))
        }
        omitted = issued.count > maximumCount ? issued.count - maximumCount : nil
    }

    init(revoked: [RevocationBook.Revoked]) {
        self.revoked = revoked.map {
            Certificate(
                serialNumber: $0.serialNumber,
                identity: $0.identity,
                notAfter: $0.notAfter.formatted(.iso8601),
                revokedAt: $0.revokedAt.formatted(.iso8601)
            )
        }
    }
}
