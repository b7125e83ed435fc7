// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// How much each user asks for, in bounded memory: a count-min sketch of two rows whose counts are halved now and then.
///
/// Two users may share a cell; of the two rows the smaller count is taken, so that a light user is rarely mistaken for a
/// heavy one.
struct UsageSketch: Sendable {
    private static let width = 512
    private var cells = [UInt32](repeating: 0, count: 2 * UsageSketch.width)
    private var most: UInt32 = 0

    /// A user makes a request.
    /// - Returns: How much the user asked for until now, as a share of who asks for most: 0 to 1.
    mutating func asked(_ user: UInt64) -> Double {
        let (first, second) = (Int(user % UInt64(Self.width)), Int((user >> 32) % UInt64(Self.width)) + Self.width)
        let before = min(cells[first], cells[second])
        let share = most == 0 ? 0 : Double(before) / Double(most)
        // Only the smaller count grows (conservative update): what another user put there is not added to again.
        let after = before == .max ? before : before + 1
        cells[first] = max(cells[first], after)
        cells[second] = max(cells[second], after)
        most = max(most, after)
        return min(share, 1)
    }

    /// Half of it is forgotten.
    mutating func fade() {
        for index in cells.indices { cells[index] /= 2 }
        most /= 2
    }
}
