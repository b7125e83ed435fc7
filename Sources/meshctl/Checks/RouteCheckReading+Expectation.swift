// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting
import MeshXDS
import ServiceMesh

extension RouteCheckReading {
    /// Reads what must come of a request (`ValidationAssert`).
    mutating func expectation(_ node: DocumentNode, at path: String) -> RouteCheck.Expectation {
        let before = problems.lines.count
        var fields = FieldReader(node, at: path, &problems)
        var expectation = RouteCheck.Expectation()
        func text(_ name: String, _ reading: inout RouteCheckReading, _ fields: inout FieldReader) -> String? {
            fields.node(name)?.text(at: path.field(name), &reading.problems)
        }
        expectation.cluster = text("cluster_name", &self, &fields)
        expectation.virtualCluster = text("virtual_cluster_name", &self, &fields)
        expectation.virtualHost = text("virtual_host_name", &self, &fields)
        expectation.authority = text("host_rewrite", &self, &fields)
        expectation.path = text("path_rewrite", &self, &fields)
        expectation.location = text("path_redirect", &self, &fields)
        if let node = fields.node("code_redirect") {
            let code = node.number(upTo: UInt64(UInt32.max), at: path.field("code_redirect"), &problems)
            expectation.status = code.map { UInt32($0) }
        }
        if let node = fields.node("timeout") {
            expectation.timeout = node.duration(at: path.field("timeout"), &problems)
        }
        for name in ["request_header_fields", "header_fields", "custom_header_fields"] {
            if let node = fields.node(name) {
                expectation.requestHeaders += exactHeaders(node, at: path.field(name))
            }
        }
        if let node = fields.node("response_header_fields") {
            expectation.responseHeaders += exactHeaders(node, at: path.field("response_header_fields"))
        }
        if let node = fields.node("request_header_matches") {
            expectation.requestHeaders += matchers(node, at: path.field("request_header_matches"))
        }
        if let node = fields.node("response_header_matches") {
            expectation.responseHeaders += matchers(node, at: path.field("response_header_matches"))
        }
        fields.finish(&problems)
        if expectation == RouteCheck.Expectation(), before == problems.lines.count {
            problems.note(node.position, path, "must ask for something")
        }
        return expectation
    }

    /// Reads the older form of matchers: a name and its whole value, empty for a field that is not there.
    private mutating func exactHeaders(_ node: DocumentNode, at path: String) -> [HeaderMatcher] {
        var matchers: [HeaderMatcher] = []
        for (position, element) in node.elements(at: path, &problems).enumerated() {
            let path = "\(path)[\(position)]"
            var fields = FieldReader(element, at: path, &problems)
            let name = requiredText("key", or: "field", of: &fields)
            let value = fields.node("value")?.text(at: path.field("value"), &problems) ?? ""
            fields.finish(&problems)
            guard let name else { continue }
            let matcher = HeaderMatcher(
                HeaderName(name),
                .value(StringMatcher(.exact(value))),
                treatsMissingAsEmpty: true
            )
            matchers.append(matcher)
        }
        return matchers
    }

    /// Reads matchers of header fields (`repeated HeaderMatcher`) by the decoder of route tables: as the conditions of a
    /// route that is made for them.
    private mutating func matchers(_ node: DocumentNode, at path: String) -> [HeaderMatcher] {
        guard !node.elements(at: path, &problems).isEmpty else { return [] }
        func object(_ fields: KeyValuePairs<String, DocumentNode.Value>) -> DocumentNode.Value {
            let fields = fields.map { name, value in
                DocumentNode.Field(name, at: node.position, DocumentNode(value, at: node.position))
            }
            return .fields(fields)
        }
        func list(_ element: DocumentNode.Value) -> DocumentNode.Value {
            .list([DocumentNode(element, at: node.position)])
        }
        let match = object(["prefix": .text("/"), "headers": node.value])
        let route = object(["match": match, "direct_response": object(["status": .number("200")])])
        let host = object(["name": .text("check"), "domains": list(.text("*")), "routes": list(route)])
        let table = object(["name": .text("check"), "virtual_hosts": list(host)])
        // Where the list stands in the table that is made for it, which nobody wants to read.
        let made = "virtual_hosts[0].routes[0].match.headers"
        do {
            let document = ResourceDocument(DocumentNode(table, at: node.position), file: problems.file)
            let read = try document.routeConfiguration()
            problems.note(lines: read.ignored.map { "\($0)".replacing(made, with: path, maxReplacements: 1) })
            return read.resource.virtualHosts.first?.routes.first?.match.headers ?? []
        } catch {
            problems.note(lines: error.problems.map { "\($0)".replacing(made, with: path, maxReplacements: 1) })
            return []
        }
    }
}
