// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Hides the aliases of a document from the parser, so that this module resolves them itself.
///
/// Yams resolves an alias to its anchor's node, and hashes whatever is a mapping's key. Sharing keeps the memory small,
/// but a key that holds nested aliases takes exponential time to hash, before anybody can count. Here every `*name`
/// becomes text that begins with a character the document does not have: a plain scalar of that form is an alias.
struct AliasMask {
    /// The document without aliases. Every line and column is what it was.
    let text: String
    private let mark: Unicode.Scalar

    init(_ document: Substring) {
        let scalars = document.unicodeScalars
        let taken = Set(scalars.lazy.filter { Self.privateUse.contains($0.value) }.map(\.value))
        let free = Self.privateUse.first { !taken.contains($0) }.flatMap(Unicode.Scalar.init)
        // A document cannot have all of the 6400 characters and be a manifest; what is left of it is an error anyway.
        mark = free ?? "\u{E000}"
        guard document.utf8.contains(UInt8(ascii: "*")) else {
            text = String(document)
            return
        }
        var masked = String.UnicodeScalarView()
        var position = scalars.startIndex
        while position < scalars.endIndex {
            let next = scalars.index(after: position)
            let isAlias = scalars[position] == "*" && next < scalars.endIndex && Self.isNameCharacter(scalars[next])
            masked.append(isAlias ? mark : scalars[position])
            position = next
        }
        text = String(masked)
    }

    /// What a scalar of the masked document is in the original one.
    enum Original: Equatable {
        case text(String)
        case alias(String)
        case malformedAlias
    }

    /// Looks behind the mask.
    func original(of scalar: String, isPlain: Bool) -> Original {
        guard scalar.unicodeScalars.contains(mark) else { return .text(scalar) }
        if isPlain, scalar.unicodeScalars.first == mark {
            let name = scalar.unicodeScalars.dropFirst()
            return name.allSatisfy(Self.isNameCharacter) ? .alias(String(name)) : .malformedAlias
        }
        return .text(restored(scalar))
    }

    /// A text of the masked document as it is in the original one.
    func restored(_ text: String) -> String {
        var restored = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { restored.append(scalar == mark ? "*" : scalar) }
        return String(restored)
    }

    private static let privateUse: ClosedRange<UInt32> = 0xE000...0xF8FF

    private static func isNameCharacter(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", "_", "-": true
        default: false
        }
    }
}
