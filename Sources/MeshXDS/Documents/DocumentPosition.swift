// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A place in a document.
public struct DocumentPosition: Hashable, Sendable {
    /// The line, from 1.
    public var line: Int
    /// The column, from 1, in Unicode scalars.
    public var column: Int

    /// Creates a position.
    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }
}
