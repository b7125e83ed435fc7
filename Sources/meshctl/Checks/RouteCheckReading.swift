// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import MeshXDS
import ServiceMesh

/// Reads tests one by one, and collects what is wrong with them.
struct RouteCheckReading {
    var problems: DocumentProblems
    private(set) var warnings: [String] = []

    init(file: String) {
        problems = DocumentProblems(file: file)
    }

    mutating func warn(_ position: DocumentPosition, _ path: String, _ reason: String) {
        warnings.append("\(problems.file):\(position.line):\(position.column): \(path): ignored: \(reason)")
    }

    /// Reads a test (`ValidationItem`); `nil` if it is bad, which is noted.
    mutating func check(_ node: DocumentNode, at path: String) -> RouteCheck? {
        let before = problems.lines.count
        var fields = FieldReader(node, at: path, &problems)
        let name = requiredText("test_name", of: &fields)
        let input = fields.node("input")
        let validate = fields.node("validate")
        fields.finish(&problems)
        if input == nil { problems.note(node.position, path, "needs input") }
        if validate == nil { problems.note(node.position, path, "needs validate") }
        let request = input.map { self.input($0, at: path.field("input")) }
        let expectation = validate.map { self.expectation($0, at: path.field("validate")) }
        guard before == problems.lines.count, let name, let request, let expectation else { return nil }
        return RouteCheck(name, input: request, expectation: expectation)
    }

    /// Reads a request (`ValidationInput`).
    private mutating func input(_ node: DocumentNode, at path: String) -> RouteCheck.Input {
        var fields = FieldReader(node, at: path, &problems)
        var input = RouteCheck.Input(
            authority: requiredText("authority", or: ":authority", of: &fields) ?? "",
            path: requiredText("path", or: ":path", of: &fields) ?? ""
        )
        if let method = fields.node("method", ":method") {
            let path = path.field("method")
            if let text = method.text(at: path, &problems) {
                if text.utf8.count < 3 { problems.note(method.position, path, "must have at least 3 letters") }
                input.method = text
            }
        }
        if let node = fields.node("random_value") {
            input.random = node.number(upTo: .max, at: path.field("random_value"), &problems) ?? 0
        }
        if let node = fields.node("ssl") {
            input.isSecure = node.boolean(at: path.field("ssl"), &problems) ?? false
        }
        if let node = fields.node("internal") {
            input.isInternal = node.boolean(at: path.field("internal"), &problems) ?? false
        }
        if let node = fields.node("runtime") {
            input.runtime = node.text(at: path.field("runtime"), &problems) ?? ""
        }
        if let node = fields.node("additional_request_headers", "additional_headers") {
            input.requestHeaders = headerValues(node, at: path.field("additional_request_headers"))
        }
        if let node = fields.node("additional_response_headers") {
            input.responseHeaders = headerValues(node, at: path.field("additional_response_headers"))
        }
        if let node = fields.node("dynamic_metadata") {
            input.metadata = metadata(node, at: path.field("dynamic_metadata"))
        }
        fields.finish(&problems)
        return input
    }

    /// Reads header fields (`repeated HeaderValue`).
    private mutating func headerValues(_ node: DocumentNode, at path: String) -> PreviewedFields {
        var headers: PreviewedFields = []
        for (position, element) in node.elements(at: path, &problems).enumerated() {
            let path = "\(path)[\(position)]"
            var fields = FieldReader(element, at: path, &problems)
            let key = requiredText("key", or: "field", of: &fields)
            let value = fields.node("value").flatMap { $0.text(at: path.field("value"), &problems) } ?? ""
            fields.finish(&problems)
            guard let key else { continue }
            let name = HeaderName(key)
            guard name.isValid else {
                problems.note(element.position, path.field("key"), "is no name of a header field: \(key)")
                continue
            }
            headers.append(value, for: name)
        }
        return headers
    }

    /// Reads what filters noted (`repeated envoy.extensions.filters.http.set_metadata.v3.Metadata`): what is there stays
    /// unless a later entry may overwrite it.
    private mutating func metadata(_ node: DocumentNode, at path: String) -> [String: RouteCheck.Input.Metadata] {
        var metadata: [String: RouteCheck.Input.Metadata] = [:]
        for (position, element) in node.elements(at: path, &problems).enumerated() {
            let path = "\(path)[\(position)]"
            var fields = FieldReader(element, at: path, &problems)
            let namespace = requiredText("metadata_namespace", of: &fields)
            let value = fields.node("value")
            let overwrites =
                fields.node("allow_overwrite").flatMap { $0.boolean(at: path.field("allow_overwrite"), &problems) }
                ?? false
            if let typed = fields.node("typed_value") {
                warn(typed.position, path.field("typed_value"), "no condition of a route can ask typed metadata")
            }
            fields.finish(&problems)
            guard let namespace, let value else { continue }
            guard case .fields = value.value else {
                problems.note(value.position, path.field("value"), "must be an object, is \(value.typeName)")
                continue
            }
            if let known = metadata[namespace] {
                if overwrites { metadata[namespace] = known.updated(by: value.metadata) }
            } else {
                metadata[namespace] = value.metadata
            }
        }
        return metadata
    }

    /// A text that must be there and not be empty.
    mutating func requiredText(_ name: String, or legacy: String? = nil, of fields: inout FieldReader) -> String? {
        guard let node = fields.node(name) ?? legacy.flatMap({ fields.node($0) }) else {
            problems.note(fields.position, fields.path, "needs \(name)")
            return nil
        }
        let path = fields.path.field(name)
        guard let text = node.text(at: path, &problems) else { return nil }
        if text.isEmpty { problems.note(node.position, path, "must not be empty") }
        return text
    }
}

extension RouteCheck.Input.Metadata {
    /// This value with another one written over it: objects field by field, lists one behind the other, all else as a
    /// whole, as Envoy's `StructUtil::update` does.
    fileprivate func updated(by other: RouteCheck.Input.Metadata) -> RouteCheck.Input.Metadata {
        switch (self, other) {
        case (.fields(let own), .fields(let others)):
            .fields(own.merging(others) { $0.updated(by: $1) })
        case (.list(let own), .list(let others)): .list(own + others)
        default: other
        }
    }
}
