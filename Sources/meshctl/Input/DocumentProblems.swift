// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshXDS

/// Collects what is wrong with a file, each with its place, so that all of it is said at once.
struct DocumentProblems {
    /// The name of the file.
    let file: String
    /// The lines: `file:line:column: path: message`.
    private(set) var lines: [String] = []

    /// How many problems are told; the rest only adds to the count.
    static let maximum = 100

    init(file: String) {
        self.file = file
    }

    /// Notes a problem.
    mutating func note(_ position: DocumentPosition, _ path: String, _ message: String) {
        guard lines.count <= Self.maximum else { return }
        if lines.count == Self.maximum {
            lines.append("\(file): there is more")
            return
        }
        let place = "\(file):\(position.line):\(position.column)"
        lines.append(path.isEmpty ? "\(place): \(message)" : "\(place): \(path): \(message)")
    }

    /// Notes problems that bring their places along.
    mutating func note(lines others: [String]) {
        lines += others
    }

    /// Throws everything that was noted, if anything was.
    func throwIfAny() throws(InputError) {
        if !lines.isEmpty { throw InputError(lines: lines) }
    }
}
