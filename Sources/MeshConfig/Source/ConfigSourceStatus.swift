// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What a source has delivered, for operators: where it comes from, and what became of each resource.
public struct ConfigSourceStatus: Hashable, Sendable, Codable {
    /// What became of a resource.
    public enum State: String, Hashable, Sendable, Codable {
        /// It was asked for and has not come yet.
        case requested
        /// It is in use.
        case acknowledged
        /// It was refused; the last good one, if there was one, stays in use.
        case refused
        /// It does not exist.
        case missing
        /// The source cannot give it; the last good one, if there was one, stays in use.
        case failed
        /// Nobody has said a word about it for too long.
        case timedOut
    }

    /// A resource.
    public struct Resource: Hashable, Sendable, Codable {
        /// Its kind, by the name of its message (`envoy.config.cluster.v3.Cluster`).
        public var kind: String
        /// Its name.
        public var name: String
        /// The version of the one in use; `nil` if there is none.
        public var version: String?
        /// What became of it.
        public var state: State
        /// Why, unless all is well.
        public var reason: String?

        /// Creates a description.
        public init(kind: String, name: String, version: String? = nil, state: State, reason: String? = nil) {
            self.kind = kind
            self.name = name
            self.version = version
            self.state = state
            self.reason = reason
        }
    }

    /// The source's name.
    public var name: String
    /// Where what is in force comes from, in words; `nil` if there is only one place where it could.
    public var origin: String?
    /// Its resources, in the order of their kinds and names; empty for sources that do not tell.
    public var resources: [Resource]
    /// The fields of its configuration in force that have no effect, each with its resource and path; at most 1024. The
    /// mesh fills them in.
    public var ignored: [String]

    /// Creates a status.
    public init(name: String, origin: String? = nil, resources: [Resource] = [], ignored: [String] = []) {
        self.name = name
        self.origin = origin
        self.resources = resources
        self.ignored = ignored
    }
}
