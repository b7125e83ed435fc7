// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// When somebody must be told that an identity expires and is not renewed: when a third, a sixth and a twelfth of its life
/// are left, and when it is over.
///
/// Renewals begin at the half of a certificate's life. By the first warning they have failed for a sixth of it, and two
/// times as long is left.
struct ExpiryWatchStateMachine: Sendable {
    /// What is left of a life at each warning, as one part of so many; zero for nothing.
    static let warnings: [UInt64] = [3, 6, 12, 0]

    private var expiry: MeshInstant?
    private var life = Nanoseconds.zero
    private var given = 0

    /// When to look again; `nil` if there is nothing to warn of any more.
    var nextLook: MeshInstant? {
        guard let expiry, given < Self.warnings.count else { return nil }
        let left = Self.left(of: life, at: Self.warnings[given])
        return expiry.nanoseconds > left.rawValue
            ? MeshInstant(nanoseconds: expiry.nanoseconds - left.rawValue) : expiry
    }

    /// There is a new identity.
    mutating func renewed(validFor: Nanoseconds, at now: MeshInstant) {
        expiry = now.advanced(by: validFor)
        life = validFor
        given = 0
    }

    /// Time has passed.
    /// - Returns: What is left of the identity's life if that is worth a warning. Warnings that were missed are one.
    mutating func timePassed(at now: MeshInstant) -> Nanoseconds? {
        guard let expiry else { return nil }
        let left = expiry > now ? expiry.elapsed(since: now) : .zero
        let due = Self.warnings.dropFirst(given).prefix { left <= Self.left(of: life, at: $0) }
        guard !due.isEmpty else { return nil }
        given += due.count
        return left
    }

    private static func left(of life: Nanoseconds, at warning: UInt64) -> Nanoseconds {
        warning == 0 ? .zero : Nanoseconds(rawValue: life.rawValue / warning)
    }
}
