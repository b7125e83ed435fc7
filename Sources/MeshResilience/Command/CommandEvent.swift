// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What can happen to a call of a command. The names are Hystrix' (`HystrixEventType`).
public enum CommandEvent: Int, Hashable, Sendable, CaseIterable {
    /// The operation returned a value.
    case success
    /// The operation threw.
    case failure
    /// The operation took longer than its timeout.
    case timeout
    /// The circuit was open.
    case shortCircuited
    /// All places were taken.
    case semaphoreRejected
    /// The caller's request was at fault; neither a success nor a failure.
    case badRequest
    /// The caller gave up; neither a success nor a failure.
    case cancelled
    /// The fallback answered.
    case fallbackSuccess
    /// The fallback threw.
    case fallbackFailure
    /// All of the fallback's places were taken.
    case fallbackRejection
    /// There is no fallback.
    case fallbackMissing
    /// The caller got an error.
    case exceptionThrown
}
