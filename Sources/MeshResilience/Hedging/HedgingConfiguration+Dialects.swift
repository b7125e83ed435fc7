// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

extension HedgingConfiguration {
    /// A gRPC `hedgingPolicy` (gRFC A6): at most 5 attempts whatever is asked for, `hedgingDelay` of 0 sends them all at
    /// once, a code that is not named is fatal, and the only budget is the throttle that retries have too.
    ///
    /// A method that has such a policy is one whose owner says that it may be executed twice.
    public static func gRPC(
        maximumAttempts: Int,
        hedgingDelay: Nanoseconds = .zero,
        nonFatalStatusCodes: [Int] = []
    ) -> HedgingConfiguration {
        HedgingConfiguration(
            maximumAttempts: min(maximumAttempts, 5),
            delay: .fixed(hedgingDelay),
            ownBudget: nil,
            nonFatalStatusCodes: [],
            nonFatalGRPCStatusCodes: nonFatalStatusCodes,
            hedgesNonIdempotent: true
        )
    }

    /// Finagle's `BackupRequestFilter`: one backup at the percentile beyond which lies `maximumExtraLoad` of the calls,
    /// under a budget of the same share and 10 a second; a failure is not backed up.
    /// - Parameter maximumExtraLoad: The share of calls, greater than 0 and below 1.
    public static func finagle(maximumExtraLoad: Double) -> HedgingConfiguration {
        HedgingConfiguration(
            delay: .percentile(HedgingPercentile(maximumExtraLoad: maximumExtraLoad)),
            hedgesFailures: false,
            ownBudget: RetryBudgetConfiguration(percent: maximumExtraLoad * 100)
        )
    }
}
