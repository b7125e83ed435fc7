// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A path that is made of a template's variables (`envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig`).
///
/// It begins with a slash and holds literals, no two slashes in a row, and variables in braces, each as often as wanted.
public struct PathTemplateRewrite: Hashable, Sendable {
    enum Piece: Hashable, Sendable {
        case literal(String)
        case variable(String)
    }

    /// The rewrite as it is written.
    public let text: String
    private let pieces: [Piece]

    /// Compiles a rewrite.
    /// - Throws: `ConfigurationError` that says what is wrong with it.
    public init(_ text: String) throws(ConfigurationError) {
        func error(_ problem: String) -> ConfigurationError {
            ConfigurationError(path: "", "the path rewrite \"\(text)\" \(problem)")
        }
        guard text.utf8.first == UInt8(ascii: "/") else { throw error("must begin with a slash") }
        guard !text.contains("//") else { throw error("must hold no two slashes in a row") }
        var pieces: [Piece] = []
        var rest = text[...]
        while !rest.isEmpty {
            let literal = rest.prefix { $0 != "{" }
            guard literal.utf8.allSatisfy({ $0.isPathTemplateLiteral || "/*".utf8.contains($0) }) else {
                throw error("holds \"\(literal)\", which is no literal of a path")
            }
            if !literal.isEmpty { pieces.append(.literal(String(literal))) }
            rest = rest.dropFirst(literal.count)
            guard !rest.isEmpty else { break }
            guard let closing = rest.firstIndex(of: "}") else { throw error("has a brace that is not closed") }
            let name = String(rest[..<closing].dropFirst())
            guard PathTemplateParser.isVariableName(name) else {
                throw error(
                    "has a variable \"\(name)\"; a name begins with a letter and holds letters, digits and \"_\""
                )
            }
            pieces.append(.variable(name))
            rest = rest[rest.index(after: closing)...]
        }
        self.text = text
        self.pieces = pieces
    }

    /// Binds the rewrite to the template whose variables it uses.
    /// - Throws: `ConfigurationError` if the template lacks one of them.
    public func bound(to template: PathTemplate) throws(ConfigurationError) -> BoundPathTemplateRewrite {
        var rewrite = ""
        for piece in pieces {
            switch piece {
            case .literal(let literal): rewrite += literal
            case .variable(let name):
                guard let position = template.variables.firstIndex(of: name) else {
                    throw ConfigurationError(
                        path: "",
                        "the path rewrite \"\(text)\" uses \"\(name)\", which is no variable of \"\(template.text)\""
                    )
                }
                rewrite += "\\\(position + 1)"
            }
        }
        do {
            return BoundPathTemplateRewrite(template, try RegularExpression.Rewrite(rewrite, for: template.expression))
        } catch {
            throw ConfigurationError(path: "", "the path rewrite \"\(text)\" is refused: \(error)")
        }
    }
}
