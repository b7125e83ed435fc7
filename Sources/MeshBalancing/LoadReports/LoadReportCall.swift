// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// The call by which an endpoint reports its load apart from answers:
/// `xds.service.orca.v3.OpenRcaService/StreamCoreMetrics` (gRFC A51).
public struct LoadReportCall: Hashable, Sendable {
    /// The path of the method.
    public static let path = "/xds.service.orca.v3.OpenRcaService/StreamCoreMetrics"
    /// The most bytes of a message: ours, for what a peer can make us hold.
    public static let maximumMessage = 65_536

    /// How often the endpoint is to report. It may do so less often: gRPC's servers have a least interval, 30 s by
    /// default.
    public var period: Nanoseconds

    /// Creates a call.
    public init(period: Nanoseconds) {
        self.period = period
    }

    /// The request's body: a frame of one `OrcaLoadReportRequest` with a `report_interval`. No costs are asked for,
    /// because nobody balances by them.
    public var request: [UInt8] {
        // A `google.protobuf.Duration`: seconds and nanoseconds.
        var duration: [UInt8] = []
        let (seconds, nanoseconds) = period.rawValue.quotientAndRemainder(dividingBy: 1_000_000_000)
        for (tag, value) in [(0x08, seconds), (0x10, nanoseconds)] as [(UInt8, UInt64)] where value > 0 {
            duration.append(tag)
            var rest = value
            while rest >= 0x80 {
                duration.append(UInt8(truncatingIfNeeded: rest) | 0x80)
                rest >>= 7
            }
            duration.append(UInt8(rest))
        }
        // At most sixteen bytes, so that each length is one.
        let message = [0x0A, UInt8(duration.count)] + duration
        return [0, 0, 0, 0, UInt8(message.count)] + message
    }

    /// Whether an answer can have reports, by its head.
    /// - Returns: How the call has ended if it cannot; `nil` if it can.
    public static func refusal(status: Int, contentType: String?, grpcStatus: String?) -> LoadReportCallEnding? {
        // gRPC's mapping of HTTP's status: what is not found is not implemented.
        if status == 404 { return .notImplemented }
        guard status == 200 else { return .failed("status \(status)") }
        guard let contentType, HealthCheck.GRPC.isGRPC(contentType) else { return .failed("the answer is not gRPC") }
        return grpcStatus.map { ending(grpcStatus: $0) }
    }

    /// How a call has ended whose answer came to its end.
    /// - Parameter grpcStatus: The value of `grpc-status` in the trailers.
    public static func ending(grpcStatus: String?) -> LoadReportCallEnding {
        switch grpcStatus {
        case "12"?: .notImplemented
        case "0"?: .failed("the endpoint ended the stream")
        case let status?: .failed("gRPC status \(status.prefix(20))")
        case nil: .failed("no grpc-status")
        }
    }
}

/// How a call for load reports has ended.
public enum LoadReportCallEnding: Hashable, Sendable {
    /// The endpoint knows no such method: there is no use in asking again.
    case notImplemented
    /// It ended in another way, for this reason, and may be made again.
    case failed(String)
}
