// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Spans of time as Go and Kubernetes write them: `5s`, `100ms`, `1h30m`.
enum GoDuration {
    /// Why a text is no duration.
    struct Problem: Error, Equatable {
        var message: String
    }

    /// Parses a duration (Go's `time.ParseDuration`); a sign is refused, since nothing here lasts less than nothing.
    static func parse(_ text: String) -> Result<Nanoseconds, Problem> {
        if text == "0" { return .success(.zero) }
        guard !text.isEmpty else { return .failure(Problem(message: "it is empty")) }
        var rest = text.utf8[...]
        var total: UInt64 = 0
        while !rest.isEmpty {
            let whole = digits(&rest)
            var fraction = rest.prefix(0)
            let hasPoint = rest.first == UInt8(ascii: ".")
            if hasPoint {
                rest.removeFirst()
                fraction = digits(&rest)
            }
            guard !whole.isEmpty || !fraction.isEmpty else {
                return .failure(Problem(message: "\(text) does not begin with a number; an example is 1h30m or 100ms"))
            }
            guard let unit = unit(&rest) else {
                return .failure(Problem(message: "\(text) needs a unit: ns, us, ms, s, m or h"))
            }
            guard let part = nanoseconds(whole: whole, fraction: fraction, unit: unit) else {
                return .failure(Problem(message: "\(text) is too long"))
            }
            let (sum, overflow) = total.addingReportingOverflow(part)
            guard !overflow else { return .failure(Problem(message: "\(text) is too long")) }
            total = sum
        }
        return .success(Nanoseconds(rawValue: total))
    }

    /// A duration in the largest unit that divides it.
    static func text(_ duration: Nanoseconds) -> String {
        let units: [(UInt64, String)] = [
            (3_600_000_000_000, "h"), (60_000_000_000, "m"), (1_000_000_000, "s"), (1_000_000, "ms"), (1000, "us"),
        ]
        for (size, name) in units where duration.rawValue >= size && duration.rawValue % size == 0 {
            return "\(duration.rawValue / size)\(name)"
        }
        return "\(duration.rawValue)ns"
    }

    private static func digits(_ rest: inout Substring.UTF8View) -> Substring.UTF8View {
        let found = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        rest = rest[found.endIndex...]
        return found
    }

    private static func unit(_ rest: inout Substring.UTF8View) -> UInt64? {
        let units: [(String, UInt64)] = [
            ("ns", 1), ("us", 1000), ("µs", 1000), ("μs", 1000), ("ms", 1_000_000), ("s", 1_000_000_000),
            ("m", 60_000_000_000), ("h", 3_600_000_000_000),
        ]
        let name = rest.prefix { !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) && $0 != UInt8(ascii: ".") }
        guard let unit = units.first(where: { $0.0.utf8.elementsEqual(name) }) else { return nil }
        rest = rest[name.endIndex...]
        return unit.1
    }

    private static func nanoseconds(
        whole: Substring.UTF8View,
        fraction: Substring.UTF8View,
        unit: UInt64
    ) -> UInt64? {
        guard let count = whole.isEmpty ? 0 : UInt64(Substring(whole)) else { return nil }
        let (product, overflow) = count.multipliedReportingOverflow(by: unit)
        guard !overflow else { return nil }
        // 18 digits are below a nanosecond of every unit, and fit.
        var part: UInt64 = 0
        var scale = unit
        for digit in fraction.prefix(18) {
            scale /= 10
            part += UInt64(digit - UInt8(ascii: "0")) * scale
        }
        let (sum, carried) = product.addingReportingOverflow(part)
        return carried ? nil : sum
    }
}
