// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Why the mesh would send a request where it would send it: for people, not for programs to parse.
public struct Explanation: Sendable, Codable, CustomStringConvertible {
    /// A fact with its name.
    public struct Fact: Hashable, Sendable, Codable {
        /// What it is.
        public var name: String
        /// What it says.
        public var value: String
    }

    /// The configuration that decides.
    public var generation: UInt64
    /// The facts, in the order in which the request meets them.
    public var facts: [Fact] = []

    mutating func note(_ name: String, _ value: String) {
        facts.append(Fact(name: name, value: value))
    }

    /// The first fact of that name.
    public subscript(name: String) -> String? {
        facts.first { $0.name == name }?.value
    }

    /// The facts, one a line.
    public var description: String {
        let lines = facts.isEmpty ? "" : "\n" + Self.lines(of: facts)
        return "configuration generation \(generation)" + lines
    }
}
