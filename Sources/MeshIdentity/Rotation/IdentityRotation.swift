// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import MeshSecurity
import Synchronization

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Keeps an identity's certificate fresh: asks for one at the start, renews it at the half of its life, and keeps the
/// last one in use while the issuer is away.
///
/// Each certificate gets a key of its own. Whoever owns it calls `run` once.
public final class IdentityRotation: Sendable {
    /// How long the issuer may take to answer one request.
    static let answerTimeout = Nanoseconds.seconds(30)

    private let identity: WorkloadIdentity
    private let issuer: any CertificateIssuer
    private let validity: Nanoseconds
    private let clock: any MeshClock
    private let random: MeshRandom
    private let observers: ObserverSet
    private let schedule = Mutex(RotationStateMachine())
    private let gate = ReadinessGate()

    /// Creates a rotation.
    /// - Parameters:
    ///   - identity: What gets the certificates.
    ///   - issuer: Who signs them.
    ///   - validity: How long a certificate should live; default 1 h, SPIRE's default. The issuer may shorten it.
    ///   - clock: What waits for the next renewal.
    ///   - random: Spreads the renewals of workloads that started together.
    ///   - observers: Are told of every renewal and every failure.
    public init(
        identity: WorkloadIdentity,
        issuer: any CertificateIssuer,
        validity: Nanoseconds = .seconds(3600),
        clock: any MeshClock = SystemClock(),
        random: MeshRandom = MeshRandom(),
        observers: ObserverSet = .none
    ) {
        self.identity = identity
        self.issuer = issuer
        self.validity = validity
        self.clock = clock
        self.random = random
        self.observers = observers
    }

    /// Waits for the first certificate.
    /// - Throws: `CancellationError` if the waiting task is cancelled, or if `run` ended before there was one.
    public func ready() async throws {
        try await gate.wait()
    }

    /// Asks for certificates until the task is cancelled.
    /// - Throws: `CancellationError` when it is.
    public func run() async throws {
        defer { gate.fail(CancellationError()) }
        while true {
            try Task.checkCancellation()
            try await clock.sleep(until: renew())
        }
    }

    /// Asks once.
    /// - Returns: When to ask again.
    private func renew() async throws -> MeshInstant {
        do {
            let request = try CertificateRequest(for: identity.spiffeID)
            let chain = try await answer(to: request)
            try await identity.install(chain, answering: request)
        } catch {
            // A cancelled rotation has not failed.
            try Task.checkCancellation()
            observers.noticed(.identityRenewalFailed(error: error))
            return schedule.withLock { $0.failed(at: clock.now, random: random.next()) }
        }
        let left = identity.expiresAt?.timeIntervalSinceNow ?? 0
        let validFor = Nanoseconds(.seconds(max(0, left)))
        gate.open()
        observers.noticed(.identityRenewed(identity: identity.spiffeID.description, validFor: validFor))
        return schedule.withLock { $0.issued(validFor: validFor, at: clock.now, random: random.next()) }
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
