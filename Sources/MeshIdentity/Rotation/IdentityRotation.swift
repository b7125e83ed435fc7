// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import MeshSecurity
import Synchronization

/// Keeps an identity fresh from a source, keeps the last one in use while the source is away, and warns long before it
/// expires.
///
/// Open connections keep the certificate that they began with, so no rotation costs a request. Whoever owns it calls
/// `run` once.
public final class IdentityRotation: Sendable {
    private enum Origin: Sendable {
        case issuer(IssuerSource)
        case source(any IdentitySource)
    }

    /// The longest time between two looks at what is left of an identity that a source brings.
    private static let longestLook = Nanoseconds.seconds(10)

    private let identity: WorkloadIdentity
    private let origin: Origin
    private let clock: any MeshClock
    private let observers: ObserverSet
    private let expiry = Mutex(ExpiryWatchStateMachine())
    private let gate = ReadinessGate()

    /// Creates a rotation that has certificates signed: at the start, and at the half of each one's life. Each gets a key of
    /// its own, which never leaves the process.
    /// - Parameters:
    ///   - identity: What gets the certificates.
    ///   - issuer: Who signs them.
    ///   - validity: How long a certificate should live; default 1 h, SPIRE's default. The issuer may shorten it.
    ///   - clock: What waits for the next renewal.
    ///   - random: Spreads the renewals of workloads that started together.
    ///   - observers: Are told of every renewal, every failure, and when the end is near.
    public init(
        identity: WorkloadIdentity,
        issuer: any CertificateIssuer,
        validity: Nanoseconds = .seconds(3600),
        clock: any MeshClock = SystemClock(),
        random: MeshRandom = MeshRandom(),
        observers: ObserverSet = .none
    ) {
        self.identity = identity
        self.origin = .issuer(
            IssuerSource(issuer, for: identity.spiffeID, validity: validity, clock: clock, random: random)
        )
        self.clock = clock
        self.observers = observers
    }

    /// Creates a rotation that takes what a source has.
    /// - Parameters:
    ///   - identity: What gets the certificates.
    ///   - source: Where they come from.
    ///   - clock: What waits for warnings.
    ///   - observers: Are told of every renewal, every failure, and when the end is near.
    public init(
        identity: WorkloadIdentity,
        source: any IdentitySource,
        clock: any MeshClock = SystemClock(),
        observers: ObserverSet = .none
    ) {
        self.identity = identity
        self.origin = .source(source)
        self.clock = clock
        self.observers = observers
    }

    /// Waits for the first certificate.
    /// - Throws: `CancellationError` if the waiting task is cancelled, or if `run` ended before there was one.
    public func ready() async throws {
        try await gate.wait()
    }

    /// Keeps the identity fresh until the task is cancelled.
    /// - Throws: `CancellationError` when it is; what the source threw if it gave up.
    public func run() async throws {
        defer { gate.fail(CancellationError()) }
        let sink = IdentitySink(identity, observers: observers) { validFor in
            self.expiry.withLock { $0.renewed(validFor: validFor, at: self.clock.now) }
            self.gate.open()
        }
        switch origin {
        case .issuer(let issuer): try await run(issuer, sink)
        case .source(let source):
            try await withThrowingTaskGroup(of: Void.self) { group in
                defer { group.cancelAll() }
                group.addTask { try await source.run(delivering: sink) }
                group.addTask { try await self.watchExpiry() }
                try await group.next()
            }
        }
    }

    /// One wait serves both: the next request and the next warning.
    private func run(_ issuer: IssuerSource, _ sink: IdentitySink) async throws {
        var next = clock.now
        while true {
            try Task.checkCancellation()
            if clock.now >= next { next = try await issuer.renew(sink) }
            warn()
            let look = expiry.withLock { $0.nextLook }
            try await clock.sleep(until: look.map { min($0, next) } ?? next)
        }
    }

    /// Warns until the task is cancelled.
    private func watchExpiry() async throws {
        while true {
            warn()
            // The source may bring a shorter life at any time.
            let next = clock.now.advanced(by: Self.longestLook)
            let look = expiry.withLock { $0.nextLook }
            try await clock.sleep(until: look.map { min($0, next) } ?? next)
        }
    }

    private func warn() {
        guard let left = expiry.withLock({ $0.timePassed(at: clock.now) }) else { return }
        observers.noticed(.identityExpiring(identity: identity.spiffeID.description, validFor: left))
    }
}
