// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// One thing to say about the manifests, with the place that it is about.
public struct Diagnostic: Hashable, Sendable {
    /// How bad it is.
    public enum Severity: String, Hashable, Sendable {
        /// The manifests cannot be put in force as they are.
        case error
        /// The manifests work, but probably not as their author thinks.
        case warning
        /// The manifests work, but use something that has a successor.
        case deprecation
        /// Nothing is wrong; it is worth knowing.
        case note
    }

    /// How bad it is.
    public var severity: Severity
    /// The name of the file, as it was given to the reader.
    public var file: String
    /// The line, from 1; 0 if the diagnostic is about no particular line.
    public var line: Int
    /// The column, from 1, counted in Unicode scalars; 0 if the diagnostic is about no particular line.
    public var column: Int
    /// What kind of thing it is; stable across versions.
    public var code: Code
    /// What is wrong, in one line.
    public var message: String

    /// Creates a diagnostic.
    public init(
        _ severity: Severity,
        _ code: Code,
        file: String,
        line: Int = 0,
        column: Int = 0,
        message: String
    ) {
        self.severity = severity
        self.file = file
        self.line = line
        self.column = column
        self.code = code
        self.message = message
    }

    init(_ severity: Severity, _ code: Code, at position: SourcePosition, _ message: String) {
        self.init(
            severity,
            code,
            file: position.file,
            line: position.line,
            column: position.column,
            message: message
        )
    }
}

extension Diagnostic: CustomStringConvertible {
    /// One line in the form of compilers: `file:line:column: error: message [MM0101]`.
    public var description: String {
        let place = line > 0 ? "\(file):\(line):\(column)" : file
        return "\(place): \(severity.rawValue): \(message) [\(code)]"
    }
}

extension Diagnostic: Comparable {
    /// Orders diagnostics by their places, so that the same manifests always give the same list.
    public static func < (left: Diagnostic, right: Diagnostic) -> Bool {
        if left.file != right.file { return left.file < right.file }
        if left.line != right.line { return left.line < right.line }
        if left.column != right.column { return left.column < right.column }
        if left.code != right.code { return left.code.rawValue < right.code.rawValue }
        return left.message < right.message
    }
}

extension Sequence where Element == Diagnostic {
    /// Whether one of them is an error, so that the manifests must not be put in force.
    public var hasErrors: Bool { contains { $0.severity == .error } }
}
