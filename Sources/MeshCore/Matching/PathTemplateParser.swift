// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Reads a path template and writes the regular expression of its paths.
package struct PathTemplateParser {
    private static let maximumVariables = 5
    private static let maximumNameLength = 16
    /// RFC 3986's `pchar`, as the inside of a class: what operators take.
    private static let segmentClass = #"a-zA-Z0-9\-._~%!$&'()*+,;=:@"#

    private let text: String
    private var rest: Substring.UTF8View
    private(set) var pattern = ""
    private(set) var variables: [String] = []
    private var hasTextGlob = false

    init(_ text: String) {
        self.text = text
        self.rest = text[...].utf8
    }

    mutating func parse() throws(ConfigurationError) {
        guard rest.first == UInt8(ascii: "/"), rest.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw error("must begin with a slash and hold printable ASCII characters only")
        }
        while rest.first == UInt8(ascii: "/") {
            pattern += "/"
            rest = rest.dropFirst()
            // One slash may end the template.
            if rest.isEmpty { return }
            try parseSegment()
        }
    }

    private mutating func parseSegment() throws(ConfigurationError) {
        switch rest.first {
        case UInt8(ascii: "*"):
            try parseOperator()
            if rest.isEmpty || rest.first == UInt8(ascii: "/") { return }
            try parseLiteral(endedBy: nil)
            guard rest.isEmpty else { throw error("must end behind a literal that follows an operator") }
        case UInt8(ascii: "{"):
            try parseVariable()
            if !rest.isEmpty, rest.first != UInt8(ascii: "/") { try parseLiteral(endedBy: nil) }
        default:
            try parseLiteral(endedBy: UInt8(ascii: "{"))
            guard rest.first == UInt8(ascii: "{") else { return }
            guard rest.prefix(while: { $0 != UInt8(ascii: "/") }).contains(UInt8(ascii: "}")) else {
                throw error("has a variable behind a literal that does not end in its segment")
            }
            try parseVariable()
            if !rest.isEmpty, rest.first != UInt8(ascii: "/") { try parseLiteral(endedBy: nil) }
        }
    }

    private mutating func parseOperator() throws(ConfigurationError) {
        rest = rest.dropFirst()
        if rest.first == UInt8(ascii: "*") {
            rest = rest.dropFirst()
            try note(isTextGlob: true)
        } else {
            try note(isTextGlob: false)
        }
    }

    private mutating func note(isTextGlob: Bool) throws(ConfigurationError) {
        if hasTextGlob { throw error("must hold no operator and no variable of one segment behind \"**\"") }
        hasTextGlob = isTextGlob
        pattern += isTextGlob ? "[\(Self.segmentClass)/]*" : "[\(Self.segmentClass)]+"
    }

    private mutating func parseLiteral(endedBy end: UInt8?) throws(ConfigurationError) {
        let literal = rest.prefix { $0 != UInt8(ascii: "/") && $0 != end }
        guard !literal.isEmpty, literal.allSatisfy(\.isPathTemplateLiteral) else {
            throw error(
                literal.isEmpty
                    ? "must hold no empty segment" : "holds \"\(String(literal) ?? "")\", which is no literal of a path"
            )
        }
        rest = rest.dropFirst(literal.count)
        for byte in literal {
            if "$()+.".utf8.contains(byte) { pattern += "\\" }
            pattern.unicodeScalars.append(Unicode.Scalar(byte))
        }
    }

    private mutating func parseVariable() throws(ConfigurationError) {
        let closing = UInt8(ascii: "}")
        rest = rest.dropFirst()
        guard rest.contains(closing) else { throw error("has a brace that is not closed") }
        let name = rest.prefix { $0 != UInt8(ascii: "=") && $0 != closing }
        try note(variable: String(name) ?? "")
        rest = rest.dropFirst(name.count)
        pattern += "("
        if rest.first == UInt8(ascii: "=") {
            repeat {
                rest = rest.dropFirst()
                if rest.first == UInt8(ascii: "*") {
                    try parseOperator()
                } else {
                    try parseLiteral(endedBy: closing)
                }
                if rest.first == UInt8(ascii: "/") { pattern += "/" }
            } while rest.first == UInt8(ascii: "/")
            guard rest.first == closing else { throw error("has an operator in a variable that no slash follows") }
        } else {
            try note(isTextGlob: false)
        }
        pattern += ")"
        rest = rest.dropFirst()
    }

    private mutating func note(variable name: String) throws(ConfigurationError) {
        guard Self.isVariableName(name) else {
            throw error("has a variable \"\(name)\"; a name begins with a letter and holds letters, digits and \"_\"")
        }
        guard name.utf8.count <= Self.maximumNameLength else {
            throw error("has a variable \"\(name)\", whose name is longer than \(Self.maximumNameLength) characters")
        }
        guard !variables.contains(name) else { throw error("has the variable \"\(name)\" twice") }
        guard variables.count < Self.maximumVariables else {
            throw error("has more than \(Self.maximumVariables) variables")
        }
        variables.append(name)
    }

    package static func isVariableName(_ name: String) -> Bool {
        guard let first = name.utf8.first, first.isASCIILetter else { return false }
        return name.utf8.allSatisfy { $0.isASCIILetter || $0.isASCIIDigit || $0 == UInt8(ascii: "_") }
    }

    private func error(_ problem: String) -> ConfigurationError {
        ConfigurationError(path: "", "the path template \"\(text)\" \(problem)")
    }
}

extension UInt8 {
    /// Whether the byte may stand in a literal of a path template: RFC 3986's `pchar` but for `*`, which Envoy takes there
    /// to repeat what stands before it, as in a regular expression.
    package var isPathTemplateLiteral: Bool {
        isASCIILetter || isASCIIDigit || "-._~%!$&'()+,;=:@".utf8.contains(self)
    }

    fileprivate var isASCIILetter: Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20)
    }

    fileprivate var isASCIIDigit: Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self)
    }
}
