// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import MeshSecurity

/// Where a process has its identity from: an authority that signs its requests, files, an agent on the same machine.
///
/// Implementations deliver what they have at once and every change of it, from one task. They keep trying when something
/// is away, wait between attempts, say what went wrong by `IdentitySink.failed`, and never take an identity back: the last
/// good one stays in use.
public protocol IdentitySource: Sendable {
    /// Delivers until the task is cancelled.
    /// - Throws: `CancellationError` when it is; anything else ends the rotation that it is a source of.
    func run(delivering sink: IdentitySink) async throws
}

/// Takes what an identity source has, for one identity.
public struct IdentitySink: Sendable {
    private let identity: WorkloadIdentity
    private let taken: @Sendable (Nanoseconds) -> Void
    private let observers: ObserverSet

    init(
        _ identity: WorkloadIdentity,
        observers: ObserverSet,
        taken: @escaping @Sendable (Nanoseconds) -> Void
    ) {
        self.identity = identity
        self.observers = observers
        self.taken = taken
    }

    /// The identity that is wanted, as it stands in certificates.
    public var spiffeID: String { identity.spiffeID.description }

    /// Takes an issuer's answer into use, and tells everybody.
    /// - Returns: For how long it is valid.
    /// - Throws: `IdentityError` if it cannot be used; the last one stays in use. Nobody is told: that is for `failed`.
    @discardableResult
    public func install(_ chain: [String], answering request: CertificateRequest) async throws -> Nanoseconds {
        try await identity.install(chain, answering: request)
        return report()
    }

    /// Takes an identity from outside into use, and tells everybody.
    /// - Returns: For how long it is valid.
    /// - Throws: `IdentityError` if it cannot be used; the last one stays in use. Nobody is told: that is for `failed`.
    @discardableResult
    public func install(_ material: IdentityMaterial) async throws -> Nanoseconds {
        try await identity.install(material)
        return report()
    }

    /// Tells everybody that there is nothing new though there should be.
    public func failed(_ error: any Error) {
        observers.noticed(.identityRenewalFailed(error: error))
    }

    private func report() -> Nanoseconds {
        let validFor = identity.validFor
        taken(validFor)
        observers.noticed(.identityRenewed(identity: spiffeID, validFor: validFor))
        return validFor
    }
}

/// A source whose identities come from elsewhere: `ProvidedIdentitySource { try await workloadAPI.run(delivering: $0) }`.
public struct ProvidedIdentitySource: IdentitySource {
    private let deliver: @Sendable (IdentityDelivery) async throws -> Void

    /// Creates a source.
    /// - Parameter deliver: Delivers identities until its task is cancelled, and carries on when one is not taken.
    public init(_ deliver: @escaping @Sendable (IdentityDelivery) async throws -> Void) {
        self.deliver = deliver
    }

    /// Delivers until the task is cancelled.
    public func run(delivering sink: IdentitySink) async throws {
        try await deliver(
            IdentityDelivery(for: sink.spiffeID) { material in
                try await sink.install(material)
            } failed: { error in
                sink.failed(error)
            }
        )
    }
}
