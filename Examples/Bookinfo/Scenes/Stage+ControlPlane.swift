// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import HTTPTypes
import MeshCore

extension Stage {
    /// A finding of the control plane about the manifests.
    struct Diagnostic: Decodable, Sendable {
        var severity: String
        var file: String
        var line: Int
        var column: Int
        var message: String
    }

    private struct DiagnosticList: Decodable {
        var diagnostics: [Diagnostic]
    }

    private struct InstanceList: Decodable {
        struct Instance: Decodable {
            var id: String
            var state: String
        }

        var instances: [Instance]
    }

    /// Asks the control plane for its findings until they satisfy a condition, or for a while.
    func diagnostics(until condition: ([Diagnostic]) -> Bool) async throws -> [Diagnostic] {
        let deadline = Date().addingTimeInterval(10)
        var found: [Diagnostic] = []
        while Date() < deadline {
            found = try await ask("/v1/diagnostics", as: DiagnosticList.self).diagnostics
            if condition(found) { break }
            try await Pause.milliseconds(50)
        }
        return found
    }

    /// Whether the control plane still has an instance in its registry.
    func isRegistered(_ instance: String) async throws -> Bool {
        try await ask("/v1/instances", as: InstanceList.self).instances.contains { $0.id == instance }
    }

    /// Whether the control plane knows that an instance wants no new requests.
    func isDraining(_ instance: String) async throws -> Bool {
        try await ask("/v1/instances", as: InstanceList.self).instances
            .contains { $0.id == instance && $0.state == "draining" }
    }

    /// Asks the control plane's API as its operator.
    private func ask<Answer: Decodable>(_ path: String, as type: Answer.Type) async throws -> Answer {
        let token = try String(contentsOfFile: cluster.folder.operatorToken, encoding: .utf8)
        let (status, body) = try await client.get(
            path,
            at: cluster.registry,
            headers: [.authorization: "Bearer \(token)"]
        )
        guard status == 200 else { throw BookinfoError("the control plane answers \(status) to \(path)") }
        return try JSONDecoder().decode(type, from: body)
    }
}

/// Looks for words in a process's log.
struct LogReader: Sendable {
    let path: String

    /// How long the log is, in bytes.
    var length: Int { (try? Data(contentsOf: URL(filePath: path)).count) ?? 0 }

    /// Whether a line behind the first `offset` bytes has the words.
    func contains(_ words: String, behind offset: Int) -> Bool {
        guard let data = try? Data(contentsOf: URL(filePath: path)), data.count > offset else { return false }
        return String(decoding: data[offset...], as: UTF8.self).contains(words)
    }
}
