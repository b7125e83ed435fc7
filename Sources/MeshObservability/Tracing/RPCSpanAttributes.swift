// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Tracing

/// The names and attributes of the spans of gRPC calls: those of gRFC A72, and of OpenTelemetry's conventions for RPCs.
enum RPCSpanAttributes {
    /// `Sent.` of a call that this process makes, `Recv.` of one that it serves, and the method with dots.
    static func spanName(path: String, direction: TrafficDirection) -> String {
        (direction == .outbound ? "Sent." : "Recv.") + dotted(path)
    }

    static func attemptName(path: String) -> String { "Attempt." + dotted(path) }

    static func call(path: String, in attributes: inout SpanAttributes) {
        let parts = path.split(separator: "/", maxSplits: 1)
        attributes.set("rpc.system", value: .string("grpc"))
        if let service = parts.first { attributes.set("rpc.service", value: .string(String(service))) }
        if parts.count > 1 { attributes.set("rpc.method", value: .string(String(parts[1]))) }
    }

    static func attemptStarted(_ attempt: Int, in attributes: inout SpanAttributes) {
        attributes.set("previous-rpc-attempts", value: .int64(Int64(max(0, attempt - 1))))
        attributes.set("rpc.system", value: .string("grpc"))
    }

    /// Tells how a call or an attempt of one has ended. Every status but OK makes an error; one that its caller gave up is
    /// told as such, and as no error.
    static func finish(_ span: any Span, status: Int16, error: (any Error)?) {
        var context = CallContext(now: MeshInstant(nanoseconds: 0))
        context.rpcStatus = status
        let code = context.rpcStatus(endedBy: error)
        span.attributes.set("rpc.grpc.status_code", value: .int64(Int64(code)))
        guard code != 0 else { return }
        let isGivenUp = status < 0 && (error.map { HTTPSpanAttributes.isCancellation($0) } ?? true)
        guard !isGivenUp else { return }
        let message = error.map { "\(RPCStatusName.name(of: code)): \($0)" } ?? RPCStatusName.name(of: code)
        span.setStatus(SpanStatus(code: .error, message: message))
        if let error { span.recordError(error) }
    }

    /// `/package.Service/Method` as `package.Service.Method`.
    private static func dotted(_ path: String) -> String {
        let method = path.utf8.first == UInt8(ascii: "/") ? path.dropFirst() : path[...]
        return String(method.map { $0 == "/" ? "." : $0 })
    }
}
