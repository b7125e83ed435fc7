// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// An instant of the wall clock as `2025-11-21T03:01:07.042Z`, the form of Envoy's `%START_TIME%`.
struct UTCTimestamp: CustomStringConvertible {
    let description: String

    init(nanosecondsSinceEpoch: UInt64) {
        let milliseconds = nanosecondsSinceEpoch / 1_000_000
        let seconds = milliseconds / 1000
        let (year, month, day) = Self.date(daysSinceEpoch: seconds / 86_400)
        let time = seconds % 86_400
        description =
            Self.digits(year, 4) + "-" + Self.digits(month, 2) + "-" + Self.digits(day, 2)
            + "T" + Self.digits(time / 3600, 2) + ":" + Self.digits(time / 60 % 60, 2) + ":" + Self.digits(time % 60, 2)
            + "." + Self.digits(milliseconds % 1000, 3) + "Z"
    }

    /// The date of the proleptic Gregorian calendar. Years are counted from March, so that a leap day comes last and
    /// the days before a month follow from one line: (153 m + 2) / 5.
    private static func date(daysSinceEpoch days: UInt64) -> (year: UInt64, month: UInt64, day: UInt64) {
        // 1 March of the year 0 is 719 468 days before the epoch; 400 years have 146 097 days.
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        return (era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month, day)
    }

    private static func digits(_ number: UInt64, _ width: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
    }
}
