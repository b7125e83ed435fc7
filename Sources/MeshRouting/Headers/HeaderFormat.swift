// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A text in which `%…%` operators stand for facts of a request (Envoy's substitution format strings).
///
/// `%%` stands for one `%`. An operator whose fact nobody knows stands for nothing, as in Envoy's header additions; see
/// `FormatFacts` for the few that have a word for it.
public struct HeaderFormat: Hashable, Sendable {
    /// The format as it is written.
    public let text: String

    /// A piece of a format with operators.
    enum Piece: Hashable, Sendable {
        /// Text that stands for itself.
        case literal(String)
        /// A fact, cut to a number of bytes.
        case fact(FormatOperator, maximumLength: Int?)
    }

    /// The whole text, where no operator stands in it.
    let literal: String
    /// The pieces; none where no operator stands in the text.
    let pieces: [Piece]

    /// Compiles a format.
    /// - Throws: `ConfigurationError` that names the operator which is unknown, not supported or badly written.
    public init(_ text: String) throws(ConfigurationError) {
        var parser = FormatParser(text)
        let pieces = try parser.parse()
        self.text = text
        if pieces.allSatisfy({ if case .literal = $0 { true } else { false } }) {
            self.literal = pieces.reduce(into: "") { whole, piece in
                if case .literal(let text) = piece { whole += text }
            }
            self.pieces = []
        } else {
            self.literal = ""
            self.pieces = pieces
        }
    }

    /// A text that stands for itself, `%` signs and all.
    public init(literal: String) {
        self.text = literal.utf8.contains(UInt8(ascii: "%")) ? Self.escaped(literal) : literal
        self.literal = literal
        self.pieces = []
    }

    /// Whether operators stand in the text.
    public var hasOperators: Bool { !pieces.isEmpty }

    private static func escaped(_ text: String) -> String {
        text.unicodeScalars.reduce(into: "") { $0 += $1 == "%" ? "%%" : String($1) }
    }

    /// The text for a request, and its response where there is one.
    /// - Parameters:
    ///   - facts: What is known besides the heads; asked for only if an operator needs it.
    ///   - field: Answers for the fields of heads, by their names: the first value of each.
    /// - Complexity: O(length of the result). No allocation without operators.
    public func text(
        facts: () -> FormatFacts,
        field: (FormatField) -> String?
    ) -> String {
        guard !pieces.isEmpty else { return literal }
        var known: FormatFacts?
        var result = ""
        for piece in pieces {
            switch piece {
            case .literal(let text): result += text
            case .fact(let fact, let maximumLength):
                let value =
                    if case .field(let wanted, let other) = fact {
                        field(wanted) ?? other.flatMap(field)
                    } else {
                        fact.value(in: Self.facts(&known, facts), field: field)
                    }
                guard let value else { continue }
                result += maximumLength.map { value.cut(toBytes: $0) } ?? value
            }
        }
        return result
    }

    private static func facts(_ known: inout FormatFacts?, _ make: () -> FormatFacts) -> FormatFacts {
        if let known { return known }
        let made = make()
        known = made
        return made
    }
}

extension String {
    /// The first bytes of a text: at most so many, and no half scalar at the end.
    fileprivate func cut(toBytes count: Int) -> String {
        guard utf8.count > count else { return self }
        var end = utf8.index(startIndex, offsetBy: count)
        while end > startIndex, UTF8.isContinuation(utf8[end]) { end = utf8.index(before: end) }
        return String(self[..<end])
    }
}
