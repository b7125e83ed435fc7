// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A place in a bulkhead. Dropping it gives the place back, so that none can be forgotten.
public struct BulkheadPermit: ~Copyable, Sendable {
    /// `nil` where nothing is held: the bulkhead is disabled, or would have refused and only observes.
    private let bulkhead: Bulkhead?

    init(_ bulkhead: Bulkhead?) {
        self.bulkhead = bulkhead
    }

    deinit {
        bulkhead?.leave()
    }

    /// Gives the place back now.
    public consuming func release() {}
}
