// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension MeshError {
    /// The gRPC status, 1 to 16, that callers of gRPC get for this error.
    ///
    /// | Code | Status | As |
    /// |---|---|---|
    /// | `noRoute`, `unknownHost`, `clusterNotFound`, `directResponse` | 14 UNAVAILABLE | gRFC A28 |
    /// | `noHealthyUpstream`, `notReady`, `connectionFailed` | 14 UNAVAILABLE | gRPC's channels |
    /// | `overflow`, `circuitOpen`, `dropOverload`, `shed` | 14 UNAVAILABLE | gRFC A32, A27 (drops) |
    /// | `rateLimited`, `rateLimitUnavailable` | 14 UNAVAILABLE | HTTP 429 by gRPC's table; Envoy |
    /// | `connectionClosed` | 14 UNAVAILABLE, or by the code of the peer's reset | gRPC over HTTP/2, "Errors" |
    /// | `deadlineExceeded`, `attemptTimeout` | 4 DEADLINE_EXCEEDED | gRPC |
    /// | `protocolViolation`, `invalidRequest` | 13 INTERNAL | gRPC |
    /// | `responseTooLarge`, `requestTooLarge` | 8 RESOURCE_EXHAUSTED | gRPC |
    /// | `unauthorized` | 7 PERMISSION_DENIED | gRFC A41 |
    /// | `cancelled` | 1 CANCELLED | gRPC |
    /// | `faultInjected` | what the fault says | gRFC A33 |
    /// | `retriesExhausted` | that of the last attempt | gRFC A6 |
    ///
    /// An answer that the mesh gives in place of the peer (`localReply`) has a status of its own: `grpc-status`, or what
    /// its HTTP status stands for.
    public var rpcStatus: Int {
        if let reply = localReply {
            if let told = reply.value(of: "grpc-status").flatMap({ Int($0) }), (1...16).contains(told) { return told }
            if code == .faultInjected { return LocalReply.grpcStatus(ofHTTP: reply.status) }
        }
        switch code {
        case .connectionClosed:
            guard let reset = cause as? StreamReset else { return 14 }
            return reset.rpcStatus
        case .deadlineExceeded, .attemptTimeout: return 4
        case .protocolViolation, .invalidRequest: return 13
        case .responseTooLarge, .requestTooLarge: return 8
        case .unauthorized: return 7
        case .cancelled: return 1
        case .retriesExhausted: return (cause as? MeshError)?.rpcStatus ?? 14
        default: return 14
        }
    }
}

extension StreamReset {
    /// What a reset means to a caller of gRPC (gRPC over HTTP/2, "HTTP2 Transport Mapping", "Errors").
    public var rpcStatus: Int {
        switch code {
        // REFUSED_STREAM
        case 7: 14
        // CANCEL
        case 8: 1
        // ENHANCE_YOUR_CALM
        case 11: 8
        // INADEQUATE_SECURITY
        case 12: 7
        // NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, FRAME_SIZE_ERROR,
        // COMPRESSION_ERROR, CONNECT_ERROR
        case 0...4, 6, 9, 10: 13
        default: 2
        }
    }

    /// The code with which a server or a client ends a call of that status (same table, other way).
    public init(rpcStatus: Int) {
        switch rpcStatus {
        case 1, 4: self.init(code: 8)
        case 8: self.init(code: 11)
        case 7: self.init(code: 12)
        case 14: self.init(code: 7)
        default: self.init(code: 2)
        }
    }
}
