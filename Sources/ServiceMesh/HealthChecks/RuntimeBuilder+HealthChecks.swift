// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore

extension Cluster {
    /// What active checks know of an endpoint: what they knew, if its check and its target did not change; `nil` if it is
    /// not asked.
    /// - Parameters:
    ///   - previous: The endpoint as it was; `nil` for a new one.
    ///   - isAsking: Whether somebody asks. Nobody waits for a probe that will not be.
    func checker(
        of endpoint: ClusterEndpoint,
        succeeding previous: EndpointState?,
        isAsking: Bool,
        signal: ClusterSignal
    ) -> EndpointHealthChecker? {
        guard let healthCheck, !endpoint.healthCheck.isDisabled else { return nil }
        let target = endpoint.healthCheck.target(of: endpoint.address)
        guard let previous else {
            return EndpointHealthChecker(healthCheck, of: target, isTrusted: !isAsking, signal: signal)
        }
        if let checker = previous.checker, checker.check == healthCheck, checker.target == target { return checker }
        return EndpointHealthChecker(healthCheck, of: target, succeeding: previous.checker, signal: signal)
    }
}
