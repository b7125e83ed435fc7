// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// How the priorities of the last requests are distributed.
struct PriorityHistogram: Sendable {
    private var levels = [UInt32](repeating: 0, count: Criticality.allCases.count * ShedPriority.levels)
    private var classes = [UInt64](repeating: 0, count: Criticality.allCases.count)
    private var total: UInt64 = 0

    mutating func add(_ priority: ShedPriority) {
        guard levels[priority.rawValue] < .max else { return }
        levels[priority.rawValue] += 1
        classes[Int(priority.criticality.rawValue)] += 1
        total += 1
    }

    /// The least priority that is served when that share of the requests is refused.
    func threshold(refusing share: Double) -> Int {
        let target = Double(total) * share
        var refused = 0.0
        for (index, count) in classes.enumerated() {
            guard refused + Double(count) > target else {
                refused += Double(count)
                continue
            }
            for level in index * ShedPriority.levels..<(index + 1) * ShedPriority.levels {
                // A level that lies across the share is served: fewer are refused, not more.
                refused += Double(levels[level])
                if refused > target { return level }
            }
        }
        return levels.count
    }

    /// Half of it is forgotten.
    mutating func fade() {
        total = 0
        for index in classes.indices { classes[index] = 0 }
        for index in levels.indices {
            levels[index] /= 2
            classes[index / ShedPriority.levels] += UInt64(levels[index])
            total += UInt64(levels[index])
        }
    }
}
