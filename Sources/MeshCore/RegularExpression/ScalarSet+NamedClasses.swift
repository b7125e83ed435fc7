// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension ScalarSet {
    static let digit = ascii("0"..."9")
    static let word = ascii("0"..."9", "A"..."Z", "_"..."_", "a"..."z")

    /// `\s`, which unlike `[:space:]` leaves out the vertical tab.
    static let perlSpace = ascii("\t"..."\n", "\u{0C}"..."\r", " "..." ")

    /// The set of the letter of `\d`, `\s` or `\w`.
    static func perlClass(_ letter: UInt8) -> ScalarSet? {
        switch letter {
        case UInt8(ascii: "d"): digit
        case UInt8(ascii: "s"): perlSpace
        case UInt8(ascii: "w"): word
        default: nil
        }
    }

    /// The set of the name in `[:name:]`.
    static func posixClass(_ name: some StringProtocol) -> ScalarSet? {
        switch name {
        case "alnum": ascii("0"..."9", "A"..."Z", "a"..."z")
        case "alpha": ascii("A"..."Z", "a"..."z")
        case "ascii": ascii("\0"..."\u{7F}")
        case "blank": ascii("\t"..."\t", " "..." ")
        case "cntrl": ascii("\0"..."\u{1F}", "\u{7F}"..."\u{7F}")
        case "digit": digit
        case "graph": ascii("!"..."~")
        case "lower": ascii("a"..."z")
        case "print": ascii(" "..."~")
        case "punct": ascii("!"..."/", ":"..."@", "["..."`", "{"..."~")
        case "space": ascii("\t"..."\r", " "..." ")
        case "upper": ascii("A"..."Z")
        case "word": word
        case "xdigit": ascii("0"..."9", "A"..."F", "a"..."f")
        default: nil
        }
    }

    private static func ascii(_ ranges: ClosedRange<Unicode.Scalar>...) -> ScalarSet {
        ScalarSet(ranges.map { $0.lowerBound.value...$0.upperBound.value })
    }
}
