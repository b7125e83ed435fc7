// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// How the tests of a route table went.
public struct RouteCheckReport: Sendable {
    /// The tests, in their order.
    public var results: [RouteCheckResult]
    /// Which routes they looked at.
    public var coverage: RouteCoverage

    /// Whether every test passed.
    public var hasPassed: Bool { results.allSatisfy(\.hasPassed) }
}
