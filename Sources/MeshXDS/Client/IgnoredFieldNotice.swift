// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// How a control plane is told which fields of the configuration in force have no effect: a line for each, not too many.
enum IgnoredFieldNotice {
    /// The most lines: as many as `XDSServer` reads.
    static let maximumLines = 256
    /// The most bytes of a line, and of all of them: a node has to fit into the bounds of any control plane.
    static let maximumLineLength = 512
    static let maximumLength = 32 << 10

    /// The lines. The last one says how many fields were left out, if any were.
    static func lines(_ fields: [IgnoredField]) -> [String] {
        var lines: [String] = []
        var length = 0
        for field in fields {
            let line = cut(field.description)
            length += line.utf8.count
            let isLast = lines.count + 1 == fields.count
            guard lines.count < maximumLines - (isLast ? 0 : 1), length <= maximumLength else {
                return lines + ["\(fields.count - lines.count) further fields have no effect"]
            }
            lines.append(line)
        }
        return lines
    }

    private static func cut(_ line: String) -> String {
        guard line.utf8.count > maximumLineLength else { return line }
        var line = line
        while line.utf8.count > maximumLineLength - 3 { line.removeLast() }
        return line + "…"
    }
}
