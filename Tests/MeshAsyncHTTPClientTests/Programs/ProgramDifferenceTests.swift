// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import Testing

@Suite("A program that is put on the mesh")
struct ProgramDifferenceTests {
    private func lines(_ name: String) throws -> [String] {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let text = try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
        return text.components(separatedBy: "\n")
    }

    @Test
    func `changes one line, the one in which it makes its client`() throws {
        let changes = try lines("ProgramAfter.swift").difference(from: try lines("ProgramBefore.swift"))
        #expect(changes.removals.count == 1)
        #expect(changes.insertions.count == 1)
        guard case .remove(_, let before, _) = changes.removals.first,
            case .insert(_, let after, _) = changes.insertions.first
        else { return }
        #expect(before.contains("let client = HTTPClient("))
        #expect(after.contains("let client = MeshAsyncHTTPClient(mesh: mesh)"))
    }
}
