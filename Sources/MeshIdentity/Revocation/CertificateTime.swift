// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import SwiftASN1

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Times as certificates and revocation lists write them: `UTCTime` until 2049, `GeneralizedTime` from then on
/// (RFC 5280 §4.1.2.5), to the second.
enum CertificateTime {
    static func date(from nodes: inout ASN1NodeCollection.Iterator) throws -> Date {
        guard let date = try optionalDate(from: &nodes) else {
            throw IdentityError(.malformedCertificate, "a time is missing")
        }
        return date
    }

    static func optionalDate(from nodes: inout ASN1NodeCollection.Iterator) throws -> Date? {
        var rest = nodes
        guard let node = rest.next() else { return nil }
        switch node.identifier {
        case .utcTime:
            let time = try UTCTime(derEncoded: node)
            nodes = rest
            let day = days(time.year, time.month, time.day)
            return date(day: day, hours: time.hours, minutes: time.minutes, seconds: time.seconds)
        case .generalizedTime:
            let time = try GeneralizedTime(derEncoded: node)
            nodes = rest
            let day = days(time.year, time.month, time.day)
            return date(day: day, hours: time.hours, minutes: time.minutes, seconds: time.seconds)
        default: return nil
        }
    }

    static func serialize(_ date: Date, into coder: inout DER.Serializer) throws {
        let seconds = Int(date.timeIntervalSince1970.rounded(.down))
        let (days, second) = seconds.flooredQuotientAndRemainder(by: 86_400)
        let (year, month, day) = civil(days)
        let (hours, minutes, rest) = (second / 3600, second / 60 % 60, second % 60)
        if (1950...2049).contains(year) {
            let time = try UTCTime(
                year: year,
                month: month,
                day: day,
                hours: hours,
                minutes: minutes,
                seconds: rest
            )
            try coder.serialize(time)
        } else {
            let time = try GeneralizedTime(
                year: year,
                month: month,
                day: day,
                hours: hours,
                minutes: minutes,
                seconds: rest,
                fractionalSeconds: 0
            )
            try coder.serialize(time)
        }
    }

    private static func date(day: Int, hours: Int, minutes: Int, seconds: Int) -> Date {
        Date(timeIntervalSince1970: Double(day * 86_400 + hours * 3600 + minutes * 60 + seconds))
    }

    /// Days since 1970 in the Gregorian calendar. Years begin in March here, so that the leap day is a year's last; the
    /// calendar repeats every 400 years of 146 097 days.
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let shifted = month > 2 ? year : year - 1
        let (era, yearOfEra) = shifted.flooredQuotientAndRemainder(by: 400)
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func civil(_ days: Int) -> (year: Int, month: Int, day: Int) {
        let (era, dayOfEra) = (days + 719_468).flooredQuotientAndRemainder(by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }
}

extension Int {
    fileprivate func flooredQuotientAndRemainder(by divisor: Int) -> (Int, Int) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
