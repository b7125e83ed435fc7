// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A non-negative span of time in whole nanoseconds: what machines compute with.
///
/// `Duration` is 128 bits wide and slow to compare on the request path; configuration takes `Duration` and converts once.
public struct Nanoseconds: Hashable, Comparable, Sendable {
    /// The number of nanoseconds.
    public var rawValue: UInt64

    /// Creates a span of that many nanoseconds.
    @inlinable
    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// Creates a span from a `Duration`: negative becomes zero, more than 584 years becomes the maximum.
    public init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        guard seconds >= 0, attoseconds >= 0 else {
            self.init(rawValue: 0)
            return
        }
        let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, carried) = whole.addingReportingOverflow(UInt64(attoseconds / 1_000_000_000))
        self.init(rawValue: overflow || carried ? .max : sum)
    }

    /// The same span as a `Duration`.
    public var duration: Duration {
        Duration(
            secondsComponent: Int64(rawValue / 1_000_000_000),
            attosecondsComponent: Int64(rawValue % 1_000_000_000) * 1_000_000_000
        )
    }

    /// The span in seconds, as a floating-point number.
    @inlinable
    public var seconds: Double {
        Double(rawValue) / 1e9
    }

    /// No time at all.
    public static let zero = Nanoseconds(rawValue: 0)

    /// The longest span, which never ends.
    public static let forever = Nanoseconds(rawValue: .max)

    /// A span of whole milliseconds; more than 584 years becomes the maximum.
    @inlinable
    public static func milliseconds(_ count: UInt64) -> Nanoseconds {
        let (product, overflow) = count.multipliedReportingOverflow(by: 1_000_000)
        return Nanoseconds(rawValue: overflow ? .max : product)
    }

    /// A span of whole seconds; more than 584 years becomes the maximum.
    @inlinable
    public static func seconds(_ count: UInt64) -> Nanoseconds {
        let (product, overflow) = count.multipliedReportingOverflow(by: 1_000_000_000)
        return Nanoseconds(rawValue: overflow ? .max : product)
    }

    /// Whether the left span is the smaller one.
    @inlinable
    public static func < (lhs: Nanoseconds, rhs: Nanoseconds) -> Bool {
        lhs.rawValue < rhs.rawValue
    }
}

extension Nanoseconds {
    /// The span in whole milliseconds, rounded up: whoever is told it must not be done before the span is.
    package var millisecondsRoundedUp: UInt64 {
        rawValue / 1_000_000 + (rawValue % 1_000_000 == 0 ? 0 : 1)
    }
}
