// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Where a request stands among all: its criticality, and a level within it that lets a part of a class be refused.
public struct ShedPriority: Hashable, Comparable, Sendable {
    /// How many levels a criticality has.
    public static let levels = 100

    /// The criticality times 100, and the level: 0 to 399.
    public let rawValue: Int

    /// Creates a priority.
    /// - Parameter level: 0 to 99; refused first is 0. What lies outside counts as the nearest.
    public init(_ criticality: Criticality, level: Int) {
        self.rawValue = Int(criticality.rawValue) * Self.levels + max(0, min(level, Self.levels - 1))
    }

    /// Takes over a priority of failsafe-go: five classes of 100 levels, 0 to 499.
    ///
    /// The order is kept: very low and low become the sheddable two, medium and high the lower and the upper half of
    /// `critical`, very high `criticalPlus`.
    public init(failsafe priority: Int) {
        let bounded = max(0, min(priority, 499))
        let level = bounded % 100
        switch bounded / 100 {
        case 0: self.init(.sheddable, level: level)
        case 1: self.init(.sheddablePlus, level: level)
        case 2: self.init(.critical, level: level / 2)
        case 3: self.init(.critical, level: 50 + level / 2)
        default: self.init(.criticalPlus, level: level)
        }
    }

    /// Its criticality.
    public var criticality: Criticality {
        Criticality(rawValue: UInt8(rawValue / Self.levels)) ?? .criticalPlus
    }

    /// Its level within the criticality.
    public var level: Int { rawValue % Self.levels }

    /// Whether the left one is refused earlier.
    public static func < (lhs: ShedPriority, rhs: ShedPriority) -> Bool {
        lhs.rawValue < rhs.rawValue
    }
}
