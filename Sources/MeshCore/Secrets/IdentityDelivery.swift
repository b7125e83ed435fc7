// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Where somebody who has identities from outside puts them, and what went wrong.
public struct IdentityDelivery: Sendable {
    /// The SPIFFE ID that is wanted.
    public let spiffeID: String
    private let taking: @Sendable (IdentityMaterial) async throws -> Void
    private let failing: @Sendable (any Error) -> Void

    /// Creates a delivery.
    /// - Parameters:
    ///   - spiffeID: The SPIFFE ID that is wanted.
    ///   - take: Takes an identity into use; what it throws says why it did not.
    ///   - failed: Hears that there is nothing new though there should be.
    public init(
        for spiffeID: String,
        take: @escaping @Sendable (IdentityMaterial) async throws -> Void,
        failed: @escaping @Sendable (any Error) -> Void
    ) {
        self.spiffeID = spiffeID
        self.taking = take
        self.failing = failed
    }

    /// Has an identity taken into use. When it cannot be, the last one stays in use and `failed` is told.
    /// - Returns: Whether it was.
    @discardableResult
    public func deliver(_ material: IdentityMaterial) async -> Bool {
        do {
            try await taking(material)
            return true
        } catch {
            if !Task.isCancelled { failing(error) }
            return false
        }
    }

    /// Says that there is nothing new though there should be.
    public func failed(_ error: any Error) { failing(error) }
}
