// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// How an exchange ended, once its response's head had arrived.
public enum ExchangeEnding: Sendable {
    /// The body was read to its end, or its reader wanted no more of it.
    case completed
    /// The exchange broke while the body was being read.
    case failed(any Error)
    /// The caller gave up while the body was being read.
    case cancelled
    /// A layer discards this answer, because another attempt takes its place.
    case discarded

    /// The ending that an error thrown while reading the body stands for.
    public init(error: any Error) {
        self = error is CancellationError ? .cancelled : .failed(error)
    }
}
