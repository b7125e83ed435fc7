// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Everything that is wrong with a piece of configuration, each problem with where it stands.
///
/// Validation happens once, at the edge, and reports every problem at once; a value that exists is valid.
public struct ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// One thing that is wrong.
    public struct Problem: Hashable, Sendable, CustomStringConvertible {
        /// Where it stands, as a field path (`clusters[2].outlierDetection.interval`).
        public var path: String
        /// What is wrong and which bound is broken.
        public var message: String

        /// Creates a problem.
        public init(path: String, message: String) {
            self.path = path
            self.message = message
        }

        /// The path and the message.
        public var description: String {
            path.isEmpty ? message : "\(path): \(message)"
        }
    }

    /// The problems, in the order in which they were found; never empty.
    public var problems: [Problem]

    /// Creates an error of several problems.
    public init(_ problems: [Problem]) {
        self.problems = problems
    }

    /// Creates an error of one problem.
    public init(path: String, _ message: String) {
        self.problems = [Problem(path: path, message: message)]
    }

    /// The problems, one a line.
    public var description: String {
        problems.map(\.description).joined(separator: "\n")
    }

    /// The same problems below a parent's path.
    public func prefixed(by parent: String) -> ConfigurationError {
        ConfigurationError(
            problems.map { problem in
                let separator = parent.isEmpty || problem.path.isEmpty || problem.path.hasPrefix("[") ? "" : "."
                return Problem(path: parent + separator + problem.path, message: problem.message)
            }
        )
    }
}

/// Collects problems, so that a validation can report all of them at once.
public struct ProblemCollector: Sendable {
    /// What was found until now.
    public private(set) var problems: [ConfigurationError.Problem] = []

    /// Creates an empty collector.
    public init() {}

    /// Notes a problem.
    public mutating func note(_ path: String, _ message: String) {
        problems.append(ConfigurationError.Problem(path: path, message: message))
    }

    /// Notes a problem unless `condition` holds.
    public mutating func require(_ condition: Bool, _ path: String, _ message: @autoclosure () -> String) {
        if !condition { note(path, message()) }
    }

    /// Runs `body` and notes its problems below `path`.
    public mutating func nest<Value>(
        _ path: @autoclosure () -> String,
        _ body: () throws(ConfigurationError) -> Value
    ) -> Value? {
        do {
            return try body()
        } catch {
            problems += error.prefixed(by: path()).problems
            return nil
        }
    }

    /// Throws everything that was noted, if anything was.
    /// - Throws: `ConfigurationError` with every problem.
    public func throwIfAny() throws(ConfigurationError) {
        if !problems.isEmpty { throw ConfigurationError(problems) }
    }
}
