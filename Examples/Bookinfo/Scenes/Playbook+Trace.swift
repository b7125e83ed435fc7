// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import HTTPTypes

extension Playbook {
    /// Scene 8: one request, one tree of spans over all services.
    func connectedTrace(_ stage: Stage) async throws -> SceneResult {
        var findings = Findings()
        try await stage.apply("all-to-v2.yaml") { views in views.allSatisfy { $0.isComplete && $0.version == "v2" } }
        // Enough traffic around the one request that its spans cannot be found by luck.
        _ = await stage.load().run(max(requests - 1, 0))
        let traceID = (0..<4).map { _ in String(format: "%08x", UInt32.random(in: 1 ... .max)) }.joined()
        let rootID = "00000000000000a1"
        let view = await stage.client.page(
            at: stage.productpage,
            headers: [HTTPField.Name("traceparent") ?? .userAgent: "00-\(traceID)-\(rootID)-01"]
        )
        findings.expect(view.isComplete, view.isComplete ? "the request was served" : view.summary)
        let wanted: Set = ["productpage", "details", "reviews", "ratings"]
        var spans: [ExportedSpan] = []
        var folder = SpanFolder(path: stage.cluster.folder.spans, traceID: traceID)
        let deadline = Date().addingTimeInterval(30)
        repeat {
            spans += try folder.readOn()
            if Set(spans.filter(\.isServer).map(\.service)).isSuperset(of: wanted) { break }
            try await Pause.milliseconds(200)
        } while Date() < deadline
        let services = Set(spans.filter(\.isServer).map(\.service))
        findings.expect(
            services == wanted,
            "server spans of \(services.sorted().joined(separator: ", ")), \(spans.count) spans in all"
        )
        let known = Set(spans.map(\.spanID) + [rootID])
        let orphans = spans.filter { !known.contains($0.parentID) }
        findings.expect(orphans.isEmpty, "\(orphans.count) spans without their parent")
        let parents = Dictionary(spans.map { ($0.spanID, $0.parentID) }) { first, _ in first }
        let reachRoot = spans.allSatisfy { span in
            var (current, steps) = (span.spanID, 0)
            while let parent = parents[current], steps <= spans.count { (current, steps) = (parent, steps + 1) }
            return current == rootID
        }
        findings.expect(reachRoot && !spans.isEmpty, "every span leads to the caller's")
        return findings.result("8 one connected trace", expected: "one tree of spans over all four services")
    }
}

/// A span as the services export it: OTLP as JSON, one export a line.
struct ExportedSpan: Sendable {
    var service: String
    var traceID: String
    var spanID: String
    var parentID: String
    var isServer: Bool

    /// The spans of a trace in one line of an export.
    static func decode(_ line: Data, traceID: String) -> [ExportedSpan] {
        let spans = try? JSONDecoder().decode(Export.self, from: line).spans
        return spans?.filter { $0.traceID == traceID } ?? []
    }

    private struct Export: Decodable {
        struct Attribute: Decodable {
            struct Value: Decodable {
                var stringValue: String?
            }

            var key: String
            var value: Value
        }

        struct Resource: Decodable {
            var attributes: [Attribute]
        }

        struct Span: Decodable {
            var traceId: String
            var spanId: String
            var parentSpanId: String?
            var kind: Int
        }

        struct ScopeSpans: Decodable {
            var spans: [Span]
        }

        struct ResourceSpans: Decodable {
            var resource: Resource
            var scopeSpans: [ScopeSpans]
        }

        var resourceSpans: [ResourceSpans]

        var spans: [ExportedSpan] {
            resourceSpans.flatMap { group in
                let service = group.resource.attributes.first { $0.key == "service.name" }?.value.stringValue ?? "?"
                return group.scopeSpans.flatMap(\.spans).map { span in
                    ExportedSpan(
                        service: service,
                        traceID: span.traceId,
                        spanID: span.spanId,
                        parentID: span.parentSpanId ?? "",
                        isServer: span.kind == 2
                    )
                }
            }
        }
    }
}

/// The files that the services export their spans to, read as they grow: scenes before may have left many megabytes.
struct SpanFolder {
    let path: String
    let traceID: String
    private var offsets: [String: UInt64] = [:]

    init(path: String, traceID: String) {
        self.path = path
        self.traceID = traceID
    }

    /// The trace's spans in the lines that are new since the last time. A line that is on its way still waits for the next.
    mutating func readOn() throws -> [ExportedSpan] {
        try FileManager.default.contentsOfDirectory(atPath: path).flatMap { file in
            guard let handle = FileHandle(forReadingAtPath: "\(path)/\(file)") else { return [ExportedSpan]() }
            defer { try? handle.close() }
            try handle.seek(toOffset: offsets[file, default: 0])
            guard let fresh = try handle.readToEnd(), let end = fresh.lastIndex(of: UInt8(ascii: "\n")) else {
                return []
            }
            offsets[file, default: 0] += UInt64(end - fresh.startIndex + 1)
            // Few lines have the trace, and decoding all of them would take longer than the scene.
            let needle = Data(traceID.utf8)
            return fresh[..<end].split(separator: UInt8(ascii: "\n"))
                .filter { $0.range(of: needle) != nil }
                .flatMap { ExportedSpan.decode($0, traceID: traceID) }
        }
    }
}
