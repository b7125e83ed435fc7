// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// How `START_TIME` writes an instant: `strftime`'s conversions, and Envoy's for seconds and their fractions, in UTC.
struct TimeFormat: Hashable, Sendable {
    enum Piece: Hashable, Sendable {
        case literal(String)
        case year, month, day, hour, minute, second, twoDigitYear
        case dayPadded, dayOfYear, hour12, halfDay
        case weekday, weekdayLong, monthName, monthNameLong
        case zoneName, zoneOffset, zoneOffsetLong
        /// Seconds since 1970.
        case epoch
        /// The first digits of the second's fraction.
        case fraction(Int)
        /// Seconds with so many digits behind the point.
        case secondWithFraction(Int)
    }

    private let pieces: [Piece]

    /// Compiles a format; empty for `%Y-%m-%dT%H:%M:%E3SZ`.
    /// - Returns: `nil` if it has a conversion that is not known.
    init?(_ text: String) {
        let bytes = Array((text.isEmpty ? "%Y-%m-%dT%H:%M:%E3SZ" : text).utf8)
        var pieces: [Piece] = []
        var literal: [UInt8] = []
        var position = 0
        while position < bytes.count {
            guard bytes[position] == UInt8(ascii: "%") else {
                literal.append(bytes[position])
                position += 1
                continue
            }
            guard let (found, length) = Self.conversion(bytes[(position + 1)...]) else { return nil }
            position += 1 + length
            if found == [.literal("%")] {
                literal.append(UInt8(ascii: "%"))
                continue
            }
            if !literal.isEmpty { pieces.append(.literal(String(decoding: literal, as: UTF8.self))) }
            literal = []
            pieces += found
        }
        if !literal.isEmpty { pieces.append(.literal(String(decoding: literal, as: UTF8.self))) }
        self.pieces = pieces
    }

    /// The conversion that bytes behind a `%` begin with, and how many they are.
    private static func conversion(_ bytes: ArraySlice<UInt8>) -> ([Piece], Int)? {
        guard let first = bytes.first else { return nil }
        if let pieces = single[first] { return (pieces, 1) }
        switch first {
        case UInt8(ascii: "1")...UInt8(ascii: "9"):
            guard bytes.dropFirst().first == UInt8(ascii: "f") else { return nil }
            return ([.fraction(Int(first - UInt8(ascii: "0")))], 2)
        case UInt8(ascii: "E"):
            let rest = bytes.dropFirst()
            guard let digit = rest.first else { return nil }
            if digit == UInt8(ascii: "z") { return ([.zoneOffsetLong], 2) }
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit), rest.dropFirst().first == UInt8(ascii: "S")
            else { return nil }
            return ([.secondWithFraction(Int(digit - UInt8(ascii: "0")))], 3)
        default: return nil
        }
    }

    private static let single: [UInt8: [Piece]] = [
        UInt8(ascii: "%"): [.literal("%")], UInt8(ascii: "Y"): [.year], UInt8(ascii: "y"): [.twoDigitYear],
        UInt8(ascii: "m"): [.month], UInt8(ascii: "d"): [.day], UInt8(ascii: "e"): [.dayPadded],
        UInt8(ascii: "j"): [.dayOfYear], UInt8(ascii: "H"): [.hour], UInt8(ascii: "I"): [.hour12],
        UInt8(ascii: "p"): [.halfDay], UInt8(ascii: "M"): [.minute], UInt8(ascii: "S"): [.second],
        UInt8(ascii: "a"): [.weekday], UInt8(ascii: "A"): [.weekdayLong], UInt8(ascii: "b"): [.monthName],
        UInt8(ascii: "h"): [.monthName], UInt8(ascii: "B"): [.monthNameLong], UInt8(ascii: "Z"): [.zoneName],
        UInt8(ascii: "z"): [.zoneOffset], UInt8(ascii: "s"): [.epoch], UInt8(ascii: "f"): [.fraction(9)],
        UInt8(ascii: "T"): [.hour, .literal(":"), .minute, .literal(":"), .second],
        UInt8(ascii: "R"): [.hour, .literal(":"), .minute],
        UInt8(ascii: "F"): [.year, .literal("-"), .month, .literal("-"), .day],
        UInt8(ascii: "D"): [.month, .literal("/"), .day, .literal("/"), .twoDigitYear],
    ]

    /// The text for an instant.
    func text(sinceEpoch time: Nanoseconds) -> String {
        let date = CivilDate(sinceEpoch: time)
        return pieces.reduce(into: "") { $0 += date.text(of: $1) }
    }
}
