// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore

extension Exchange: TrailingFields {
    func trailer(_ name: HeaderName) -> String? {
        trailers?.joinedValue(of: name.lowercased)
    }
}
