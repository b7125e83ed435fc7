// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshResilience

/// The rate limit services that a process can ask, by the names that configuration has for them: clusters, or targets.
public struct RateLimitServices: Sendable {
    private let find: @Sendable (_ name: String) -> (any RateLimitService)?

    /// Creates a directory.
    /// - Parameter find: The service of a name; `nil` if there is none. Called when a configuration is put in force.
    public init(_ find: @escaping @Sendable (_ name: String) -> (any RateLimitService)?) {
        self.find = find
    }

    /// One service, whatever it is called.
    public init(_ service: any RateLimitService) {
        self.init { _ in service }
    }

    /// No service: every question fails.
    public static let none = RateLimitServices { _ in nil }

    /// The service of a name; one that never answers if there is none.
    func service(named name: String) -> any RateLimitService {
        find(name) ?? UnknownRateLimitService(name: name)
    }

    /// Whether there is a service of that name.
    func knows(_ name: String) -> Bool { find(name) != nil }
}
