// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

extension ExchangeEnding {
    /// The error with which the exchange itself ended.
    ///
    /// `nil` for an error of the application's own, thrown while it read the response, and for that of another exchange
    /// that it made meanwhile: neither says anything about this one's endpoint.
    func failure(of context: borrowing CallContext) -> (any Error)? {
        switch self {
        case .completed, .discarded: return nil
        case .cancelled: return CancellationError()
        case .failed(let error):
            if error is CancellationError { return error }
            guard let failure = error as? MeshError, failure.origin == .upstream else { return nil }
            let isHere = failure.endpoint == nil || failure.endpoint == context.endpoint?.address
            return isHere ? failure : nil
        }
    }
}
