// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshCore
import MeshSecurity
import Testing

@testable import MeshIdentity

@Suite struct WorkloadIdentityTests {
    private let authority: TestAuthority
    private let identity: WorkloadIdentity

    init() throws {
        self.authority = try TestAuthority()
        self.identity = WorkloadIdentity(spiffeID: try SPIFFEID("spiffe://cluster.local/ns/default/sa/reviews"))
    }

    @Test func `without a certificate there is nothing to connect with`() {
        #expect(identity.generation == 0)
        #expect(identity.expiresAt == nil)
        let error = #expect(throws: IdentityError.self) { try identity.makeClientHandler(acceptedIdentities: []) }
        #expect(error?.code == .notIssued)
    }

    @Test func `a certificate that answers the request is taken into use`() async throws {
        let request = try CertificateRequest(for: identity.spiffeID)
        let expiry = Date(timeIntervalSinceNow: 1800)
        try await identity.install(authority.answer(request) { $0.notAfter = expiry }, answering: request)
        #expect(identity.generation == 1)
        let expiresAt = try #require(identity.expiresAt)
        // Certificates count in whole seconds.
        #expect(abs(expiresAt.timeIntervalSince(expiry)) <= 1)
        _ = try identity.makeClientHandler(acceptedIdentities: [])
    }

    @Test func `all connections of one certificate share one context`() async throws {
        let request = try CertificateRequest(for: identity.spiffeID)
        try await identity.install(authority.answer(request), answering: request)
        let first = try identity.current().clientContexts[.http1]
        #expect(try identity.current().clientContexts[.http1] === first)
        let second = try CertificateRequest(for: identity.spiffeID)
        try await identity.install(authority.answer(second), answering: second)
        #expect(try identity.current().clientContexts[.http1] !== first)
    }

    @Test func `a bad answer leaves the last certificate in use`() async throws {
        let good = try CertificateRequest(for: identity.spiffeID)
        try await identity.install(authority.answer(good), answering: good)
        let request = try CertificateRequest(for: identity.spiffeID)
        let answers: [([String], IdentityError.Code)] = [
            ([], .malformedCertificate),
            (["garbage"], .malformedCertificate),
            (try authority.answer(good), .mismatch),
            (try authority.answer(request) { $0.uris = ["spiffe://cluster.local/ns/default/sa/ratings"] }, .mismatch),
            (try authority.answer(request) { $0.notAfter = Date(timeIntervalSinceNow: -10) }, .untrusted),
            ([try authority.answer(request)[0]], .untrusted),
            ([try authority.answer(request)[0], try TestAuthority().answer(request)[1]], .untrusted),
        ]
        for (answer, code) in answers {
            let error = await #expect(throws: IdentityError.self) {
                try await identity.install(answer, answering: request)
            }
            #expect(error?.code == code)
        }
        #expect(identity.generation == 1)
    }

    @Test func `an answer for somebody else's request is refused`() async throws {
        let other = try CertificateRequest(for: SPIFFEID("spiffe://cluster.local/ns/default/sa/ratings"))
        await #expect(throws: IdentityError.self) {
            try await identity.install(authority.answer(other), answering: other)
        }
        #expect(identity.generation == 0)
    }
}
