// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Parses the conditions of Mixer rules: comparisons with `==` and `!=`, joined by `&&`, `||` and parentheses.
///
/// ```
/// expression := conjunction ("||" conjunction)*
/// conjunction := term ("&&" term)*
/// term := "(" expression ")" | "true" | "false" | operand ("==" | "!=") operand
/// operand := text | ("source" | "destination") ("." name | "." "labels" "[" text "]")
/// ```
struct MixerExpressionParser {
    /// What is wrong, and at which byte.
    struct Problem: Error, Equatable {
        var offset: Int
        var message: String
    }

    private var tokens: [MixerToken]
    private var position = 0
    private let end: Int

    private init(_ text: String) throws(Problem) {
        tokens = try MixerToken.tokens(of: text)
        end = text.utf8.count
    }

    /// Parses a condition.
    static func parse(_ text: String) throws(Problem) -> MixerExpression {
        guard text.utf8.count <= 4096 else {
            throw Problem(offset: 0, message: "a condition has at most 4096 bytes")
        }
        var parser = try MixerExpressionParser(text)
        let expression = try parser.expression(depth: 0)
        if let rest = parser.peek { throw Problem(offset: rest.offset, message: "\(rest) is not expected here") }
        return expression
    }

    private var peek: MixerToken? { position < tokens.count ? tokens[position] : nil }

    private mutating func take(_ symbol: String) -> Bool {
        guard let token = peek, token.kind == .symbol, token.text == symbol else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ symbol: String) throws(Problem) {
        guard take(symbol) else { throw unexpected("expected \(symbol)") }
    }

    private func unexpected(_ expectation: String) -> Problem {
        guard let token = peek else { return Problem(offset: end, message: "the condition ends here, \(expectation)") }
        return Problem(offset: token.offset, message: "\(token) is not supported here, \(expectation)")
    }

    private mutating func expression(depth: Int) throws(Problem) -> MixerExpression {
        var left = try conjunction(depth: depth)
        while take("||") { left = .either(left, try conjunction(depth: depth)) }
        return left
    }

    private mutating func conjunction(depth: Int) throws(Problem) -> MixerExpression {
        var left = try term(depth: depth)
        while take("&&") { left = .both(left, try term(depth: depth)) }
        return left
    }

    private mutating func term(depth: Int) throws(Problem) -> MixerExpression {
        if let token = peek, token.kind == .symbol, token.text == "(" {
            guard depth < 32 else { throw Problem(offset: token.offset, message: "parentheses nest too deeply") }
            position += 1
            let inner = try expression(depth: depth + 1)
            try expect(")")
            return inner
        }
        if let token = peek, token.kind == .name, token.text == "true" || token.text == "false" {
            position += 1
            return .constant(token.text == "true")
        }
        let left = try operand()
        if take("==") { return .equal(left, try operand()) }
        if take("!=") { return .notEqual(left, try operand()) }
        throw unexpected("expected == or !=")
    }

    private mutating func operand() throws(Problem) -> MixerExpression.Operand {
        let expectation = "expected a text or an attribute"
        guard let token = peek else { throw unexpected(expectation) }
        switch token.kind {
        case .symbol: throw unexpected(expectation)
        case .text:
            position += 1
            return .text(token.text)
        case .name:
            let parts = token.text.split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count == 2, let side = MixerExpression.Side(rawValue: String(parts[0])) else {
                throw unsupported(token)
            }
            switch parts[1] {
            case "service": position += 1; return .attribute(side, .service)
            case "namespace": position += 1; return .attribute(side, .namespace)
            case "labels":
                position += 1
                try expect("[")
                guard let key = peek, key.kind == .text else { throw unexpected("expected the name of a label") }
                position += 1
                try expect("]")
                return .attribute(side, .label(key.text))
            default: throw unsupported(token)
            }
        }
    }

    private func unsupported(_ token: MixerToken) -> Problem {
        let known = ["labels[\"NAME\"]", "service", "namespace"].map { "source.\($0), destination.\($0)" }
        let list = known.joined(separator: ", ")
        return Problem(offset: token.offset, message: "\(token) is not supported; what is: \(list)")
    }
}
