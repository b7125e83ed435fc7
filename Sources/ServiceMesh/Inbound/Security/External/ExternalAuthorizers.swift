// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshSecurity

/// The services that say who may pass, by the names that configuration has for them: clusters, or targets.
public struct ExternalAuthorizers: Sendable {
    private let find: @Sendable (_ name: String) -> (any ExternalAuthorizer)?

    /// Creates a directory.
    /// - Parameter find: The service of a name; `nil` if there is none. Called when a configuration is put in force.
    public init(_ find: @escaping @Sendable (_ name: String) -> (any ExternalAuthorizer)?) {
        self.find = find
    }

    /// One service, whatever it is called.
    public init(_ authorizer: any ExternalAuthorizer) {
        self.init { _ in authorizer }
    }

    /// No service: every question fails.
    public static let none = ExternalAuthorizers { _ in nil }

    /// The service of a name; one that never answers if there is none.
    func authorizer(named name: String) -> any ExternalAuthorizer { find(name) ?? UnknownAuthorizer(name: name) }

    /// Whether there is a service of that name.
    func knows(_ name: String) -> Bool { find(name) != nil }
}
