// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The middle of the last five values; the value itself until there are five.
struct MedianFilter: Hashable, Sendable {
    private var values: [Double] = []
    private var next = 0

    mutating func add(_ value: Double) -> Double {
        guard values.count == 5 else {
            values.append(value)
            return values.count == 5 ? values.sorted()[2] : value
        }
        values[next] = value
        next = (next + 1) % 5
        return values.sorted()[2]
    }
}
