// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension MeshError {
    /// What went wrong. More codes may come: switch with a default.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Wrapped: String {
            case noRoute, unknownHost, clusterNotFound, noHealthyUpstream, connectionFailed, connectionClosed
            case protocolViolation, attemptTimeout, deadlineExceeded, overflow, circuitOpen, rateLimited
            case retriesExhausted, faultInjected, unauthorized, cancelled, responseTooLarge, invalidRequest, notReady
            case directResponse, shed, rateLimitUnavailable, requestTooLarge, dropOverload
        }

        private var wrapped: Wrapped

        /// No route of the virtual host matches the request.
        public static let noRoute = Code(wrapped: .noRoute)
        /// The host is not in the mesh, and the outbound traffic policy refuses such hosts.
        public static let unknownHost = Code(wrapped: .unknownHost)
        /// The route names a cluster that does not exist.
        public static let clusterNotFound = Code(wrapped: .clusterNotFound)
        /// The cluster has no endpoint that may be used now.
        public static let noHealthyUpstream = Code(wrapped: .noHealthyUpstream)
        /// No connection could be made, or its TLS handshake failed.
        public static let connectionFailed = Code(wrapped: .connectionFailed)
        /// The connection ended before the response did.
        public static let connectionClosed = Code(wrapped: .connectionClosed)
        /// The peer broke the protocol.
        public static let protocolViolation = Code(wrapped: .protocolViolation)
        /// One attempt took longer than it may.
        public static let attemptTimeout = Code(wrapped: .attemptTimeout)
        /// The whole request took longer than it may.
        public static let deadlineExceeded = Code(wrapped: .deadlineExceeded)
        /// A limit of concurrent work is reached.
        public static let overflow = Code(wrapped: .overflow)
        /// The request was dropped to protect somebody: load shedding, admission control or an adaptive limit.
        public static let shed = Code(wrapped: .shed)
        /// A circuit breaker is open.
        public static let circuitOpen = Code(wrapped: .circuitOpen)
        /// A rate limit is reached.
        public static let rateLimited = Code(wrapped: .rateLimited)
        /// Every attempt failed.
        public static let retriesExhausted = Code(wrapped: .retriesExhausted)
        /// A fault was injected by configuration.
        public static let faultInjected = Code(wrapped: .faultInjected)
        /// The peer may not make this call.
        public static let unauthorized = Code(wrapped: .unauthorized)
        /// The caller gave up.
        public static let cancelled = Code(wrapped: .cancelled)
        /// The response is larger than the caller accepts.
        public static let responseTooLarge = Code(wrapped: .responseTooLarge)
        /// The request cannot be sent as it is.
        public static let invalidRequest = Code(wrapped: .invalidRequest)
        /// The route answers by itself; clients turn it into that answer.
        public static let directResponse = Code(wrapped: .directResponse)
        /// The mesh has no configuration yet.
        public static let notReady = Code(wrapped: .notReady)

        /// The service that counts requests did not answer, and such requests are refused.
        public static let rateLimitUnavailable = Code(wrapped: .rateLimitUnavailable)
        /// The request is larger than it may be.
        public static let requestTooLarge = Code(wrapped: .requestTooLarge)

        /// The control plane has told callers of the cluster to drop a share of their requests.
        public static let dropOverload = Code(wrapped: .dropOverload)

        /// The code's name.
        public var description: String { wrapped.rawValue }

        /// Envoy's response flag for this code; `nil` where Envoy sets none.
        public var flag: ResponseFlag? {
            switch wrapped {
            case .noRoute, .unknownHost: .noRouteFound
            case .clusterNotFound: .noClusterFound
            case .noHealthyUpstream, .notReady: .noHealthyUpstream
            case .connectionFailed: .upstreamConnectionFailure
            case .connectionClosed: .upstreamConnectionTermination
            case .protocolViolation, .responseTooLarge: .upstreamProtocolError
            case .attemptTimeout: .upstreamRequestTimeout
            case .deadlineExceeded: .durationTimeout
            case .overflow, .circuitOpen: .upstreamOverflow
            case .shed: .overloadManager
            case .dropOverload: .dropOverload
            case .rateLimited: .rateLimited
            case .rateLimitUnavailable: .rateLimitServiceError
            case .retriesExhausted: .upstreamRetryLimitExceeded
            case .faultInjected: .faultInjected
            case .unauthorized: .unauthorizedExternalService
            case .cancelled: .downstreamConnectionTermination
            case .invalidRequest: .downstreamProtocolError
            case .directResponse, .requestTooLarge: nil
            }
        }

        /// The HTTP status that Envoy answers with in this case.
        public var httpStatus: Int {
            switch wrapped {
            case .noRoute: 404
            case .unknownHost: 502
            case .attemptTimeout, .deadlineExceeded: 504
            case .rateLimited: 429
            case .unauthorized: 403
            case .cancelled: 499
            case .invalidRequest: 400
            case .requestTooLarge: 413
            case .rateLimitUnavailable: 500
            case .protocolViolation, .responseTooLarge: 502
            default: 503
            }
        }
    }
}
