// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// An instant as date and time of day in UTC.
struct CivilDate {
    let seconds: UInt64
    let nanoseconds: UInt64
    let year: UInt64
    /// 1 to 12.
    let month: Int
    /// 1 to 31.
    let day: UInt64
    /// 1 to 366.
    let dayOfYear: UInt64
    /// 0 for Sunday.
    let weekday: Int

    init(sinceEpoch time: Nanoseconds) {
        seconds = time.rawValue / 1_000_000_000
        nanoseconds = time.rawValue % 1_000_000_000
        var days = seconds / 86_400
        weekday = Int((days + 4) % 7)
        // Years of 400 repeat; the first of them begins in 1970, so that whole ones are skipped at once.
        var year = 1970 + days / 146_097 * 400
        days %= 146_097
        while days >= Self.days(of: year) {
            days -= Self.days(of: year)
            year += 1
        }
        dayOfYear = days + 1
        var month = 1
        while days >= Self.days(of: month, in: year) {
            days -= Self.days(of: month, in: year)
            month += 1
        }
        self.year = year
        self.month = month
        self.day = days + 1
    }

    private static func isLeap(_ year: UInt64) -> Bool {
        year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    }

    private static func days(of year: UInt64) -> UInt64 { isLeap(year) ? 366 : 365 }

    private static func days(of month: Int, in year: UInt64) -> UInt64 {
        switch month {
        case 2: isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    private var hour: UInt64 { seconds % 86_400 / 3600 }
    private var minute: UInt64 { seconds % 3600 / 60 }
    private var second: UInt64 { seconds % 60 }

    /// What a part of a format stands for.
    func text(of piece: TimeFormat.Piece) -> String {
        switch piece {
        case .literal(let text): text
        case .year: String(year)
        case .twoDigitYear: Self.padded(year % 100)
        case .month: Self.padded(UInt64(month))
        case .day: Self.padded(day)
        case .dayPadded: (day < 10 ? " " : "") + String(day)
        case .dayOfYear: Self.padded(dayOfYear, to: 3)
        case .hour: Self.padded(hour)
        case .hour12: Self.padded((hour + 11) % 12 + 1)
        case .halfDay: hour < 12 ? "AM" : "PM"
        case .minute: Self.padded(minute)
        case .second: Self.padded(second)
        case .weekday: String(Self.weekdays[weekday].prefix(3))
        case .weekdayLong: Self.weekdays[weekday]
        case .monthName: String(Self.months[month - 1].prefix(3))
        case .monthNameLong: Self.months[month - 1]
        case .zoneName: "UTC"
        case .zoneOffset: "+0000"
        case .zoneOffsetLong: "+00:00"
        case .epoch: String(seconds)
        case .fraction(let digits): fraction(digits)
        case .secondWithFraction(let digits):
            digits == 0 ? Self.padded(second) : Self.padded(second) + "." + fraction(digits)
        }
    }

    private func fraction(_ digits: Int) -> String {
        String(Self.padded(nanoseconds, to: 9).prefix(digits))
    }

    private static func padded(_ number: UInt64, to width: Int = 2) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }

    private static let weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
    private static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ]
}
