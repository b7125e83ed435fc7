// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// A rewrite together with the template that takes its variables from paths.
public struct BoundPathTemplateRewrite: Hashable, Sendable {
    private let template: PathTemplate
    private let rewrite: RegularExpression.Rewrite

    init(_ template: PathTemplate, _ rewrite: RegularExpression.Rewrite) {
        self.template = template
        self.rewrite = rewrite
    }

    /// A path without its query, rewritten; `nil` if it is none of the template's.
    /// - Complexity: O(length of the path), times the program's size.
    public func rewritten(_ path: some StringProtocol) -> String? {
        template.matches(path) ? template.expression.replacingAll(in: path, with: rewrite) : nil
    }
}
