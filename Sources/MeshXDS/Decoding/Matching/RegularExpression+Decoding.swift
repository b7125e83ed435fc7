// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import SwiftProtobuf

extension RegularExpression {
    /// Compiles the expression of a `RegexMatcher`.
    /// - Returns: `nil`, with a problem, if the expression is bad.
    init?(_ message: Envoy_Type_Matcher_V3_RegexMatcher, at path: FieldPath, _ context: inout DecodingContext) {
        guard !message.regex.isEmpty else {
            context.reject(path["regex"], "is empty")
            return nil
        }
        self.init(compiling: message.regex, at: path["regex"], &context)
    }

    /// Compiles an expression.
    /// - Returns: `nil`, with a problem, if it is bad.
    init?(compiling pattern: String, at path: FieldPath, _ context: inout DecodingContext) {
        do {
            try self.init(pattern)
        } catch {
            context.reject(path, "is no regular expression: \(error)")
            return nil
        }
    }

    /// The pattern with the options that the API has no fields for written into it.
    var portablePattern: String {
        var flags = ""
        if options.isCaseInsensitive { flags += "i" }
        if options.dotMatchesNewline { flags += "s" }
        return flags.isEmpty ? pattern : "(?\(flags))\(pattern)"
    }

    /// A pattern that matches just this text.
    static func quoting(_ text: String) -> String {
        var quoted = ""
        for character in text.unicodeScalars {
            // A backslash before any ASCII punctuation stands for it; before a letter it would mean something.
            if character.isASCII, !character.properties.isAlphabetic, !("0"..."9").contains(character),
                character.value > 0x20, character.value < 0x7F
            {
                quoted += "\\"
            }
            quoted.unicodeScalars.append(character)
        }
        return quoted
    }
}

extension Envoy_Type_Matcher_V3_RegexMatcher {
    /// Encodes an expression.
    init(_ expression: RegularExpression) {
        self.init()
        regex = expression.portablePattern
    }
}
