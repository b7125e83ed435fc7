// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A table with what carries its requests.
protocol AskedTable: Sendable {
    /// Asks cases one after another: buckets of tokens remember the requests of before.
    ///
    /// Returns when the copies of their requests have left, too.
    func outcomes(of asked: [RoutingCase]) async throws -> [Outcome]
}
