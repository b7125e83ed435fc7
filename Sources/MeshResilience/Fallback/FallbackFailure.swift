// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// An operation failed, and so did everything that was to answer in its place; no error is lost.
public struct FallbackFailure: Error, CustomStringConvertible {
    /// Why the operation failed.
    public var original: any Error
    /// Why each fallback failed, in the order in which they were tried; never empty.
    public var fallbacks: [any Error]

    /// Creates an error.
    public init(original: any Error, fallbacks: [any Error]) {
        self.original = original
        self.fallbacks = fallbacks
    }

    /// The operation's error, and each fallback's.
    public var description: String {
        fallbacks.reduce("\(original)") { "\($0); fallback: \($1)" }
    }
}
