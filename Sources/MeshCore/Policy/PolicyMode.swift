// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What a policy does with what it decides.
public enum PolicyMode: String, Hashable, Sendable, CaseIterable {
    /// It decides and acts.
    case enforce
    /// It decides and tells observers what it would have done, and does nothing: a dry run.
    ///
    /// resilience4j has it for its breaker alone (`METRICS_ONLY`); here every policy has it.
    case observe
    /// It passes everything through and remembers nothing: each policy's null twin.
    case disabled
}
