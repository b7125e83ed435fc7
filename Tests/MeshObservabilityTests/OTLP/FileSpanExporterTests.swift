// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import Testing

@testable import MeshObservability

@Suite
struct FileSpanExporterTests {
    @Test
    func `every request is a line, behind what the file has already`() async throws {
        let path = NSTemporaryDirectory() + "mesh-spans-\(UUID().uuidString).jsonl"
        defer { try? FileManager.default.removeItem(atPath: path) }
        for line in ["{\"a\":1}", "{\"b\":2}"] {
            // A new exporter each time, as a process that starts again makes one.
            let exporter = try FileSpanExporter(path: path)
            try await exporter.export(Array(line.utf8))
        }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "{\"a\":1}\n{\"b\":2}\n")
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600, "spans name paths and peers")
    }

    @Test
    func `lines of two exporters do not mix`() async throws {
        let path = NSTemporaryDirectory() + "mesh-spans-\(UUID().uuidString).jsonl"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let texts = ["a", "b"].map { String(repeating: $0, count: 3000) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for text in texts {
                let exporter = try FileSpanExporter(path: path)
                group.addTask { for _ in 0..<50 { try await exporter.export(Array(text.utf8)) } }
            }
            try await group.waitForAll()
        }
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
        #expect(lines.count == 100 && Set(lines) == Set(texts))
    }

    @Test
    func `a file that cannot be opened is an error that names it`() {
        let path = NSTemporaryDirectory() + UUID().uuidString + "/spans.jsonl"
        #expect {
            try FileSpanExporter(path: path)
        } throws: { error in
            "\(error)" == "open \(path): No such file or directory"
        }
    }
}
