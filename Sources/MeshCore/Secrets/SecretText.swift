// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A text that must not be seen, as a private key is: whatever prints it prints `[redacted]`.
///
/// It has no other textual form, and a mirror shows nothing of it, so that no log, dump or crash report can carry it away.
public struct SecretText: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// What stands in its place: Envoy's word in its configuration dumps.
    public static let redaction = "[redacted]"

    /// The text itself, for whoever needs it to do something; never for what people read.
    public let revealed: String

    /// Hides a text.
    public init(_ text: String) {
        revealed = text
    }

    /// `[redacted]`.
    public var description: String { Self.redaction }
    /// `[redacted]`.
    public var debugDescription: String { Self.redaction }
    /// A mirror with nothing in it.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
