// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// How long the caller of a request waits, as its headers say.
enum CallerTimeout {
    /// The longest that is believed: a day. A longer one is as good as none, and would only strain timers.
    static let longest = Nanoseconds.seconds(86_400)

    /// The shorter of `x-envoy-expected-rq-timeout-ms` (whole milliseconds) and `grpc-timeout`; `nil` without either.
    static func read(_ request: some RequestHead) -> Nanoseconds? {
        let envoy = request.value(of: "x-envoy-expected-rq-timeout-ms").flatMap(milliseconds)
        let grpc = request.value(of: "grpc-timeout").flatMap(grpcTimeout)
        guard let shorter = [envoy, grpc].compactMap({ $0 }).min() else { return nil }
        return min(shorter, longest)
    }

    /// Envoy writes no limit as 0.
    private static func milliseconds(_ text: String) -> Nanoseconds? {
        guard let count = UInt64(text), count > 0 else { return nil }
        return .milliseconds(min(count, longest.rawValue / 1_000_000))
    }

    /// gRPC over HTTP/2: `TimeoutValue TimeoutUnit`, a value of 1 to 8 digits and a unit of `H M S m u n`.
    static func grpcTimeout(_ text: String) -> Nanoseconds? {
        guard let unit = text.utf8.last, (2...9).contains(text.utf8.count) else { return nil }
        let digits = text.utf8.dropLast()
        guard digits.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) else { return nil }
        let value = digits.reduce(0) { $0 * 10 + UInt64($1 - UInt8(ascii: "0")) }
        let nanoseconds: UInt64
        switch unit {
        case UInt8(ascii: "H"): nanoseconds = 3_600_000_000_000
        case UInt8(ascii: "M"): nanoseconds = 60_000_000_000
        case UInt8(ascii: "S"): nanoseconds = 1_000_000_000
        case UInt8(ascii: "m"): nanoseconds = 1_000_000
        case UInt8(ascii: "u"): nanoseconds = 1000
        case UInt8(ascii: "n"): nanoseconds = 1
        default: return nil
        }
        // At most 99 999 999 hours: 3.6e20 does not fit.
        let (product, overflow) = value.multipliedReportingOverflow(by: nanoseconds)
        return Nanoseconds(rawValue: overflow ? .max : product)
    }
}
