// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension HealthCheck {
    /// A call of `grpc.health.v1.Health/Check` (`envoy.config.core.v3.HealthCheck.GrpcHealthCheck`).
    ///
    /// Whatever is no `SERVING` is a failure that needs no threshold, as in Envoy: the service says that it does not
    /// serve, does not know the method, or answers something else.
    public struct GRPC: Hashable, Sendable {
        /// The path of the method.
        public static let path = "/grpc.health.v1.Health/Check"
        /// The most bytes of an answer that are read: the message has two bytes and may have unknown fields.
        public static let maximumAnswer = 4096

        /// The service that is asked for; empty for the server as a whole.
        ///
        /// Default empty: Envoy's `service_name`.
        public var serviceName: String
        /// The authority; empty for the cluster's name. An endpoint may have another one.
        ///
        /// Default empty: Envoy's `authority`.
        public var authority: String
        /// Fields of the request's head, at most 1000.
        ///
        /// Default none: Envoy's `initial_metadata`.
        public var metadata: [HTTP.Field]

        /// Creates a call.
        public init(serviceName: String = "", authority: String = "", metadata: [HTTP.Field] = []) {
            self.serviceName = serviceName
            self.authority = authority
            self.metadata = metadata
        }
    }
}

extension HealthCheck.GRPC {
    /// The request's body: a frame of one `HealthCheckRequest`.
    public var request: [UInt8] {
        var message: [UInt8] = []
        if !serviceName.isEmpty {
            // Field 1, length-delimited.
            message.append(0x0A)
            var length = serviceName.utf8.count
            while length >= 0x80 {
                message.append(UInt8(truncatingIfNeeded: length) | 0x80)
                length >>= 7
            }
            message.append(UInt8(length))
            message += serviceName.utf8
        }
        let length = UInt32(clamping: message.count)
        return [0] + (0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * $0)) } + message
    }

    /// What an answer says.
    /// - Parameters:
    ///   - status: HTTP's status.
    ///   - contentType: The value of `content-type`.
    ///   - grpcStatus: The value of `grpc-status` in the trailers, or in the head where there is nothing else.
    ///   - body: Everything between.
    public func result(status: Int, contentType: String?, grpcStatus: String?, body: [UInt8]) -> HealthProbeResult {
        guard status == 200 else { return .failed(.init(.answer, "status \(status)")) }
        guard let contentType, Self.isGRPC(contentType) else {
            return .failed(.init(.answer, "the answer is not gRPC"))
        }
        guard let grpcStatus else { return .failed(.init(.answer, "no grpc-status")) }
        guard grpcStatus == "0" else { return .failed(.init(.answer, "gRPC status \(grpcStatus.prefix(20))")) }
        switch GRPCHealthAnswer(frames: body) {
        case .serving: return .healthy
        case .notServing(let state): return .failed(.init(.answer, "serving status \(state)"))
        case .malformed: return .failed(.init(.answer, "the answer is no HealthCheckResponse"))
        }
    }

    /// `application/grpc`, alone or with `+proto` or parameters behind it.
    static func isGRPC(_ contentType: String) -> Bool {
        let plain = "application/grpc"
        guard contentType.lowercased().hasPrefix(plain) else { return false }
        let next = contentType.utf8.dropFirst(plain.utf8.count).first
        return next == nil || next == UInt8(ascii: "+") || next == UInt8(ascii: ";") || next == UInt8(ascii: " ")
    }
}
