// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshCore

/// What an instance says when it renews its lease.
struct Renewal: Hashable, Sendable, Decodable {
    /// Its state from now on; `nil` leaves it as it is.
    var state: Registration.State?

    /// Reads the body of a renewal; none says nothing.
    /// - Throws: `ConfigurationError` with the path of the field that is wrong; an empty path for what is no JSON.
    static func read(_ body: Data) throws(ConfigurationError) -> Renewal {
        guard !body.isEmpty else { return Renewal() }
        do {
            return try JSONDecoder().decode(Renewal.self, from: body)
        } catch let error as DecodingError {
            throw ConfigurationError(decoding: error)
        } catch {
            throw ConfigurationError(path: "", "not JSON")
        }
    }
}
