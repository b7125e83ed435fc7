// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// What came of one request.
struct JobResult: Encodable, Sendable {
    var id: String?
    var status: Int?
    var headers: [[String]]?
    /// How many bytes of the body were read, and their CRC-32.
    var length: Int?
    var checksum: UInt32?
    var trailers: [[String]]?
    /// The code of the mesh's error, or the type of another one.
    var error: String?
    var origin: String?
    var requestState: String?
    var message: String?
    var milliseconds: Double = 0

    mutating func record(_ failure: any Error) {
        guard let failure = failure as? MeshError else {
            error = String(describing: type(of: failure))
            message = String(describing: failure)
            return
        }
        error = failure.code.description
        origin = failure.origin.rawValue
        requestState = String(describing: failure.requestState)
        message = failure.description
    }
}
