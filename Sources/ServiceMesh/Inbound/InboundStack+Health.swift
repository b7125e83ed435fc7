// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

extension InboundStack {
    /// The answer to a question about the service's health; `nil` if the request is none.
    ///
    /// Adapters ask before everything else, and even while the mesh is disabled. Such a request is not begun.
    /// - Complexity: Two comparisons of strings; nothing where no path is configured.
    public func healthReply(to request: some RequestHead) -> LocalReply? {
        guard configuration.livenessPath != nil || configuration.readinessPath != nil else { return nil }
        switch request.method {
        case "GET", "HEAD": break
        default: return nil
        }
        let path = request.pathWithoutQuery
        if let liveness = configuration.livenessPath, path == liveness { return LocalReply(status: 200, body: "live") }
        guard let readiness = configuration.readinessPath, path == readiness else { return nil }
        guard let reason = reasonNotReady else { return LocalReply(status: 200, body: "ready") }
        return LocalReply(status: 503, body: reason)
    }

    /// Whether the service takes requests: the mesh has its configuration, `InboundConfiguration.isReady` says so, and
    /// it does not drain.
    public var isReady: Bool { reasonNotReady == nil }
}
