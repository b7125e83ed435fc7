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

    /// Writes the value of `grpc-timeout`, rounded up to three significant digits, as short as it can be.
    ///
    /// Whoever waits ends the wait himself, and on time; who is told a hundredth more loses nothing by it. In return a
    /// call's fresh deadline has the same value each time, `15S` and not `14999938u`, which header compression knows again.
    /// gRPC core rounds its own likewise.
    public static func grpcTimeout(of time: Nanoseconds) -> String {
        guard time > .zero else { return "0n" }
        let rounded = roundedUp(time.rawValue)
        for unit in units.reversed() where rounded % unit.nanoseconds == 0 {
            if let text = text(of: rounded / unit.nanoseconds, unit.symbol) { return text }
        }
        // Thousands of years in seconds have too many digits, and are no whole number of hours as a rule.
        for unit in units {
            let whole = rounded / unit.nanoseconds
            // `Nanoseconds` ends at 5 124 096 hours: one unit has room for it.
            if whole < mostDigits, let text = text(of: whole + 1, unit.symbol) { return text }
        }
        return "\(mostDigits)H"
    }

    /// Whether a value of `grpc-timeout` has two significant digits at most, as those of fresh deadlines have, by and large:
    /// the same values come again and again.
    public static func isRound(_ text: String) -> Bool {
        let digits = text.utf8.dropLast().reversed().drop { $0 == UInt8(ascii: "0") }
        return digits.count <= 2
    }

    private static func text(of count: UInt64, _ symbol: UInt8) -> String? {
        count <= mostDigits ? "\(count)\(Character(UnicodeScalar(symbol)))" : nil
    }

    /// To three significant digits; as it is where that would be too much.
    private static func roundedUp(_ value: UInt64) -> UInt64 {
        var step: UInt64 = 1
        while value / step > 999 { step *= 10 }
        let count = value / step + (value % step == 0 ? 0 : 1)
        let (rounded, overflow) = count.multipliedReportingOverflow(by: step)
        return overflow ? value : rounded
    }

    /// The greatest number that eight digits have room for.
    private static let mostDigits: UInt64 = 99_999_999

    /// Finest first.
    private static let units: [(symbol: UInt8, nanoseconds: UInt64)] = [
        (UInt8(ascii: "n"), 1), (UInt8(ascii: "u"), 1000), (UInt8(ascii: "m"), 1_000_000),
        (UInt8(ascii: "S"), 1_000_000_000), (UInt8(ascii: "M"), 60_000_000_000),
        (UInt8(ascii: "H"), 3_600_000_000_000),
    ]
}
