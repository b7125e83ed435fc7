// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore

/// An exchange under way that somebody else than its caller may end.
package protocol CancellableExchange: AnyObject, Sendable {
    /// Ends it as if its caller had given up.
    func cancel()
}

extension Exchange: CancellableExchange {}

extension Exchange: TrailingFields {
    func trailer(_ name: HeaderName) -> String? {
        trailers?.joinedValue(of: name.lowercased)
    }
}
