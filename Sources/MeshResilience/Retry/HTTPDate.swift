// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Reads the one form of date that RFC 9110 §5.6.7 lets senders write: `Sun, 06 Nov 1994 08:49:37 GMT`.
///
/// The two obsolete forms are not read: who sends them is treated as if it had said nothing.
enum HTTPDate {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// The time from 1970 to the date; `nil` for what is no date, or one before 1970.
    static func sinceEpoch(_ text: String) -> Nanoseconds? {
        let bytes = Array(text.utf8)
        // Everything in it has a fixed place. The day of the week says nothing that the date does not.
        guard bytes.count == 29, bytes[3] == UInt8(ascii: ","), bytes[19] == UInt8(ascii: ":"),
            bytes[22] == UInt8(ascii: ":"), text.utf8.suffix(4).elementsEqual(" GMT".utf8),
            [4, 7, 11, 16].allSatisfy({ bytes[$0] == UInt8(ascii: " ") }),
            let day = number(bytes[5..<7]), let year = number(bytes[12..<16]), year >= 1970,
            let hour = number(bytes[17..<19]), let minute = number(bytes[20..<22]),
            let second = number(bytes[23..<25]),
            let month = months.firstIndex(where: { $0.utf8.elementsEqual(bytes[8..<11]) }),
            (1...length(ofMonth: month, year)).contains(day), hour < 24, minute < 60, second <= 60
        else { return nil }
        var days = (1970..<year).reduce(0) { $0 + (isLeap($1) ? 366 : 365) }
        days += (0..<month).reduce(0) { $0 + length(ofMonth: $1, year) }
        days += day - 1
        // At most the year 9999: 2.6e11 seconds, so that only the nanoseconds can overflow.
        let seconds = UInt64(((days * 24 + hour) * 60 + minute) * 60 + second)
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return Nanoseconds(rawValue: overflow ? .max : product)
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        guard digits.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) else { return nil }
        return digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
    }

    private static func isLeap(_ year: Int) -> Bool {
        year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    }

    private static func length(ofMonth month: Int, _ year: Int) -> Int {
        switch month {
        case 1: isLeap(year) ? 29 : 28
        case 3, 5, 8, 10: 30
        default: 31
        }
    }
}
