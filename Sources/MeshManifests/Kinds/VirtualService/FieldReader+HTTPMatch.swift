// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting

extension FieldReader {
    /// An `HTTPMatchRequest` of a VirtualService.
    mutating func requestCondition() -> RequestCondition? {
        var condition = RequestCondition()
        condition.name = text("name")?.value
        let ignoresCase = boolean("ignoreUriCase") ?? false
        if let uri = textCondition("uri"), let path = pathMatcher(uri, ignoresCase: ignoresCase) {
            condition.path = path
        }
        for (field, header) in [("method", ":method"), ("authority", ":authority"), ("scheme", ":scheme")] {
            if let text = textCondition(field) {
                condition.headers.append(HeaderMatcher(HeaderName(header), text.headerCondition))
            }
        }
        condition.headers += headerMatchers("headers")
        condition.headers += headerMatchers("withoutHeaders").map { matcher in
            var inverted = matcher
            inverted.isInverted = true
            // A header that is absent is not the one that must not be there (Istio sets the same).
            if case .value = matcher.condition { inverted.treatsMissingAsEmpty = true }
            return inverted
        }
        condition.source.labels = labels("sourceLabels")
        condition.source.namespace = text("sourceNamespace")?.value
        condition.port = integer("port", in: 1...65_535).map { UInt16($0.value) }
        let gateways = texts("gateways")
        condition.appliesToMesh = gateways.isEmpty || gateways.contains { $0.value == "mesh" }
        refuse("queryParams", because: "the rule would match requests that it must not match")
        ignore("statPrefix")
        return condition
    }

    /// Conditions on headers, in the order of their names.
    mutating func headerMatchers(_ name: String) -> [HeaderMatcher] {
        pairs(name).compactMap { headerMatcher($0) }.sorted { $0.name.lowercased < $1.name.lowercased }
    }

    func headerMatcher(_ entry: YAMLValue.Entry) -> HeaderMatcher? {
        let header = HeaderName(entry.key)
        guard header.isValid else {
            context.error(.invalidValue, at: entry.position, "\(entry.key) is no name of a header")
            return nil
        }
        let condition = FieldReader.read(entry.value, named: entry.key, context) { $0.readTextCondition(of: entry.key) }
        return (condition ?? nil).map { HeaderMatcher(header, $0.headerCondition) }
    }

    func pathMatcher(_ condition: TextCondition, ignoresCase: Bool) -> PathMatcher? {
        switch condition {
        case .exact(let path): PathMatcher(.exact(path), ignoresCase: ignoresCase)
        case .prefix(let path): PathMatcher(.prefix(path), ignoresCase: ignoresCase)
        // Istio's ignoreUriCase leaves regular expressions alone.
        case .expression(let expression): PathMatcher(.regularExpression(expression))
        case .present: .any
        }
    }
}

extension TextCondition {
    /// The condition on a header.
    var headerCondition: HeaderMatcher.Condition {
        switch self {
        case .exact(let text): .value(StringMatcher(.exact(text)))
        case .prefix(let text): .value(StringMatcher(.prefix(text)))
        case .expression(let expression): .value(StringMatcher(.regularExpression(expression)))
        case .present: .present(true)
        }
    }
}
