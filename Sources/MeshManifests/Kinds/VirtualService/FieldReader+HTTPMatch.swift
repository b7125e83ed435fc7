// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

extension FieldReader {
    /// An `HTTPMatchRequest` of a VirtualService; `nil` if a condition cannot be read, so that nothing matches without it.
    mutating func requestCondition() -> RequestCondition? {
        let problems = context.errorCount
        var condition = RequestCondition()
        condition.name = text("name")?.value
        condition.ignoresCaseOfURI = boolean("ignoreUriCase") ?? false
        condition.uri = textCondition("uri", allowsStar: false)
        condition.method = textCondition("method")
        condition.authority = textCondition("authority")
        condition.scheme = textCondition("scheme")
        condition.headers = headerConditions("headers")
        condition.withoutHeaders = headerConditions("withoutHeaders")
        for entry in pairs("queryParams") {
            guard !entry.key.isEmpty else {
                context.error(.invalidValue, at: entry.position, "a query parameter has a name")
                continue
            }
            condition.queryParameters[entry.key] = textCondition(of: entry)
        }
        condition.source.labels = labels("sourceLabels")
        condition.source.namespace = text("sourceNamespace")?.value
        condition.port = integer("port", in: 1...65_535).map { UInt16($0.value) }
        condition.gateways = texts("gateways").map(\.value)
        ignore("statPrefix", because: "there are no statistics by route")
        return context.errorCount == problems ? condition : nil
    }

    /// Conditions on headers.
    private mutating func headerConditions(_ name: String) -> [HeaderName: TextCondition] {
        var conditions: [HeaderName: TextCondition] = [:]
        for entry in pairs(name) {
            guard !entry.key.hasPrefix("@request.auth.claims") else {
                context.error(
                    .refusedField,
                    at: entry.position,
                    "\(entry.key) is not supported: routes are chosen where no token is looked at"
                )
                continue
            }
            guard let header = headerName(entry) else { continue }
            guard conditions[header] == nil else {
                context.error(.conflictingFields, at: entry.position, "the header \(header) stands in \(name) twice")
                continue
            }
            conditions[header] = textCondition(of: entry)
        }
        return conditions
    }

    /// The name of a header that stands as a key.
    func headerName(_ entry: YAMLValue.Entry) -> HeaderName? {
        let header = HeaderName(entry.key)
        guard header.isValid else {
            context.error(.invalidValue, at: entry.position, "\(entry.key) is no name of a header")
            return nil
        }
        return header
    }

    /// The condition that stands under a key.
    private func textCondition(of entry: YAMLValue.Entry) -> TextCondition? {
        FieldReader.read(entry.value, named: entry.key, context) { $0.readTextCondition(of: entry.key) } ?? nil
    }
}
