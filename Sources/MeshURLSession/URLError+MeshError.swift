// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshCore

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

extension URLError {
    /// What URLSession would say of an error of the mesh, which is kept under `NSUnderlyingErrorKey`.
    init(_ error: any Error, url: URL) {
        if let error = error as? URLError {
            self = error
            return
        }
        self.init(
            Code(error),
            userInfo: [NSUnderlyingErrorKey: error, NSURLErrorFailingURLErrorKey: url]
        )
    }
}

extension URLError.Code {
    fileprivate init(_ error: any Error) {
        guard let error = error as? MeshError else {
            self = error is CancellationError ? .cancelled : .unknown
            return
        }
        self =
            switch error.code {
            case .deadlineExceeded, .attemptTimeout: .timedOut
            case .connectionFailed, .noHealthyUpstream, .overflow, .circuitOpen, .retriesExhausted: .cannotConnectToHost
            case .connectionClosed: .networkConnectionLost
            case .unknownHost, .noRoute, .clusterNotFound: .cannotFindHost
            case .protocolViolation: .badServerResponse
            case .responseTooLarge: .dataLengthExceedsMaximum
            case .invalidRequest: .badURL
            case .cancelled: .cancelled
            case .unauthorized: .userAuthenticationRequired
            default: .resourceUnavailable
            }
    }
}
