// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Synchronization
import X509

/// Remembers which keys made a signature that never changes.
final class SignatureVerdicts: Sendable {
    /// A list has one signer, which may be asked for under a handful of old and new keys.
    private static let maximumCount = 8

    private let known = Mutex<[Certificate.PublicKey: Bool]>([:])

    /// The verdict that is remembered for a key, or else the one that is found now.
    func verdict(on key: Certificate.PublicKey, finding find: () -> Bool) -> Bool {
        if let verdict = known.withLock({ $0[key] }) { return verdict }
        // Outside the lock: two handshakes may both find out, which costs less than making all of them wait.
        let verdict = find()
        known.withLock { known in
            if known.count >= Self.maximumCount { known = [:] }
            known[key] = verdict
        }
        return verdict
    }
}
