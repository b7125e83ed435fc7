// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The sets that `\p{…}` names: Unicode's general categories and their groups.
///
/// The standard library knows categories but not scripts, so those cannot be offered without a table of our own.
enum GeneralCategorySets {
    /// The set of a category's abbreviation, such as `Lu` or `L`, or of `Any`.
    ///
    /// The names are RE2's: there is no `Cn`, and `C` therefore leaves unassigned scalars out.
    static func named(_ name: some StringProtocol) -> ScalarSet? {
        name == "Any" ? .all : table[String(name)]
    }

    /// Made on first use and then kept, as it takes a pass over all scalars.
    private static let table: [String: ScalarSet] = {
        var ranges: [String: [ClosedRange<UInt32>]] = [:]
        func close(_ category: Unicode.GeneralCategory?, _ range: ClosedRange<UInt32>) {
            guard let category, let abbreviation = abbreviation(of: category) else { return }
            ranges[abbreviation, default: []].append(range)
            ranges[String(abbreviation.prefix(1)), default: []].append(range)
        }
        var begin: UInt32 = 0
        var current: Unicode.GeneralCategory?
        for value in 0...ScalarSet.lastScalar {
            // Only surrogates are no scalars.
            let category = Unicode.Scalar(value)?.properties.generalCategory ?? .surrogate
            if category != current {
                if value > 0 { close(current, begin...(value - 1)) }
                current = category
                begin = value
            }
        }
        close(current, begin...ScalarSet.lastScalar)
        return ranges.mapValues { ScalarSet($0) }
    }()

    private static func abbreviation(of category: Unicode.GeneralCategory) -> String? {
        switch category {
        case .uppercaseLetter: "Lu"
        case .lowercaseLetter: "Ll"
        case .titlecaseLetter: "Lt"
        case .modifierLetter: "Lm"
        case .otherLetter: "Lo"
        case .nonspacingMark: "Mn"
        case .spacingMark: "Mc"
        case .enclosingMark: "Me"
        case .decimalNumber: "Nd"
        case .letterNumber: "Nl"
        case .otherNumber: "No"
        case .connectorPunctuation: "Pc"
        case .dashPunctuation: "Pd"
        case .openPunctuation: "Ps"
        case .closePunctuation: "Pe"
        case .initialPunctuation: "Pi"
        case .finalPunctuation: "Pf"
        case .otherPunctuation: "Po"
        case .mathSymbol: "Sm"
        case .currencySymbol: "Sc"
        case .modifierSymbol: "Sk"
        case .otherSymbol: "So"
        case .spaceSeparator: "Zs"
        case .lineSeparator: "Zl"
        case .paragraphSeparator: "Zp"
        case .control: "Cc"
        case .format: "Cf"
        case .surrogate: "Cs"
        case .privateUse: "Co"
        case .unassigned: nil
        @unknown default: nil
        }
    }
}
