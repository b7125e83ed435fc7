// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity
import Synchronization

/// Certificates by request: a new key each time, signed by an issuer, at the start and at the half of each one's life.
final class IssuerSource: Sendable {
    /// How long the issuer may take to answer one request.
    static let answerTimeout = Nanoseconds.seconds(30)

    private let issuer: any CertificateIssuer
    private let spiffeID: SPIFFEID
    private let validity: Nanoseconds
    private let clock: any MeshClock
    private let random: MeshRandom
    private let schedule = Mutex(RotationStateMachine())

    init(
        _ issuer: any CertificateIssuer,
        for spiffeID: SPIFFEID,
        validity: Nanoseconds,
        clock: any MeshClock,
        random: MeshRandom
    ) {
        self.issuer = issuer
        self.spiffeID = spiffeID
        self.validity = validity
        self.clock = clock
        self.random = random
    }

    /// Asks once.
    /// - Returns: When to ask again.
    /// - Throws: `CancellationError` if the task is cancelled.
    func renew(_ sink: IdentitySink) async throws -> MeshInstant {
        do {
            let request = try CertificateRequest(for: spiffeID)
            let chain = try await answer(to: request)
            let validFor = try await sink.install(chain, answering: request)
            return schedule.withLock { $0.issued(validFor: validFor, at: clock.now, random: random.next()) }
        } catch {
            // A cancelled rotation has not failed.
            try Task.checkCancellation()
            sink.failed(error)
            return schedule.withLock { $0.failed(at: clock.now, random: random.next()) }
        }
    }

    /// The issuer's answer, or an error when it takes too long: an issuer that hangs must not cost the identity.
    private func answer(to request: CertificateRequest) async throws -> [String] {
        try await withThrowingTaskGroup(of: [String]?.self) { group in
            let deadline = clock.now.advanced(by: Self.answerTimeout)
            group.addTask { [issuer, validity] in try await issuer.issue(csrPEM: request.pem, validity: validity) }
            group.addTask { [clock] in
                try await clock.sleep(until: deadline)
                return nil
            }
            defer { group.cancelAll() }
            guard let chain = try await group.next() ?? nil else {
                throw IdentityError(.unanswered, "the issuer did not answer within \(Self.answerTimeout.seconds) s")
            }
            return chain
        }
    }
}
