// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A place in a file of manifests.
public struct SourcePosition: Hashable, Sendable, CustomStringConvertible {
    /// The name of the file, as it was given to the reader.
    public var file: String
    /// The line, from 1.
    public var line: Int
    /// The column, from 1, counted in Unicode scalars.
    public var column: Int

    /// Creates a position.
    public init(file: String, line: Int, column: Int) {
        self.file = file
        self.line = line
        self.column = column
    }

    /// The position as `file:line:column`.
    public var description: String { "\(file):\(line):\(column)" }
}

/// A value with the place that it was read from.
struct Located<Value: Sendable>: Sendable {
    var value: Value
    var position: SourcePosition
}

extension Located: Equatable where Value: Equatable {}
extension Located: Hashable where Value: Hashable {}
