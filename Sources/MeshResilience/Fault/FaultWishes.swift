// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// The faults that a request asks for, where the configuration lets requests say so.
///
/// Callers are not trusted with more than the configuration allows: a share above the configured one is cut to it.
struct FaultWishes: Sendable {
    var delay: UInt64?
    var delayShare: UInt32?
    var status: UInt64?
    var grpcStatus: UInt64?
    var abortShare: UInt32?
    var rate: UInt64?
    var rateShare: UInt32?

    /// No wishes.
    init() {}

    /// Reads a request's wishes.
    init(_ request: some RequestHead) {
        delay = Self.number(request, "x-envoy-fault-delay-request")
        delayShare = Self.number(request, "x-envoy-fault-delay-request-percentage")
        status = Self.number(request, "x-envoy-fault-abort-request")
        grpcStatus = Self.number(request, "x-envoy-fault-abort-grpc-request")
        abortShare = Self.number(request, "x-envoy-fault-abort-request-percentage")
        rate = Self.number(request, "x-envoy-fault-throughput-response")
        rateShare = Self.number(request, "x-envoy-fault-throughput-response-percentage")
    }

    /// The first value of a field, if it is a number.
    private static func number<Number: FixedWidthInteger>(_ request: some RequestHead, _ name: HeaderName) -> Number? {
        request.values(of: name).first.flatMap { Number($0) }
    }
}

extension FractionalPercent {
    /// The share that a request asks for, and no more than this one.
    func cut(to wish: UInt32?) -> FractionalPercent {
        guard let wish else { return self }
        return FractionalPercent(numerator: min(wish, numerator), denominator: denominator)
    }
}
