// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import SwiftProtobuf

extension RegexSubstitution {
    /// Decodes a substitution.
    /// - Returns: `nil`, with a problem, if its expression is bad or the substitution names a group that it has not.
    init?(
        _ message: Envoy_Type_Matcher_V3_RegexMatchAndSubstitute,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        guard let expression = RegularExpression(message.pattern, at: path["pattern"], &context) else { return nil }
        do {
            _ = try RegularExpression.Rewrite(message.substitution, for: expression)
        } catch {
            context.reject(path["substitution"], "\(error)")
            return nil
        }
        self.init(expression, substitution: message.substitution)
    }
}

extension Envoy_Type_Matcher_V3_RegexMatchAndSubstitute {
    /// Encodes a substitution.
    init(_ substitution: RegexSubstitution) {
        self.init()
        pattern = Envoy_Type_Matcher_V3_RegexMatcher(substitution.expression)
        self.substitution = substitution.substitution
    }
}
