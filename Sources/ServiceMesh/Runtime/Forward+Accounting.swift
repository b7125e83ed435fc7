// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience

extension RouteAction.Forward {
    /// The retries of requests that are hedged.
    ///
    /// Hedges only withdraw from the cluster's budget: what requests deposit, and how they end, it hears from the retries.
    /// A route that has none gets some that count its requests and send nothing again, or no hedge could ever be paid for.
    func retryBeside(_ hedging: Hedging) -> RetryPolicy? {
        if let retry, retry.mode != .disabled { return retry }
        guard hedging.configuration.mode != .disabled, hedging.budget != nil else { return retry }
        return RetryPolicy(
            maximumAttempts: 1,
            // What a hedge takes for a failure: it counts also where no hedge follows it.
            conditions: [.serverError, .retriableStatusCodes],
            retriableStatusCodes: hedging.configuration.nonFatalStatusCodes ?? [],
            avoidsPreviousEndpoints: false
        )
    }
}
