// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// What an attempt came to, with the context that belongs to it.
struct HedgedExchange<Response: ResponseHead>: Sendable where Response: Sendable {
    var context: CallContext
    var result: Result<Response, any Error>

    static func verdict(
        _ ended: Result<HedgedExchange, any Error>,
        _ configuration: HedgingConfiguration
    ) -> HedgeVerdict {
        guard case .success(let exchange) = ended else { return .answer }
        switch exchange.result {
        case .failure(let error):
            guard Hedging.isWorthAnother(error) else { return .answer }
            guard configuration.honorsPushback, let wait = (error as? MeshError)?.retryAfter else {
                return .failure(.none)
            }
            return .failure(.wait(wait))
        case .success(let response):
            guard isFailure(response, configuration) else { return .answer }
            guard configuration.honorsPushback, let pushback = response.value(of: HedgedExchangeHeader.pushback) else {
                return .failure(.none)
            }
            // gRPC A6: a negative number, or no number at all, forbids further attempts.
            guard let milliseconds = UInt32(pushback) else { return .failure(.stop) }
            return .failure(.wait(.milliseconds(UInt64(milliseconds))))
        }
    }

    private static func isFailure(_ response: Response, _ configuration: HedgingConfiguration) -> Bool {
        let status = response.statusCode
        if let codes = configuration.nonFatalStatusCodes {
            if codes.contains(status) { return true }
        } else if status >= 500 {
            return true
        }
        guard !configuration.nonFatalGRPCStatusCodes.isEmpty, status == 200 else { return false }
        guard let text = response.value(of: HedgedExchangeHeader.status), let code = Int(text) else { return false }
        return configuration.nonFatalGRPCStatusCodes.contains(code)
    }
}

/// The fields in which gRPC answers in the response's head.
private enum HedgedExchangeHeader {
    static let status: HeaderName = "grpc-status"
    static let pushback: HeaderName = "grpc-retry-pushback-ms"
}
