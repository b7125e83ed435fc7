// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// How many refusals are written down: whoever has no right to ask must not fill the disk with asking.
struct RefusalBudget: Sendable {
    /// Refusals written down in a second.
    static let perSecond = 20

    private var second: UInt64?
    private var count = 0
    private var omitted = 0

    /// Something was refused.
    /// - Returns: How many before it were left out since the last one that was written down; `nil` if it is left out, too.
    mutating func refused(at now: MeshInstant) -> Int? {
        let second = now.nanoseconds / 1_000_000_000
        if second != self.second {
            self.second = second
            count = 0
        }
        guard count < Self.perSecond else {
            omitted += 1
            return nil
        }
        count += 1
        defer { omitted = 0 }
        return omitted
    }
}
