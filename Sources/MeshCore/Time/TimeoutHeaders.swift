// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The header fields in which a caller says how long it waits: Envoy's and gRPC's, read and written.
public enum TimeoutHeaders {
    /// `x-envoy-expected-rq-timeout-ms`: whole milliseconds; 0 means no limit.
    public static let envoy: HeaderName = "x-envoy-expected-rq-timeout-ms"
    /// `grpc-timeout`: 1 to 8 digits and a unit of `H M S m u n` (gRPC over HTTP/2).
    public static let grpc: HeaderName = "grpc-timeout"
    /// The longest that is believed: a day. A longer one is as good as none, and would only strain timers.
    public static let longest = Nanoseconds.seconds(86_400)

    /// The shorter of both fields of a request, at most `longest`; `nil` if it has neither in a form that is valid.
    public static func read(_ request: some RequestHead) -> Nanoseconds? {
        let envoy = request.value(of: envoy).flatMap { milliseconds($0) }
        let grpc = request.value(of: grpc).flatMap { grpcTimeout($0) }
        let shorter = min(envoy ?? .forever, grpc ?? .forever)
        return envoy == nil && grpc == nil ? nil : min(shorter, longest)
    }

    /// Reads the value of `x-envoy-expected-rq-timeout-ms`; `nil` if it is no number, and for 0, which is no limit.
    public static func milliseconds(_ text: String) -> Nanoseconds? {
        guard let count = UInt64(text), count > 0 else { return nil }
        return .milliseconds(min(count, longest.rawValue / 1_000_000))
    }

    /// Reads the value of `grpc-timeout`; `nil` if it is none. More than 584 years is forever.
    public static func grpcTimeout(_ text: String) -> Nanoseconds? {
        guard let last = text.utf8.last, (2...9).contains(text.utf8.count) else { return nil }
        guard let unit = units.first(where: { $0.symbol == last }) else { return nil }
        var value: UInt64 = 0
        for byte in text.utf8.dropLast() {
            guard UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte else { return nil }
            value = value * 10 + UInt64(byte - UInt8(ascii: "0"))
        }
        // At most 99 999 999 hours: 3.6e20 does not fit.
        let (product, overflow) = value.multipliedReportingOverflow(by: unit.nanoseconds)
        return Nanoseconds(rawValue: overflow ? .max : product)
    }

    /// Writes the value of `x-envoy-expected-rq-timeout-ms`: rounded up, and never 0, which would mean no limit.
    public static func milliseconds(of time: Nanoseconds) -> String {
        String(max(1, time.millisecondsRoundedUp))
    }

    /// Writes the value of `grpc-timeout` in the finest unit in which eight digits are enough, rounded up.
    public static func grpcTimeout(of time: Nanoseconds) -> String {
        for unit in units {
            let whole = time.rawValue / unit.nanoseconds
            let count = whole + (time.rawValue % unit.nanoseconds == 0 ? 0 : 1)
            if count <= 99_999_999 { return "\(count)\(Character(UnicodeScalar(unit.symbol)))" }
        }
        // `Nanoseconds` ends at 5 124 096 hours.
        return "99999999H"
    }

    /// Finest first.
    private static let units: [(symbol: UInt8, nanoseconds: UInt64)] = [
        (UInt8(ascii: "n"), 1), (UInt8(ascii: "u"), 1000), (UInt8(ascii: "m"), 1_000_000),
        (UInt8(ascii: "S"), 1_000_000_000), (UInt8(ascii: "M"), 60_000_000_000),
        (UInt8(ascii: "H"), 3_600_000_000_000),
    ]
}
